"""The application: routes, who asks, what every answer carries. `serve` runs it."""

from __future__ import annotations

import contextlib
import hashlib
import time
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from mcp.server.transport_security import TransportSecuritySettings
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from app_of_apps import __version__
from app_of_apps.errors import AppOfAppsError
from app_of_apps.service import agents, api, page, problems, signing_page, telemetry
from app_of_apps.service.authorization import Cookies
from app_of_apps.service.browser import Browser
from app_of_apps.service.principal import Principal, principal_of
from app_of_apps.service.signatures import Signatures
from app_of_apps.service.tokens import Issuer, NoToken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from opentelemetry.trace import Span
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from app_of_apps.service.front import Front
    from app_of_apps.service.metrics import Metrics
    from app_of_apps.service.settings import Settings

_BODY: Final = 1 << 20
"""Bytes of the longest request."""
_KNOWN: Final = 60.0
"""Seconds for which a token that was checked is not checked again."""
_WHO: Final = "aoa.principal"
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}


class _Callers:
    """Finds out who asks: a bearer token, or the session of a browser."""

    def __init__(self, front: Front, issuer: Issuer, browser: Browser, metrics: Metrics) -> None:
        self._front, self._issuer, self._browser, self._metrics = front, issuer, browser, metrics
        self._known: dict[bytes, tuple[float, dict[str, Any]]] = {}

    async def __call__(self, request: Request) -> Principal:
        """Return who asks; raises NoToken, or Spent when they ask too often."""
        header = request.headers.get("authorization", "")
        kind, _, token = header.partition(" ")
        if kind.lower() == "bearer" and token:
            found = await self.of_token(token)
        else:
            session = await run_in_threadpool(self._browser.principal, request)
            if session is None:
                login = self._issuer.login
                msg = f"send a token of {login.issuer} for {login.audience} as `Authorization: Bearer …`"
                raise NoToken(msg)
            if request.method not in {"GET", "HEAD"}:
                self._browser.check_form(request, request.headers.get("x-form-token", ""))
            found = session
        if found.kind == "agent":
            await run_in_threadpool(self._front.door.admit, found)
        else:
            self._front.door.admit(found)
        return found

    async def of_agent(self, request: Request) -> Principal:
        """Return whose bearer token a request carries; no session counts here. Raises NoToken or Spent."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            msg = "send a token as `Authorization: Bearer …`"
            raise NoToken(msg)
        found = await self.of_token(token)
        await run_in_threadpool(self._front.door.admit, found)
        return found

    async def of_token(self, token: str) -> Principal:
        """Return whose token it is; raises NoToken."""
        now, mark = time.monotonic(), hashlib.sha256(token.encode()).digest()
        kept = self._known.get(mark)
        if kept is not None and kept[0] > now and kept[1]["exp"] + self._issuer.login.skew > time.time():
            claims = kept[1]
        else:
            claims = await run_in_threadpool(self._issuer.claims, token)
            if len(self._known) > 10_000:  # noqa: PLR2004 - nobody fills the memory with tokens
                self._known.clear()
            self._known[mark] = (now + _KNOWN, claims)
        return principal_of(claims, self._issuer.login, self._front.world.files.project.manifest)


def _asking(request: Any) -> Principal:  # noqa: ANN401 - the SDK leaves its type open
    found: Principal = request.scope[_WHO]
    return found


class _Door:
    """Lets agents with a token through to their tools, which find in the scope who they are."""

    def __init__(self, app: ASGIApp, callers: _Callers) -> None:
        self._app, self._callers = app, callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on."""
        request = Request(scope)
        try:
            scope[_WHO] = await self._callers.of_agent(request)
        except AppOfAppsError as error:
            await problems.of(request, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class _Around:
    """What every answer carries, how long it took, and what is too long to read. Plain ASGI, so that streams flow."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, secure: bool) -> None:
        self._app, self._metrics = app, metrics
        more = {"Strict-Transport-Security": "max-age=31536000"} if secure else {}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in {**_HEADERS, **more}.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in self._headers if one[0] not in there)]
            await send(message)

        with telemetry.request(scope["method"], Request(scope).headers) as span:
            try:
                if (refused := _unread(Request(scope))) is not None:
                    await refused(scope, receive, sending)
                else:
                    await self._app(scope, receive, sending)
            finally:
                self._count(scope, status, time.perf_counter() - started, span)

    def _count(self, scope: Scope, status: int, took: float, span: Span) -> None:
        route = getattr(scope.get("route"), "path", "other")
        telemetry.answered(span, scope["method"], route, status)
        if status in {401, 403, 404, 429}:
            self._metrics.denied.labels(str(status)).inc()
        self._metrics.requests.labels(route, scope["method"], str(status)).observe(took)


def _unread(request: Request) -> Response | None:
    """Return the answer to a request whose body is not read, None for others."""
    length = request.headers.get("content-length")
    if length is None and "transfer-encoding" in request.headers:
        return problems.problem(411, "no-length", "Its length is not said", "send Content-Length", request)
    if length is not None and (not length.isdigit() or int(length) > _BODY):
        words = f"at most {_BODY} bytes are taken"
        return problems.problem(413, "too-long", "The request is too long", words, request)
    return None


def create(
    settings: Settings,
    front: Front,
    metrics: Metrics,
    *,
    key: bytes,
    begin: Callable[[], None] = lambda: None,
    end: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Return the application of a service; ``key`` seals logins, ``begin`` and ``end`` are called around its life."""
    issuer = Issuer(settings.login)
    cookies = Cookies(settings.url, key)
    browser = Browser(settings, issuer, front, cookies)
    signatures = Signatures(settings, issuer, front, browser, cookies)

    tools = agents.server(lambda ctx: agents.Here(front, _asking(ctx.request_context.request)))
    # Every call carries its token; sessions and the Host header decide nothing here.
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    mcp = tools.streamable_http_app(
        streamable_http_path="/mcp", json_response=True, stateless_http=True, transport_security=security
    )

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(begin)
        async with tools.session_manager.run():
            yield
        await run_in_threadpool(end)

    app = FastAPI(
        title="App of Apps",
        version=__version__,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        separate_input_output_schemas=False,
    )
    app.state.front, app.state.metrics, app.state.browser, app.state.settings = front, metrics, browser, settings
    app.state.signatures = signatures
    app.state.caller = _Callers(front, issuer, browser, metrics)
    problems.install(app)
    app.include_router(api.router)
    app.include_router(page.router)
    app.include_router(signing_page.router)
    app.router.routes.append(Route("/mcp", _Door(mcp, app.state.caller), include_in_schema=False))

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz(response: Response) -> dict[str, Any]:
        database = True
        try:
            await run_in_threadpool(front.ledger.counts)
        except Exception:  # noqa: BLE001 - that is the answer
            database = False
        parts = {"database": database, "looks": front.world.ready, "project": not front.world.files.problems}
        if not (database and front.world.ready):
            response.status_code = 503
        return {"ready": response.status_code != 503, **parts}  # noqa: PLR2004 - as set above

    @app.get("/metrics", include_in_schema=False)
    def scraped() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    app.add_middleware(_Around, metrics=metrics, secure=settings.url.startswith("https://"))
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign] # FastAPI's documented way
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    if not app.openapi_schema:
        found = get_openapi(
            title=app.title,
            version="1",
            summary="Deploy many services as one, one environment at a time.",
            description="All times are RFC 3339. Errors are problem details (RFC 9457); lists go on with `cursor`.",
            routes=app.routes,
        )
        parts = found.setdefault("components", {})
        parts.setdefault("schemas", {})["Problem"] = {
            "type": "object",
            "required": ["type", "title", "status", "detail", "instance"],
            "properties": {
                "type": {"type": "string", "description": "urn:app-of-apps:problem:…"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "instance": {"type": "string"},
                "errors": {"type": "array", "items": {"type": "object"}},
                "problems": {"type": "array", "items": {"type": "object"}},
                "retryAfter": {"type": "integer", "description": "Seconds."},
            },
        }
        parts["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        found["security"] = [{"bearer": []}]
        app.openapi_schema = found
    return app.openapi_schema
