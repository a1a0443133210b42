"""Pages from templates: what each of them is given, and errors as pages. Every text of others is escaped by Jinja."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool

from app_of_apps.deploy.report import duration, short
from app_of_apps.errors import AppOfAppsError
from app_of_apps.service import problems
from app_of_apps.service.principal import Denied
from app_of_apps.service.tokens import NoToken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import Request

    from app_of_apps.service.front import Front
    from app_of_apps.service.principal import Principal

STATIC: Final = Path(__file__).parent / "static"
_MARKS: Final = {
    "healthy": "✓",
    "progressing": "…",
    "unhealthy": "✗",
    "absent": "○",
    "unknown": "?",
}


def age(value: str | datetime | None) -> str:
    """Return how long ago something was, in its greatest unit."""
    if value is None:
        return "–"
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    seconds = max(0, int((datetime.now(UTC) - moment.astimezone(UTC)).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _version() -> str:
    content = b"".join(file.read_bytes() for file in sorted(STATIC.iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]


_PAGES: Final = Environment(
    loader=PackageLoader("app_of_apps.service", "pages"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters |= {"age": age, "short": short, "duration": duration}
_PAGES.globals |= {"marks": _MARKS, "version": _version()}


async def answer(request: Request, template: str, gather: Callable[[Front, Principal], Mapping[str, Any]]) -> Response:
    """Return a page for whoever has a session, and an invitation to log in for others."""
    browser = request.app.state.browser
    who = await run_in_threadpool(browser.principal, request)
    if who is None:
        return HTMLResponse(render("welcome.html", {"to": request.url.path, "who": None, "problem": None}))
    front: Front = request.app.state.front

    def make() -> str:
        front.door.admit(who)
        more = {"who": who, "form": browser.form_token(request), "to": request.url.path, "problem": None}
        return render(template, {**gather(front, who), **more, "names": front.rights.seen(who)})

    try:
        return HTMLResponse(await run_in_threadpool(make))
    except AppOfAppsError as error:
        return problem_page(request, error, who)


async def done(request: Request, token: str, do: Callable[[Front, Principal], str | Response]) -> Response:
    """Do what a form of a session asks for, and go where that says or give its answer."""
    browser, front = request.app.state.browser, request.app.state.front
    who = await run_in_threadpool(browser.principal, request)
    if who is None:
        return RedirectResponse("/", 303)

    def make() -> str | Response:
        front.door.admit(who)
        try:
            browser.check_form(request, token)
        except Denied as error:
            raise front.door.deny(who, "send a form", None, str(error)) from None
        return do(front, who)

    try:
        found = await run_in_threadpool(make)
    except AppOfAppsError as error:
        return problem_page(request, error, who)
    return found if isinstance(found, Response) else RedirectResponse(found, 303)


async def told(request: Request, make: Callable[[], Response], who: Principal | None = None) -> Response:
    """Return an answer, or the page of what stood against it."""
    try:
        return await run_in_threadpool(make)
    except AppOfAppsError as error:
        return problem_page(request, error, who)


def problem_page(request: Request, error: AppOfAppsError, who: Principal | None) -> Response:
    """Return an error as a page."""
    found = problems.of(request, error)
    shown: dict[str, Any] = {"to": "/", "who": None, "problem": str(error)[:2000], "title": type(error).__name__}
    if who is not None and not isinstance(error, NoToken):
        shown |= {"who": who, "form": request.app.state.browser.form_token(request), "names": ()}
    return HTMLResponse(render("problem.html", shown), status_code=found.status_code)


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a page's text."""
    return _PAGES.get_template(template).render({"form": "", "names": (), **values})
