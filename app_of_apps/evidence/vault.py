"""What the chain of evidence needs of Vault: signatures, public keys, whose token it is, and an anchor.

The anchor is the number and hash of the newest record, kept beside no secret in the metadata of the environment's kv-v2
engine: whoever removes records from the cluster does not reach it.
"""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING, Any, Final

import httpx

from app_of_apps.environment.vault_reader import Forbidden, VaultReader
from app_of_apps.errors import Unavailable
from app_of_apps.evidence.chain import Link
from app_of_apps.evidence.record import InVault
from app_of_apps.evidence.signing import raw_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ANCHOR: Final = "app-of-apps/evidence"
"""Below the kv-v2 engine: ``<ANCHOR>/<parent>``."""


class EvidenceVault(VaultReader):
    """The Vault of one environment, for its evidence. Raises Unavailable as `VaultReader` does, Forbidden on 403."""

    def login(self) -> InVault:
        """Return whose token this is."""
        data = self._get("auth/token/lookup-self") or {}
        entity, meta = str(data.get("entity_id") or ""), data.get("meta") or {}
        return InVault(
            display_name=str(data.get("display_name") or ""),
            entity=entity,
            # A login by JWT notes its role, and people's display names end with the name of their alias.
            entity_name=str(meta.get("username") or ""),
            policies=tuple(sorted(map(str, data.get("policies") or ()))),
        )

    def sign(self, mount: str, key: str, content: bytes) -> tuple[str, str]:
        """Return the signature in base64 and ``<mount>/<key>:<version>``."""
        answer = self._send("POST", f"{mount}/sign/{key}", {"input": base64.b64encode(content).decode()})
        _, version, signature = str(answer["data"]["signature"]).split(":")
        return signature, f"{mount}/{key}:{version.removeprefix('v')}"

    def public_keys(self, mount: str, key: str) -> dict[str, bytes]:
        """Return ``<mount>/<key>:<version>`` → public key; nothing when there is no Ed25519 key of that name."""
        data = self._get(f"{mount}/keys/{key}")
        if data is None or data.get("type") != "ed25519":
            return {}
        found = {version: raw_key(str(one["public_key"])) for version, one in data["keys"].items()}
        return {f"{mount}/{key}:{version}": raw for version, raw in found.items() if raw is not None}

    def versions(self, kv: str, paths: Iterable[str]) -> dict[str, int]:
        """Return ``<mount>/<path>`` → the latest version of each secret that is there."""
        found = {path: self._get(f"{kv}/metadata/{path}") for path in paths}
        return {f"{kv}/{path}": int(data["current_version"]) for path, data in found.items() if data is not None}

    def anchor(self, kv: str, parent: str) -> Link | None:
        """Return the newest record that the anchor knows; None when there is none."""
        noted = self.custom_metadata(kv, f"{ANCHOR}/{parent}") or {}
        try:
            return Link(int(noted["sequence"]), noted["hash"])
        except (KeyError, ValueError):
            return None

    def set_anchor(self, kv: str, parent: str, link: Link) -> None:
        """Note the newest record."""
        noted = {"sequence": str(link.sequence), "hash": link.hash}
        self._send("POST", f"{kv}/metadata/{ANCHOR}/{parent}", {"custom_metadata": noted})

    def _send(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, json=dict(body))
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            # Not chained: the request in the error holds the token.
            msg = f"Vault at {self.address} does not answer ({type(error).__name__}), and no record could be kept"
            raise Unavailable(msg) from None
        if answer.is_error:
            kind = Forbidden if answer.status_code == httpx.codes.FORBIDDEN else Unavailable
            said = self._refusal(answer.status_code, path).replace("`read`", "`update`")
            msg = f"Vault at {self.address} {said}, and no record could be kept"
            raise kind(msg)
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found
