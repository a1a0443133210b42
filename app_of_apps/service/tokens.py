"""Bearer tokens of one OpenID Connect issuer: signature, issuer, audience, times. PyJWT does the cryptography."""

from __future__ import annotations

import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import httpx
import jwt

from app_of_apps.errors import AppOfAppsError, Unavailable

if TYPE_CHECKING:
    from app_of_apps.service.settings import Login

# Asymmetric ones alone: with a shared secret, whoever can check a token can make one (RFC 8725, 3.1 and 3.2).
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_KEYS_LAST: Final = 300.0
"""Seconds after which the issuer's keys are read again."""
_PATIENCE: Final = 10.0
"""Seconds between two readings because of a key that nobody knows; tokens with invented keys must not make us ask."""
_LONGEST: Final = 16 * 1024


class NoToken(AppOfAppsError):
    """Nobody is known by what was sent. The message says nothing of the token's content."""


class Issuer:
    """The issuer of the tokens that count."""

    def __init__(self, login: Login) -> None:
        """Read nothing yet; its certificate's authority may be one of our own."""
        self.login = login
        context = ssl.create_default_context(cafile=str(login.ca_file) if login.ca_file else None)
        self.client = httpx.Client(verify=context, timeout=10, follow_redirects=False, trust_env=False)
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read = -1e9
        self._about: dict[str, Any] = {}

    def about(self) -> dict[str, Any]:
        """Return the issuer's configuration (OpenID Connect Discovery 1.0); raises Unavailable."""
        if not self._about:
            found = self._get(f"{self.login.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.login.issuer:
                msg = f"{self.login.issuer} says that it is another issuer"
                raise Unavailable(msg)
            self._about = found
        return self._about

    def claims(self, token: str, *, audience: str | None = None, nonce: str | None = None) -> dict[str, Any]:
        """Return the claims of a token; raises NoToken where it does not count, Unavailable without the issuer.

        It has to be for the service itself, unless ``audience`` names another client.
        """
        wanted = audience or self.login.audience
        if len(token) > _LONGEST:
            msg = "the token is too long"
            raise NoToken(msg)
        try:
            head = jwt.get_unverified_header(token)
            if head.get("alg") not in _ALGORITHMS:
                msg = "the token is signed in a way that does not count here"
                raise NoToken(msg)
            found: dict[str, Any] = jwt.decode(
                token,
                self._key(str(head.get("kid") or "")),
                algorithms=[head["alg"]],
                audience=wanted,
                issuer=self.login.issuer,
                leeway=self.login.skew,
                options={"require": ["exp", "iat", "sub", "aud", "iss", self.login.subject_claim]},
            )
        except jwt.ExpiredSignatureError:
            msg = "the token has expired; get a new one"
            raise NoToken(msg) from None
        except jwt.InvalidAudienceError:
            msg = f"the token is for somebody else: its audience is not {wanted}"
            raise NoToken(msg) from None
        except (jwt.InvalidTokenError, ValueError, TypeError):
            msg = "the token does not count here"
            raise NoToken(msg) from None
        if nonce is not None and found.get("nonce") != nonce:
            msg = "the token is of another login"
            raise NoToken(msg)
        return found

    def _key(self, kid: str) -> jwt.PyJWK:
        now = time.monotonic()
        with self._lock:
            age = now - self._read
            if age > _KEYS_LAST or (kid not in self._keys and age > _PATIENCE):
                try:
                    self._keys = self._read_keys()
                except Unavailable:
                    if kid not in self._keys:  # those that are known go on counting while it is away
                        raise
                self._read = now
            found = self._keys.get(kid)
            if found is None and not kid and len(self._keys) == 1:
                found = next(iter(self._keys.values()))
        if found is None:
            msg = "the token is signed with a key that its issuer does not have"
            raise NoToken(msg)
        return found

    def _read_keys(self) -> dict[str, jwt.PyJWK]:
        found = self._get(str(self.about()["jwks_uri"]))
        try:
            keys = jwt.PyJWKSet.from_dict(found).keys
        except jwt.PyJWTError:
            msg = f"{self.login.issuer} has no key that can be used"
            raise Unavailable(msg) from None
        return {str(key.key_id or ""): key for key in keys if key.public_key_use in {None, "sig"}}

    def _get(self, url: str) -> dict[str, Any]:
        try:
            answer = self.client.get(url)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            msg = f"the issuer {self.login.issuer} does not answer ({type(error).__name__})"
            raise Unavailable(msg) from None
        return found
