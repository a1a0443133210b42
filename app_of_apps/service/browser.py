"""A person's login with a browser: authorization code with PKCE (RFC 7636), a session here, a cookie that is its key.

The token that the issuer gives is checked like every other one and forgotten; the session keeps subject, name and
groups. Forms carry a token made of the session's secret, so no other site can send them (OWASP, Cross-Site Request
Forgery Prevention), and what the cookie allows is asked for with the service's own origin.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi.responses import RedirectResponse

from app_of_apps.service.authorization import Authorization, Cookies
from app_of_apps.service.desk import SESSION
from app_of_apps.service.principal import Denied, Principal, principal_of
from app_of_apps.service.settings import CLIENT_SECRET

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.responses import Response

    from app_of_apps.service.front import Front
    from app_of_apps.service.settings import Settings
    from app_of_apps.service.tokens import Issuer

_COOKIE = "aoa"


class Browser:
    """Logins of browsers."""

    def __init__(self, settings: Settings, issuer: Issuer, front: Front, cookies: Cookies) -> None:
        """Take what a login needs."""
        self._settings, self._front, self._cookies = settings, front, cookies
        self._login = Authorization(issuer, cookies, purpose="aoa-login", back=f"{settings.url}/callback")

    def begin(self, request: Request) -> Response:
        """Send the browser to the issuer."""
        to = _own(request.query_params.get("to"))
        url, sealed = self._login.begin(self._settings.login.audience, {"to": to})
        answer = RedirectResponse(url, 303)
        self._login.put(answer, sealed)
        return answer

    def end(self, request: Request) -> Response:
        """Take what the issuer has sent the browser back with, and open a session; raises NoToken."""
        doing = self._login.kept(request)
        _, claims = self._login.token(request, doing, os.environ.get(CLIENT_SECRET))
        principal = principal_of(claims, self._settings.login, self._front.world.files.project.manifest)
        if principal.kind != "person":
            msg = "agents have no session; they use their token"
            raise Denied(msg)
        done = RedirectResponse(str(doing["to"]), 303)
        self._cookies.put(done, _COOKIE, self._front.desk.open_session(principal.shape()), SESSION)
        self._login.drop(done)
        return done

    def leave(self, request: Request) -> Response:
        """Close the session."""
        if secret := self._cookies.get(request, _COOKIE):
            self._front.desk.close_session(secret)
        done = RedirectResponse("/", 303)
        self._cookies.drop(done, _COOKIE)
        return done

    def principal(self, request: Request) -> Principal | None:
        """Return whose session a request belongs to; None where there is none."""
        secret = self._cookies.get(request, _COOKIE)
        shape = self._front.desk.session(secret) if secret else None
        if shape is None:
            return None
        from app_of_apps.service.front import principal_in  # noqa: PLC0415 - in a circle else

        return principal_in(self._front, shape)

    def form_token(self, request: Request) -> str:
        """Return what forms of a session carry."""
        return self._of_session(request, b"form")

    def binding(self, request: Request) -> str:
        """Return what tells a session from every other one and is no key to it."""
        return self._of_session(request, b"binding")

    def check_form(self, request: Request, token: str) -> None:
        """Raise Denied for a form that this service has not made for this session."""
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site")
        here = urlsplit(self._settings.url)
        strange = origin not in {None, f"{here.scheme}://{here.netloc}"} or site not in {None, "same-origin", "none"}
        wanted = self.form_token(request)
        if strange or not wanted or not hmac.compare_digest(token.encode(), wanted.encode()):
            msg = "this form was not made here for this login; load the page again"
            raise Denied(msg)

    def _of_session(self, request: Request, what: bytes) -> str:
        secret = self._cookies.get(request, _COOKIE)
        return hmac.new(secret.encode(), what, hashlib.sha256).hexdigest() if secret else ""


def _own(path: str | None) -> str:
    """Return a path of this service; nobody is sent elsewhere after a login."""
    if path and path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable():
        return path
    return "/"
