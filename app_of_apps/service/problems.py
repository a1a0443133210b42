"""Errors as HTTP tells them: problem details (RFC 9457), one kind for each thing that a client can do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app_of_apps.deploy.redact import Redactor
from app_of_apps.errors import AppOfAppsError, InvalidInput, Refused, Unavailable
from app_of_apps.service.desk import Decided
from app_of_apps.service.door import NotThere, Spent
from app_of_apps.service.ledger import AskedDifferently
from app_of_apps.service.principal import Denied
from app_of_apps.service.tokens import NoToken

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

MEDIA_TYPE: Final = "application/problem+json"
_TYPE: Final = "urn:app-of-apps:problem:"
_KINDS: Final[tuple[tuple[type[AppOfAppsError], int, str, str], ...]] = (
    (NoToken, 401, "no-token", "Nobody is known by this token"),
    (NotThere, 404, "not-there", "There is no such thing"),
    (Spent, 429, "spent", "Too often"),
    (Denied, 403, "denied", "Not allowed"),
    (Decided, 409, "decided", "Decided already"),
    (AskedDifferently, 422, "asked-differently", "The idempotency key was used for something else"),
    (InvalidInput, 409, "invalid-project", "The project's files are not valid"),
    (Refused, 409, "refused", "Refused; nothing was touched"),
    (Unavailable, 503, "unavailable", "Something that is needed does not answer"),
    (AppOfAppsError, 500, "failed", "That failed"),
)
EXAMPLE: Final = {
    "type": "urn:app-of-apps:problem:denied",
    "title": "Not allowed",
    "status": 403,
    "detail": "person ada may not deploy orders in prod; `service` and `access` of the parent manifest say who may",
    "instance": "/v1/environments/prod/operations",
}


class Problem(JSONResponse):
    """One problem."""

    media_type = MEDIA_TYPE


def problem(status: int, kind: str, title: str, detail: str, request: Request, **more: Any) -> Problem:  # noqa: ANN401
    """Return a problem; ``more`` are members of its own."""
    body = {"type": _TYPE + kind, "title": title, "status": status, "detail": detail, "instance": request.url.path}
    headers = {}
    if status == 401:  # noqa: PLR2004 - RFC 6750
        headers["WWW-Authenticate"] = 'Bearer realm="app-of-apps", error="invalid_token"'
    if "retryAfter" in more:
        headers["Retry-After"] = str(more["retryAfter"])
    return Problem({**body, **more}, status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Let an application tell its errors as problems."""

    async def ours(request: Request, error: Exception) -> Problem:
        return of(request, error)

    async def invalid(request: Request, error: Exception) -> Problem:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
        found = [{"in": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
        words = "; ".join(f"{one['in']}: {one['message']}" for one in found)[:1000]
        return problem(422, "invalid-request", "The request is not valid", words, request, errors=found[:50])

    async def other(request: Request, error: Exception) -> Problem:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        return problem(error.status_code, "http", str(error.detail), str(error.detail), request)

    app.add_exception_handler(AppOfAppsError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, other)


def of(request: Request, error: Exception) -> Problem:
    """Return the problem that an error of ours is."""
    for kind, status, name, title in _KINDS:
        if isinstance(error, kind):
            more: dict[str, Any] = {}
            if isinstance(error, Spent):
                more["retryAfter"] = error.seconds
            if status == 503:  # noqa: PLR2004 - to be tried again
                more["retryAfter"] = 5
            if isinstance(error, InvalidInput):
                more["problems"] = [
                    {
                        "file": one.position.file,
                        "line": one.position.line or None,
                        "column": one.position.column or None,
                        "path": one.path,
                        "message": one.message,
                        "hint": one.hint,
                    }
                    for one in error.problems[:100]
                ]
            return problem(status, name, title, Redactor()(str(error))[:4000], request, **more)
    raise error
