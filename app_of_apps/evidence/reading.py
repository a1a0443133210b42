"""Reads the chain of one environment as it is kept, and checks it while it reads. Never writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app_of_apps.environment.guard import check_person
from app_of_apps.errors import Unavailable
from app_of_apps.evidence.chain import check_chain
from app_of_apps.evidence.journal import key_name
from app_of_apps.evidence.store import RecordStore
from app_of_apps.evidence.vault import EvidenceVault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.environment.settings import Environment
    from app_of_apps.evidence.chain import Finding, Link, Signed
    from app_of_apps.evidence.record import Record

_UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True)
class Reading:
    """A chain as it was found."""

    kept: tuple[Signed, ...]
    """Everything that is kept, in the order of its number."""
    keys: Mapping[str, bytes]
    """The environment's public keys by name; empty when Vault did not give them."""
    anchor: Link | None
    findings: tuple[Finding, ...]
    """What is not as it was signed."""
    notes: tuple[str, ...]
    """What could not be checked, and why."""

    @property
    def records(self) -> tuple[Record, ...]:
        """Those that can be read."""
        return tuple(one.record for one in self.kept if one.readable)


def read_chain(settings: Environment, parent: str, environ: Mapping[str, str]) -> Reading:
    """Return the chain of a parent in an environment.

    Without Vault its records can still be read: what is then not checked stands in ``notes``. Raises WrongEnvironment
    when this is another environment than its file names, Unavailable when the cluster cannot be asked.
    """
    notes: list[str] = []
    keys: Mapping[str, bytes] = {}
    anchor: Link | None = None
    try:
        check_person(settings, environ)
        with EvidenceVault(str(settings.vault.address), settings.vault.namespace, environ) as vault:
            keys = vault.public_keys(settings.evidence.mount, key_name(settings))
            # Before the records: whoever writes one in between must not make them look cut off.
            anchor = vault.anchor(settings.vault.mounts.kv, parent)
    except Unavailable as error:
        notes.append(f"checked without Vault: {error}")
    with RecordStore(settings.cluster.context) as store:
        kept = tuple(store.records(parent))
    found = check_chain(kept, lambda name: (keys[name],) if name in keys else (), anchor=anchor, whole=True)
    if not keys:
        found = [each for each in found if each.kind != _UNSIGNED]
        notes.append("no public key was read, so signatures were not checked; that records follow one another was")
    if anchor is None and kept:
        notes.append("no anchor was read, so nobody outside of the cluster says whether the newest records are there")
    return Reading(kept, keys, anchor, tuple(found), tuple(notes))
