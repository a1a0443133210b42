"""Per child and key: the version in Vault, the version in the cluster, how old, and who gets it. No values."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app_of_apps.deploy.secret_copies import SecretCopy, read_copy, read_deployment, restarted_at
from app_of_apps.manifest.base import seconds
from app_of_apps.manifest.child import PodChild
from app_of_apps.objects.access_table import holdings
from app_of_apps.release.secret_uses import uses_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.deploy.facts import Reader
    from app_of_apps.environment.vault_secrets import SecretState, VaultSecrets
    from app_of_apps.release.model import Release, ResolvedChild
    from app_of_apps.release.secret_uses import SecretUse

SECRETS_FORMAT = "app-of-apps/secrets/v1"
_CONNECTIONS = 8
_CLOCKS = timedelta(seconds=2)
"""What Vault's clock and the API server's may differ by; the latter notes whole seconds."""
_LOOKS = timedelta(seconds=5)
"""After how long the operator has surely looked at what it was asked to look at."""


class Arrival(StrEnum):
    """How a key stands in a child's namespace."""

    CURRENT = "current"
    PENDING = "pending"
    """A newer version is there for less than the operator needs to look twice."""
    UNCHANGED = "unchanged"
    """Newer versions are there, and the operator, had it found that one changes the child's keys, would have copied it:
    it was asked to look, or would have looked by itself."""
    RESTARTING = "restarting"
    """Copied; pods of before are still there."""
    ABSENT = "absent"
    """In Vault, and not in the cluster."""
    MISSING = "missing"
    """Not in Vault."""
    LEASED = "leased"
    """Vault makes it for each lease."""


GOOD = frozenset({Arrival.CURRENT, Arrival.UNCHANGED, Arrival.LEASED})


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One reference of one child."""

    child: str
    taken_as: str
    path: str
    """With the mount."""
    key: str | None
    arrival: Arrival
    version: int | None = None
    """The latest in Vault."""
    created: datetime | None = None
    copied_version: int | None = None
    """The newest that Vault had when the operator last wrote the child's Secret."""
    copied: datetime | None = None
    pods: tuple[int, int] | None = None
    """How many run with the copied version, of how many; None where no pods run all the time."""
    read_by: tuple[str, ...] = ()
    """The service account that may read it in Vault, and groups that reach the pods' secrets."""
    written_by: tuple[str, ...] = ()
    """Groups that may write a new version."""

    def shape(self) -> dict[str, Any]:
        """Return it as plain data for JSON and YAML."""
        return {
            "child": self.child,
            "takenAs": self.taken_as,
            "path": self.path,
            "key": self.key,
            "state": str(self.arrival),
            "vault": {"version": self.version, "created": _text(self.created)},
            "cluster": {"version": self.copied_version, "copied": _text(self.copied)},
            "pods": None if self.pods is None else {"current": self.pods[0], "all": self.pods[1]},
            "readBy": list(self.read_by),
            "writtenBy": list(self.written_by),
        }


def read_secrets(
    release: Release, vault: VaultSecrets, kube: Reader, *, child: str | None = None, now: datetime | None = None
) -> tuple[SecretRow, ...]:
    """Return a row per reference, children in dependency order. Raises Unavailable when Vault or cluster cannot say."""
    mount = release.vault.mounts.kv
    chosen = [one for one in release.children if child in {None, one.name}]
    uses = {one.name: uses_of(one) for one in chosen}
    paths = sorted({use.path for of_child in uses.values() for use in of_child})
    with ThreadPoolExecutor(_CONNECTIONS, "vault") as pool:
        states = dict(zip(paths, pool.map(lambda path: vault.state(mount, path), paths), strict=True))
        worlds = list(pool.map(lambda one: _in_cluster(kube, one, uses[one.name]), chosen))
    reach, write = _groups(release)
    moment = now or datetime.now(UTC)
    rows: list[SecretRow] = []
    for one, (copies, pods) in zip(chosen, worlds, strict=True):
        account = f"system:serviceaccount:{one.namespace}:{one.name}"
        read_by, written_by = (account, *reach.get(one.name, ())), write.get(one.name, ())
        for use in uses[one.name]:
            facts = _judge(release, use, states[use.path], copies[use.path], pods, now=moment)
            rows.append(
                SecretRow(
                    one.name,
                    use.taken_as,
                    f"{mount}/{use.path}",
                    use.key,
                    **facts,
                    read_by=read_by,
                    written_by=written_by,
                )
            )
        if isinstance(one.spec, PodChild):
            for variable, reference in sorted(one.spec.secrets.items()):
                if reference.dynamic is not None:
                    path = f"{release.vault.mounts.dynamic[reference.dynamic.mount]}/creds/{reference.dynamic.role}"
                    rows.append(SecretRow(one.name, variable, path, reference.key, Arrival.LEASED, read_by=read_by))
    return tuple(rows)


def _judge(
    release: Release,
    use: SecretUse,
    state: SecretState | None,
    copy: SecretCopy | None,
    pods: tuple[int, int] | None,
    *,
    now: datetime,
) -> dict[str, Any]:
    if state is None or (use.key is not None and use.key not in state.keys):
        return {"arrival": Arrival.MISSING, "pods": pods, "copied": copy and copy.copied}
    latest = state.latest
    facts: dict[str, Any] = {"version": latest.number, "created": latest.created, "pods": pods}
    if copy is None or copy.copied is None:
        return {**facts, "arrival": Arrival.ABSENT}
    there = state.at(copy.copied + _CLOCKS)
    facts |= {"copied": copy.copied, "copied_version": None if there is None else there.number}
    if there is None or there.number < latest.number:
        if copy.asked >= latest.number and copy.asked_at is not None and copy.asked_at + _LOOKS < now:
            return {**facts, "arrival": Arrival.UNCHANGED}
        long_ago = latest.created + timedelta(seconds=2 * seconds(release.vault.refresh_after) + 30) < now
        return {**facts, "arrival": Arrival.UNCHANGED if long_ago else Arrival.PENDING}
    if pods is not None and pods[0] < pods[1]:
        return {**facts, "arrival": Arrival.RESTARTING}
    return {**facts, "arrival": Arrival.CURRENT}


def _in_cluster(
    kube: Reader, child: ResolvedChild, uses: tuple[SecretUse, ...]
) -> tuple[Mapping[str, SecretCopy | None], tuple[int, int] | None]:
    copies = {path: read_copy(kube, child, path) for path in sorted({use.path for use in uses})}
    deployment = read_deployment(kube, child) if uses else None
    if deployment is None:
        return copies, None
    label = f"app.kubernetes.io/name={child.name}"
    pods = [
        {**pod, "kind": "Pod"}
        for pod in kube.list(f"/api/v1/namespaces/{child.namespace}/pods", labelSelector=label)
        if not pod["metadata"].get("deletionTimestamp")
    ]
    wanted = restarted_at(deployment)
    return copies, (sum(restarted_at(pod) == wanted for pod in pods), len(pods))


def _groups(release: Release) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Return child → groups that reach its pods' secrets, and child → groups that may write its secrets."""
    reach: dict[str, tuple[str, ...]] = {}
    write: dict[str, tuple[str, ...]] = {}
    for held in holdings(release):
        if held.reaches_secrets:
            reach[held.child] = (*reach.get(held.child, ()), held.subject)
        if any("patch" in right.capabilities for right in held.vault):
            write[held.child] = (*write.get(held.child, ()), held.subject)
    return reach, write


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
