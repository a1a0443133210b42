"""Where statements and people's keys are kept: one Vault, asked as the program or as a person, by what each may do.

A statement stands at ``<kv>/data/app-of-apps/approvals/<parent>/<entity ID>/<nonce>`` in one version that nobody
overwrites: people may create there and nothing else, each below their own entity ID. No other value of the engine is
ever asked for.
"""

from __future__ import annotations

import base64
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import httpx

from app_of_apps.approval.gate import Person, Stored
from app_of_apps.approval.signing import person_key
from app_of_apps.approval.statement import Signed
from app_of_apps.environment.vault_reader import Forbidden, VaultReader
from app_of_apps.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDER: Final = "app-of-apps/approvals"
_CONNECTIONS: Final = 8


@dataclass(frozen=True, slots=True)
class Login:
    """Whose token it is."""

    entity: str
    """Empty for a token that belongs to nobody, such as a pipeline's."""
    name: str
    """At the auth method for people; empty where the entity has no login there."""


class ApprovalVault(VaultReader):
    """The Vault of one environment, for approvals. Raises Unavailable as `VaultReader` does, Forbidden on 403."""

    def now(self) -> datetime:
        """Return the moment by Vault's clock."""
        return _date(self._call("GET", "sys/seal-status"))

    def login(self, accessor: str) -> Login:
        """Return whose token this is, by the auth method with this accessor."""
        entity = self.entity()
        person = self.person(entity, accessor) if entity else None
        return Login(entity, person.name if person else "")

    def entity(self) -> str:
        """Return the ID of the entity whose token this is; empty for a token that belongs to nobody."""
        data = self._data(self._call("GET", "auth/token/lookup-self")) or {}
        return str(data.get("entity_id") or "")

    def accessor(self, mount: str) -> str | None:
        """Return the accessor of an auth method; None when there is no such method.

        People may not look at auth methods, but a login says by which one it came.
        """
        try:
            return super().accessor(mount)
        except Forbidden:
            entity = self._data(self._call("GET", f"identity/entity/id/{self.entity()}")) or {}
            for alias in entity.get("aliases") or ():
                if str(alias.get("mount_path")) == f"auth/{mount}/":
                    return str(alias["mount_accessor"])
            raise

    def person(self, entity: str, accessor: str, groups: Mapping[str, frozenset[str]] | None = None) -> Person | None:
        """Return what Vault says of a person; None when it knows none, or none who logs in at this auth method.

        ``groups`` is group of the identity provider → entity IDs of its members. Keys are not read.
        """
        data = self._data(self._call("GET", f"identity/entity/id/{entity}"))
        if data is None:
            return None
        aliases = [one for one in data.get("aliases") or () if one.get("mount_accessor") == accessor]
        if len(aliases) != 1:  # none, or logins of several people merged into one
            return None
        metadata = aliases[0].get("metadata") or {}
        return Person(
            entity=str(data["id"]),
            name=str(aliases[0]["name"]),
            groups=frozenset(group for group, members in (groups or {}).items() if entity in members),
            emails=frozenset(str(value) for key, value in metadata.items() if key == "email" and value),
            enabled=not data.get("disabled"),
        )

    def members(self, group: str, accessor: str) -> frozenset[str] | None:
        """Return the entity IDs of a group of the identity provider, as of each member's last login.

        None when Vault knows no group that a login's claim leads to.
        """
        asked = {"alias_name": group, "alias_mount_accessor": accessor}
        data = self._data(self._call("POST", "identity/lookup/group", asked))
        return None if data is None else frozenset(map(str, data.get("member_entity_ids") or ()))

    def ensure_group(self, name: str, alias: str, accessor: str) -> bool:
        """Make a group without any policy that a login's claim leads to, where there is none; return whether it was.

        It has the name under which the program declares it when it has rights in Vault; then the two are one.
        """
        if self.members(alias, accessor) is not None:
            return False
        path = f"identity/group/name/{name}"
        if self._data(self._call("GET", path)) is None:
            self._checked(self._call("POST", path, {"type": "external"}))
        group = self._data(self._call("GET", path)) or {}
        asked = {"name": alias, "mount_accessor": accessor, "canonical_id": str(group["id"])}
        self._checked(self._call("POST", "identity/group-alias", asked))
        return True

    def public_keys(self, mount: str, entity: str) -> dict[int, str]:
        """Return version → public key in base64 of a person's key; nothing when there is no key of the right type."""
        return _keys(self._data(self._call("GET", f"{mount}/keys/{person_key(entity)}")))

    def ensure_key(self, mount: str, entity: str) -> dict[int, str]:
        """Make a person's key where there is none, and return version → public key in base64.

        Asked of a key that is there, Vault changes nothing. Raises Refused when it is of another type.
        """
        path = f"{mount}/keys/{person_key(entity)}"
        keys = _keys(self._data(self._call("POST", path, {"type": "ed25519"})))
        if not keys:
            msg = f"{path} in Vault is no Ed25519 key, so nothing can be signed with it; have it deleted and run again"
            raise Refused(msg)
        return keys

    def sign(self, mount: str, entity: str, content: bytes) -> tuple[str, str]:
        """Return the signature of a person's key in base64, and ``<mount>/<key>:<version>``."""
        name = person_key(entity)
        asked = {"input": base64.b64encode(content).decode()}
        data = self._data(self._call("POST", f"{mount}/sign/{name}", asked)) or {}
        _, version, signature = str(data["signature"]).split(":")
        return signature, f"{mount}/{name}:{version.removeprefix('v')}"

    def keep(self, kv: str, stored: tuple[str, str, str], signed: Signed) -> None:
        """Store a statement at ``(parent, entity, nonce)``, where nothing stands yet."""
        path = f"{kv}/data/{FOLDER}/{'/'.join(stored)}"
        self._checked(self._call("POST", path, {"options": {"cas": 0}, "data": signed.shape()}))

    def statements(self, kv: str, parent: str) -> tuple[Stored, ...]:
        """Return everything that is kept for a parent, in no particular order."""
        places = [
            (entity.removesuffix("/"), nonce)
            for entity in self._names(f"{kv}/metadata/{FOLDER}/{parent}")
            if entity.endswith("/")
            for nonce in self._names(f"{kv}/metadata/{FOLDER}/{parent}/{entity.removesuffix('/')}")
            if not nonce.endswith("/")
        ]
        with ThreadPoolExecutor(_CONNECTIONS, "approvals") as pool:
            found = pool.map(lambda place: self._stored(kv, parent, *place), places)
            return tuple(one for one in found if one is not None)

    def _stored(self, kv: str, parent: str, entity: str, nonce: str) -> Stored | None:
        data = self._data(self._call("GET", f"{kv}/data/{FOLDER}/{parent}/{entity}/{nonce}"))
        if data is None:
            return None
        about, kept = data["metadata"], data.get("data")
        return Stored(
            parent=parent,
            entity=entity,
            nonce=nonce,
            signed=Signed.of(kept) if isinstance(kept, dict) else None,
            created=datetime.fromisoformat(about["created_time"]),
            versions=int(about["version"]),
        )

    def _names(self, path: str) -> list[str]:
        data = self._data(self._call("LIST", path))
        return [] if data is None else [str(name) for name in data["keys"]]

    def _data(self, answer: httpx.Response) -> dict[str, Any] | None:
        """Return what an answer holds; None when there is nothing."""
        if answer.status_code in {httpx.codes.NOT_FOUND, httpx.codes.NO_CONTENT}:
            return None
        self._checked(answer)
        data: dict[str, Any] = answer.json()["data"]
        return data

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body)
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            # Not chained: the request in the error holds the token.
            msg = f"Vault at {self.address} does not answer ({type(error).__name__}); nothing was touched"
            raise Unavailable(msg) from None

    def _checked(self, answer: httpx.Response) -> None:
        if not answer.is_error:
            return
        path = answer.request.url.path.removeprefix("/v1/")
        msg = f"Vault at {self.address} {self._refusal(answer.status_code, path)}; nothing was touched"
        if answer.status_code == httpx.codes.FORBIDDEN:
            raise Forbidden(msg)
        if answer.status_code == httpx.codes.BAD_REQUEST and "check-and-set" in answer.text:
            taken = f"a statement stands at {path} already; nothing was written"
            raise Refused(taken)
        raise Unavailable(msg)


def _keys(data: Mapping[str, Any] | None) -> dict[int, str]:
    if data is None or data.get("type") != "ed25519" or data.get("derived"):
        return {}
    return {int(version): str(one["public_key"]) for version, one in data["keys"].items()}


def _date(answer: httpx.Response) -> datetime:
    try:
        return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        msg = "Vault does not say what time it is; approvals cannot be checked against a clock of this machine"
        raise Unavailable(msg) from None


def with_keys(vault: ApprovalVault, mount: str, people: Iterable[Person]) -> dict[str, Person]:
    """Return entity ID → person with the public keys of each."""
    return {one.entity: replace(one, keys=vault.public_keys(mount, one.entity)) for one in people}
