"""The authorization code flow with PKCE (RFC 7636) at the issuer, and what a browser keeps of it, sealed.

Each purpose has a cookie and seals of its own, so what was begun for one is no answer for another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import httpx

from app_of_apps.errors import Unavailable
from app_of_apps.service.tokens import NoToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request
    from starlette.responses import Response

    from app_of_apps.service.tokens import Issuer

_LASTS: Final = 600
"""Seconds in which somebody has to log in."""


class Cookies:
    """Cookies of one service, some of them sealed with its key."""

    def __init__(self, url: str, key: bytes) -> None:
        """Take the address of the service, which says whether they are for https alone."""
        self._secure, self._key = url.startswith("https://"), key
        self._prefix = "__Host-" if self._secure else ""

    def name(self, purpose: str) -> str:
        """Return what a cookie is called."""
        return f"{self._prefix}{purpose}"

    def put(self, answer: Response, purpose: str, value: str, seconds: int) -> None:
        """Give a browser a cookie."""
        answer.set_cookie(
            self.name(purpose), value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def get(self, request: Request, purpose: str) -> str:
        """Return what a browser has; nothing when it has none."""
        return request.cookies.get(self.name(purpose), "")

    def drop(self, answer: Response, purpose: str) -> None:
        """Take a cookie away. A browser takes one with the prefix from nobody who does not say the rest, too."""
        answer.delete_cookie(self.name(purpose), path="/", secure=self._secure, httponly=True, samesite="lax")

    def seal(self, purpose: str, content: Mapping[str, Any]) -> str:
        """Return content as a cookie that nobody else can write; whoever has it can read it."""
        text = json.dumps({**content, "t": int(time.time())}, ensure_ascii=False)
        body = base64.urlsafe_b64encode(text.encode()).decode()
        return f"{body}.{self._mark(purpose, body)}"

    def opened(self, request: Request, purpose: str, *, seconds: int) -> dict[str, Any] | None:
        """Return what was sealed for a purpose not longer ago than that, with the time of it as ``t``."""
        body, _, mark = self.get(request, purpose).partition(".")
        if not hmac.compare_digest(self._mark(purpose, body).encode(), mark.encode()):
            return None
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body))
        return found if time.time() - found["t"] < seconds else None

    def _mark(self, purpose: str, body: str) -> str:
        return hmac.new(self._key, f"{purpose}.{body}".encode(), hashlib.sha256).hexdigest()


class Authorization:
    """Logins at the issuer for one purpose, which come back to one path."""

    def __init__(self, issuer: Issuer, cookies: Cookies, *, purpose: str, back: str) -> None:
        """Take the name of the cookie, and the whole address that the issuer sends browsers back to."""
        self._issuer, self._cookies, self._purpose, self._back = issuer, cookies, purpose, back

    def begin(self, client: str, keep: Mapping[str, Any], **more: str) -> tuple[str, str]:
        """Return where a browser has to go, and the value of the cookie that it needs when it comes back."""
        verifier, state, nonce = (secrets.token_urlsafe(48) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": client,
            "redirect_uri": self._back,
            "response_type": "code",
            "scope": "openid profile email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **more,
        }
        doing = {**keep, "c": client, "s": state, "n": nonce, "v": verifier}
        url = f"{self._issuer.about()['authorization_endpoint']}?{urlencode(asked)}"
        return url, self._cookies.seal(self._purpose, doing)

    def put(self, answer: Response, sealed: str) -> None:
        """Give a browser the cookie of a login that it begins."""
        self._cookies.put(answer, self._purpose, sealed, _LASTS)

    def drop(self, answer: Response) -> None:
        """Take it away: a login ends once."""
        self._cookies.drop(answer, self._purpose)

    def kept(self, request: Request) -> dict[str, Any]:
        """Return what was kept of the login that comes back; raises NoToken unless this browser has begun it."""
        doing = self._cookies.opened(request, self._purpose, seconds=_LASTS)
        given = request.query_params.get("state", "")
        if doing is None or not hmac.compare_digest(given.encode(), str(doing["s"]).encode()):
            msg = "this login was begun elsewhere, or too long ago; begin again"
            raise NoToken(msg)
        return doing

    def token(self, request: Request, doing: Mapping[str, Any], secret: str | None) -> tuple[str, dict[str, Any]]:
        """Return the ID token that the issuer gives for a code, and its claims; raises NoToken or Unavailable."""
        if "code" not in request.query_params:
            msg = "the identity provider let nobody in"
            raise NoToken(msg)
        client = str(doing["c"])
        form = {
            "grant_type": "authorization_code",
            "code": request.query_params["code"],
            "redirect_uri": self._back,
            "client_id": client,
            "code_verifier": str(doing["v"]),
        }
        auth = httpx.BasicAuth(client, secret) if secret else httpx.USE_CLIENT_DEFAULT
        try:
            answer = self._issuer.client.post(str(self._issuer.about()["token_endpoint"]), data=form, auth=auth)
            token = str(answer.json()["id_token"]) if answer.is_success else ""
        except (httpx.HTTPError, ValueError, KeyError) as error:
            msg = f"the identity provider does not answer ({type(error).__name__})"
            raise Unavailable(msg) from None
        if not token:
            msg = "the identity provider gave no token for this login; begin again"
            raise NoToken(msg)
        return token, self._issuer.claims(token, audience=client, nonce=str(doing["n"]))
