"""Versions of secrets in one kv-v2 engine: what there is, writing one key, destroying a version. Values are never read.

A key is written by ``PATCH`` (RFC 7396), which keeps the other keys without anybody having to read them, and by
check-and-set, so that a version that somebody else wrote in the meantime is never covered without a word.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

from app_of_apps.environment.vault_reader import VaultReader
from app_of_apps.errors import Refused, SecretMissing, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _SEALED = 400, 403, 404, 503


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of a secret. ``gone`` when it was deleted or destroyed."""

    number: int
    created: datetime
    gone: bool = False


@dataclass(frozen=True, slots=True)
class SecretState:
    """The versions of a secret, oldest first, and the names of the latest one's keys."""

    versions: tuple[SecretVersion, ...]
    keys: frozenset[str]

    @property
    def latest(self) -> SecretVersion:
        """The newest version."""
        return self.versions[-1]

    def at(self, moment: datetime) -> SecretVersion | None:
        """Return the newest version that was there at a moment; None when the oldest known is younger."""
        return next((one for one in reversed(self.versions) if one.created <= moment), None)


class VaultSecrets(VaultReader):
    """The Vault of one environment, for whoever sees to its secrets. Raises Unavailable as `VaultReader` does."""

    def state(self, mount: str, path: str) -> SecretState | None:
        """Return what there is at a path; None when nothing is, or when the latest version was deleted."""
        found = self._get(f"{mount}/metadata/{path}")
        keys = self.keys(mount, path)
        if found is None or keys is None:
            return None
        found_versions = found.get("versions") or {}
        numbered = [(number, found_versions[str(number)]) for number in sorted(map(int, found_versions))]
        versions = [
            SecretVersion(
                number,
                datetime.fromisoformat(one["created_time"]),
                bool(one.get("destroyed") or one.get("deletion_time")),
            )
            for number, one in numbered
        ]
        return SecretState(tuple(versions), keys) if versions else None

    def may(self, path: str) -> frozenset[str] | None:
        """Return what the token may do at a complete path of the API; None when Vault does not say."""
        answer = self._send("POST", "sys/capabilities-self", {"paths": [path]})
        if answer.status_code == _FORBIDDEN:
            return None
        self._check(answer, "sys/capabilities-self", "nothing was written")
        return frozenset(answer.json()["data"].get(path) or ())

    def write_key(self, mount: str, path: str, key: str, value: str, *, version: int) -> int:
        """Write one key on top of ``version``, keep the others, and return the number of the new version.

        Raises Refused when the latest version is another one by now, SecretMissing when there is no secret at the path.
        """
        body = {"options": {"cas": version}, "data": {key: value}}
        headers = {"Content-Type": "application/merge-patch+json"}
        unknown = f"whether version {version + 1} was written is not known; look with `aoa secrets status`"
        answer = self._send("PATCH", f"{mount}/data/{path}", body, headers=headers, after=unknown)
        if answer.status_code == _BAD_REQUEST and "check-and-set" in answer.text:
            msg = (
                f"somebody has written a newer version of {mount}/{path} than {version} in the meantime; "
                "nothing was written. Run again"
            )
            raise Refused(msg)
        if answer.status_code == _NOT_FOUND:
            msg = f"there is no secret at {mount}/{path} in Vault at {self.address}; nothing was written"
            raise SecretMissing(msg)
        self._check(answer, f"{mount}/data/{path}", "nothing was written")
        return int(answer.json()["data"]["version"])

    def destroy(self, mount: str, path: str, version: int) -> None:
        """Destroy the data of one version for good; its number and date stay."""
        answer = self._send("PUT", f"{mount}/destroy/{path}", {"versions": [version]})
        self._check(answer, f"{mount}/destroy/{path}", f"version {version} still exists")

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        after: str = "nothing was written",
    ) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body, headers=headers)
        except httpx.ConnectError as error:
            msg = f"Vault at {self.address} does not answer ({type(error).__name__}); nothing was written"
            raise Unavailable(msg) from None
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            # Not chained: the request in the error holds what was sent.
            msg = f"Vault at {self.address} does not answer ({type(error).__name__}); {after}"
            raise Unavailable(msg) from None

    def _check(self, answer: httpx.Response, path: str, consequence: str) -> None:
        if not answer.is_error:
            return
        if answer.status_code == _FORBIDDEN:
            needed = "role with `vault: [list, rotate]` (and `destroy` for --destroy-old)"
            what = f"answers 403 for {path}: the token has expired, or may not do this. It takes a {needed}"
        elif answer.status_code == _SEALED:
            what = "is sealed or has no active node: unseal it and run again"
        else:
            what = f"answers {answer.status_code} for {path}"
        msg = f"Vault at {self.address} {what}; {consequence}"
        raise Unavailable(msg)
