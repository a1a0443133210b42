"""A person's login with a browser: authorization code with PKCE (RFC 7636), a session here, a cookie that is its key.

The token that the issuer gives is checked like every other one and forgotten; the session keeps subject, name and
groups. Forms carry a token made of the session's secret, so no other site can send them (OWASP, Cross-Site Request
Forgery Prevention), and what the cookie allows is asked for with the service's own origin.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
from fastapi.responses import RedirectResponse

from app_of_apps.errors import Unavailable
from app_of_apps.service.principal import Denied, Principal, principal_of
from app_of_apps.service.settings import CLIENT_SECRET
from app_of_apps.service.tokens import NoToken

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.responses import Response

    from app_of_apps.service.front import Front
    from app_of_apps.service.settings import Settings
    from app_of_apps.service.tokens import Issuer

_LOGIN_LASTS: Final = 600


class Browser:
    """Logins of browsers."""

    def __init__(self, settings: Settings, issuer: Issuer, front: Front, key: bytes) -> None:
        """Take what a login needs; what it is doing meanwhile stands in a cookie of the browser, sealed with a key."""
        self._settings, self._issuer, self._front = settings, issuer, front
        self._secure = settings.url.startswith("https://")
        prefix = "__Host-" if self._secure else ""
        self.cookie, self._doing = f"{prefix}aoa", f"{prefix}aoa-login"
        self._key = key

    def begin(self, request: Request) -> Response:
        """Send the browser to the issuer."""
        verifier, state, nonce = (secrets.token_urlsafe(48) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self._settings.login.audience,
            "redirect_uri": self._redirect,
            "response_type": "code",
            "scope": "openid profile email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        answer = RedirectResponse(f"{self._issuer.about()['authorization_endpoint']}?{urlencode(asked)}", 303)
        doing = {
            "s": state,
            "n": nonce,
            "v": verifier,
            "t": int(time.time()),
            "to": _own(request.query_params.get("to")),
        }
        self._set(answer, self._doing, self._sealed(doing), _LOGIN_LASTS)
        return answer

    def end(self, request: Request) -> Response:
        """Take what the issuer has sent the browser back with, and open a session; raises NoToken."""
        doing = self._opened(request.cookies.get(self._doing, ""))
        given = request.query_params.get("state", "")
        if doing is None or not hmac.compare_digest(given.encode(), str(doing["s"]).encode()):
            msg = "this login was begun elsewhere, or too long ago; begin again"
            raise NoToken(msg)
        if "code" not in request.query_params:
            msg = "the identity provider let nobody in"
            raise NoToken(msg)
        form = {
            "grant_type": "authorization_code",
            "code": request.query_params["code"],
            "redirect_uri": self._redirect,
            "client_id": self._settings.login.audience,
            "code_verifier": str(doing["v"]),
        }
        secret = os.environ.get(CLIENT_SECRET)
        auth = (self._settings.login.audience, secret) if secret else None
        try:
            about = self._issuer.about()
            answer = self._issuer.client.post(str(about["token_endpoint"]), data=form, auth=auth)  # type: ignore[arg-type] # None is no auth
            token = str(answer.json()["id_token"]) if answer.is_success else ""
        except (httpx.HTTPError, ValueError, KeyError) as error:
            msg = f"the identity provider does not answer ({type(error).__name__})"
            raise Unavailable(msg) from None
        if not token:
            msg = "the identity provider gave no token for this login; begin again"
            raise NoToken(msg)
        claims = self._issuer.claims(token, nonce=str(doing["n"]))
        principal = principal_of(claims, self._settings.login, self._front.world.files.project.manifest)
        if principal.kind != "person":
            msg = "agents have no session; they use their token"
            raise Denied(msg)
        done = RedirectResponse(str(doing["to"]), 303)
        from app_of_apps.service.desk import SESSION  # noqa: PLC0415 - a constant

        self._set(done, self.cookie, self._front.desk.open_session(principal.shape()), SESSION)
        done.delete_cookie(self._doing, path="/")
        return done

    def leave(self, request: Request) -> Response:
        """Close the session."""
        if secret := request.cookies.get(self.cookie):
            self._front.desk.close_session(secret)
        done = RedirectResponse("/", 303)
        done.delete_cookie(self.cookie, path="/")
        return done

    def principal(self, request: Request) -> Principal | None:
        """Return whose session a request belongs to; None where there is none."""
        secret = request.cookies.get(self.cookie)
        shape = self._front.desk.session(secret) if secret else None
        if shape is None:
            return None
        from app_of_apps.service.front import principal_in  # noqa: PLC0415 - in a circle else

        return principal_in(self._front, shape)

    def form_token(self, request: Request) -> str:
        """Return what forms of a session carry."""
        secret = request.cookies.get(self.cookie, "")
        return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest() if secret else ""

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

    @property
    def _redirect(self) -> str:
        return f"{self._settings.url}/callback"

    def _set(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax")

    def _sealed(self, doing: dict[str, Any]) -> str:
        body = base64.urlsafe_b64encode(json.dumps(doing).encode()).decode()
        return f"{body}.{hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()}"

    def _opened(self, sealed: str) -> dict[str, Any] | None:
        body, _, seal = sealed.partition(".")
        if not hmac.compare_digest(hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest(), seal):
            return None
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body))
        return found if time.time() - found["t"] < _LOGIN_LASTS else None


def _own(path: str | None) -> str:
    """Return a path of this service; nobody is sent elsewhere after a login."""
    if path and path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable():
        return path
    return "/"
