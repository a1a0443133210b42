"""Signing in the page: a second login of the same person, for one signature that they have seen.

A session is no signature, and its token is gone. So whoever signs logs in again, for the client whose tokens the
environment's Vault takes from people. What they sign is sealed before they go and bound to their session, so neither a
login that somebody else has begun nor one of another person signs anything. The token that comes back is used for this
signature and forgotten: it is in no cookie, no session, no page, no address and no log.
"""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from fastapi.responses import RedirectResponse

from app_of_apps.errors import Refused
from app_of_apps.service.authorization import Authorization, Cookies
from app_of_apps.service.principal import principal_of
from app_of_apps.service.tokens import NoToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request
    from starlette.responses import Response

    from app_of_apps.service.browser import Browser
    from app_of_apps.service.front import Front
    from app_of_apps.service.principal import Principal
    from app_of_apps.service.settings import Settings
    from app_of_apps.service.tokens import Issuer

_SAID: Final = "aoa-said"
_SAID_LASTS: Final = 60
"""Seconds for which the environment's page says what was signed."""
_NOTHING: Final = "; nothing was signed"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to sign."""

    do: Literal["approve", "revoke"]
    env: str
    what: str
    """The digest of the release that they have seen; to revoke, the nonce of their signature."""
    reason: str = ""


class Signatures:
    """Logins that end in a signature."""

    def __init__(self, settings: Settings, issuer: Issuer, front: Front, browser: Browser, cookies: Cookies) -> None:
        """Take what a login needs, and whose session it has to be."""
        self._settings, self._front, self._browser, self._cookies = settings, front, browser, cookies
        self._login = Authorization(issuer, cookies, purpose="aoa-sign", back=f"{settings.url}/callback/sign")

    def shown(self, request: Request, env: str) -> dict[str, Any]:
        """Return what an environment's page needs: whether one signs there, and what was signed a moment ago."""
        said = self._cookies.opened(request, _SAID, seconds=_SAID_LASTS)
        mine = said is not None and said["env"] == env and self._of_this_session(request, said)
        return {"signs": env in self._settings.login.approvals, "said": said["text"] if said and mine else None}

    def begin(self, request: Request, who: Principal, wish: Wish) -> tuple[str, str]:
        """Return where somebody has to log in to sign something, and the cookie that they need when they come back.

        Raises Denied and Refused where they could sign nothing.
        """
        self._check(who, wish)
        client = self._settings.login.approvals.get(wish.env)
        if client is None:
            msg = (
                f"the service's settings (login: approvals) name no client for {wish.env}; "
                f"`aoa {wish.do} {wish.env}` signs without the page{_NOTHING}"
            )
            raise Refused(msg)
        # Both ask for a login that is new (OpenID Connect Core 1.0, 3.1.2.1); the second asks for `auth_time`, too.
        fresh = {"prompt": "login", "max_age": "0"}
        return self._login.begin(client, {"wish": asdict(wish), "by": self._browser.binding(request)}, **fresh)

    def put(self, answer: Response, sealed: str) -> None:
        """Give a browser the cookie of a login."""
        self._login.put(answer, sealed)

    def drop(self, answer: Response) -> None:
        """Take it away, whatever came of the login."""
        self._login.drop(answer)

    def end(self, request: Request, who: Principal) -> Response:
        """Take what the issuer has sent a session's browser back with, sign, and go to the environment's page.

        Raises Denied, Refused and Unavailable; nothing was signed then.
        """
        self._front.door.admit(who)
        try:
            doing = self._login.kept(request)
        except NoToken as error:
            raise self._front.door.deny(who, "sign", None, f"{error}{_NOTHING}") from None
        wish = Wish(**doing["wish"])
        if not self._of_this_session(request, doing):
            raise self._deny(who, wish, "this login was begun in another session")
        self._check(who, wish)
        secret = self._settings.login.secret(str(doing["c"]), wish.env)
        try:
            token, claims = self._login.token(request, doing, secret)
        except NoToken as error:
            raise self._deny(who, wish, str(error)) from None
        if why := self._wrong(who, doing, claims):
            raise self._deny(who, wish, why)
        if wish.do == "approve":
            told = self._front.approve(who, wish.env, release=wish.what, token=token, reason=wish.reason)
            *_, last = ["", *told.splitlines()]  # who has signed so far, and how many are asked for
            text = f"You have signed {wish.what} in {wish.env}: {last.strip()}."
        else:
            self._front.revoke(who, wish.env, wish.what, token=token, reason=wish.reason)
            text = f"You have taken back your signature {wish.what[:8]} in {wish.env}."
        done = RedirectResponse(f"/environments/{wish.env}", 303)
        said = {"env": wish.env, "text": text, "by": doing["by"]}
        self._cookies.put(done, _SAID, self._cookies.seal(_SAID, said), _SAID_LASTS)
        return done

    def _wrong(self, who: Principal, doing: Mapping[str, Any], claims: Mapping[str, Any]) -> str | None:
        """Return what is wrong with a token that is the issuer's; None when it is this person's, of this login."""
        login = self._settings.login
        same = principal_of(claims, login, self._front.world.files.project.manifest)
        if same.kind != "person" or same.subject != who.subject:
            return "somebody else has logged in than the one whose session this is"
        if claims.get("azp", doing["c"]) != doing["c"]:
            return "the token was given to another client"
        moments = (claims["iat"], claims.get("auth_time", claims["iat"]))
        if not all(isinstance(one, int | float) and one >= doing["t"] - login.skew for one in moments):
            return "the identity provider let in somebody who had logged in before; log in anew"
        return None

    def _check(self, who: Principal, wish: Wish) -> None:
        if wish.do == "approve":
            self._front.may_approve(who, wish.env, wish.what)
        else:
            self._front.may_revoke(who, wish.env)

    def _of_this_session(self, request: Request, kept: Mapping[str, Any]) -> bool:
        return hmac.compare_digest(str(kept["by"]), self._browser.binding(request))

    def _deny(self, who: Principal, wish: Wish, why: str) -> Exception:
        return self._front.door.deny(who, wish.do, wish.env, f"{why}{_NOTHING}")
