"""Writes a new value of one key and follows it until every child that uses it runs with it.

Children are followed wave by wave: the operator is asked to copy a child's secret when everything that the child
depends on runs with the new version. Asking is a changed annotation on the operator's object; the operator looks by
itself every `refreshAfter` too, so a child further up may restart before its turn, never later than it would have.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from app_of_apps.deploy.facts import warnings
from app_of_apps.deploy.health import Level, health
from app_of_apps.deploy.redact import Redactor, one_line
from app_of_apps.deploy.secret_copies import ASKED, copy_path, read_copy, read_deployment, restarted_at
from app_of_apps.environment.kube_reader import Forbidden
from app_of_apps.errors import DeploymentFailed, Refused, SecretMissing, Unavailable
from app_of_apps.release.plan import plan as plan_of
from app_of_apps.release.secret_uses import neighbours, users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from app_of_apps.environment.kube_writer import KubeWriter
    from app_of_apps.environment.vault_secrets import VaultSecrets
    from app_of_apps.release.model import Release, ResolvedChild

ROTATION_FORMAT = "app-of-apps/rotation/v1"
_PAUSE = 0.3
_LONGEST_WAIT = 2.0


@dataclass(slots=True)
class Following:
    """One child on its way to the new version. Times are seconds after the version was written."""

    child: ResolvedChild
    fingerprint: str
    restarted: str | None
    """None for a child without pods that run all the time."""
    copied: float | None = None
    running: float | None = None
    waits_for: str = "the operator to copy the new version"

    @property
    def done(self) -> bool:
        """Whether the child runs with the new version, or will from its next run on."""
        return self.running is not None if self.restarted is not None else self.copied is not None


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation has done."""

    environment: str
    path: str
    """With the mount."""
    key: str
    version: int
    previous: int
    seconds: float
    """From writing the version until the last child was done."""
    children: tuple[Following, ...] = field(default=())
    destroyed: bool = False

    def shape(self) -> dict[str, Any]:
        """Return it as plain data for JSON and YAML."""
        return {
            "format": ROTATION_FORMAT,
            "environment": self.environment,
            "path": self.path,
            "key": self.key,
            "version": self.version,
            "previous": {"version": self.previous, "destroyed": self.destroyed},
            "seconds": round(self.seconds, 2),
            "children": [
                {
                    "child": one.child.name,
                    "copiedAfter": None if one.copied is None else round(one.copied, 2),
                    "runningAfter": None if one.running is None else round(one.running, 2),
                    "restarts": one.restarted is not None,
                }
                for one in self.children
            ],
        }


def rotate(
    release: Release,
    path: str,
    key: str,
    value: str,
    *,
    vault: VaultSecrets,
    kube: KubeWriter,
    timeout: float,
    destroy_old: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Rotation:
    """Write ``value`` under ``key`` and return when every child that uses it is done; other keys stay as they are.

    Raises, with nothing written: Refused for a delivery that cannot be followed, Unavailable when the token may not
    write or a cluster or Vault does not answer, SecretMissing when there is no such secret or key. Raises
    DeploymentFailed when the version was written and not every child came to run with it; nothing is destroyed then.
    """
    mount = release.vault.mounts.kv
    full = f"{mount}/{path}"
    previous = _check(release, path, key, vault, destroy_old=destroy_old)
    names = users(release, path, key)
    following = {name: _begin(release.child(name), path, kube) for name in names}
    time.sleep(_until_next_restart_shows(following.values(), datetime.now(UTC)))
    version = vault.write_key(mount, path, key, value, version=previous)
    began = time.monotonic()
    say(f"version {version} of {full} is written; {key} is used by {', '.join(names)}")
    for wave in plan_of(release).waves:
        group = [following[name] for name in wave if name in following]
        if group:
            try:
                _ask(group, path, version, kube)
                _follow(group, path, kube, began=began, timeout=timeout, say=say)
            except (Unavailable, DeploymentFailed) as error:
                raise DeploymentFailed(_unfinished(full, version, previous, following.values(), str(error))) from error
    elapsed = time.monotonic() - began
    for name in neighbours(release, path, key):
        # Nothing changes for them; that the operator has looked is what tells the status so.
        with contextlib.suppress(Unavailable):
            kube.annotate(copy_path(release.child(name), path), {ASKED: str(version)})
    if destroy_old:
        vault.destroy(mount, path, previous)
        say(f"version {previous} is destroyed")
    return Rotation(
        environment=release.environment,
        path=full,
        key=key,
        version=version,
        previous=previous,
        seconds=elapsed,
        children=tuple(following.values()),
        destroyed=destroy_old,
    )


def _check(release: Release, path: str, key: str, vault: VaultSecrets, *, destroy_old: bool) -> int:
    """Return the latest version, once everything is there that a rotation needs."""
    mount = release.vault.mounts.kv
    if release.vault.delivery != "vault-secrets-operator":
        msg = (
            f"{release.environment} delivers secrets by {release.vault.delivery}, which restarts no pods, so there is "
            f"nothing to follow. Write the value with `vault kv patch -mount={mount} {path} {key}=-` and restart"
        )
        raise Refused(msg)
    state = vault.state(mount, path)
    if state is None or key not in state.keys:
        what = "no secret" if state is None else f"no key {key!r}"
        command = f"vault kv {'put' if state is None else 'patch'} -mount={mount} {path} {key}=-"
        msg = f"there is {what} at {mount}/{path}; nothing was written. Pipe a first value into `{command}`"
        raise SecretMissing(msg)
    needed = {f"{mount}/data/{path}": "patch"} | ({f"{mount}/destroy/{path}": "update"} if destroy_old else {})
    for api_path, capability in needed.items():
        allowed = vault.may(api_path)
        if allowed is not None and not allowed & {capability, "root"}:
            role = "rotate" if capability == "patch" else "destroy"
            msg = (
                f"the token may not {capability} {api_path} in Vault; nothing was written. "
                f"It takes a role with `vault: [list, {role}]` (see `aoa access show {release.environment}`)"
            )
            raise Unavailable(msg)
    return state.latest.number


def _begin(child: ResolvedChild, path: str, kube: KubeWriter) -> Following:
    copy, deployment = read_copy(kube, child, path), read_deployment(kube, child)
    if copy is None or not copy.fingerprint:
        msg = (
            f"the secrets of {child.name} have not been copied into the cluster; nothing was written. "
            "Deploy the child first: `aoa up`"
        )
        raise Unavailable(msg)
    return Following(child, copy.fingerprint, None if deployment is None else restarted_at(deployment))


def _until_next_restart_shows(following: Iterable[Following], now: datetime) -> float:
    """Return how many seconds to wait before writing, so that the operator's next restart differs from its last.

    It restarts by writing the moment into the pod template, in whole seconds (`helpers/rollout_restart.go` of the Vault
    Secrets Operator): a second restart within one second changes nothing, and the pods would keep the value before.
    """
    waits = [0.0]
    for one in following:
        with contextlib.suppress(ValueError, TypeError):  # never restarted, or written by something else
            last = datetime.fromisoformat(one.restarted or "")
            waits.append((last + timedelta(seconds=1) - now).total_seconds())
    # The operator's clock may be ahead of ours; that is no reason to wait for long.
    return min(max(waits), _LONGEST_WAIT)


def _ask(group: Sequence[Following], path: str, version: int, kube: KubeWriter) -> None:
    for one in group:
        try:
            kube.annotate(copy_path(one.child, path), {ASKED: str(version)})
        except Forbidden:  # without that right it takes up to `refreshAfter` longer
            one.waits_for = "the operator to look for a new version by itself"


def _follow(
    group: Sequence[Following],
    path: str,
    kube: KubeWriter,
    *,
    began: float,
    timeout: float,
    say: Callable[[str], None],
) -> None:
    while True:
        for one in group:
            if not one.done and _step(one, path, kube, began):
                say(f"{one.child.name}: {_arrival(one)}")
        if all(one.done for one in group):
            return
        if time.monotonic() - began > timeout:
            late = [one for one in group if not one.done]
            for one in late:
                if one.copied is None and (trouble := _trouble(kube, one.child, path)):
                    one.waits_for = f"the operator, which says: {trouble}"
            names = ", ".join(one.child.name for one in late)
            msg = f"not done after {timeout:.0f} s: {names}"
            raise DeploymentFailed(msg)
        time.sleep(_PAUSE)


def _step(one: Following, path: str, kube: KubeWriter, began: float) -> bool:
    """Look once where a child is; return whether it is done."""
    if one.copied is None:
        copy = read_copy(kube, one.child, path)
        if copy is None or copy.fingerprint == one.fingerprint:
            return False
        one.copied = time.monotonic() - began
    if one.restarted is None:
        return True
    deployment = read_deployment(kube, one.child)
    if deployment is None or restarted_at(deployment) == one.restarted:
        one.waits_for = "the operator to restart its pods"
        return False
    found = health(deployment)
    one.waits_for = found.message or "its pods"
    if found.level is Level.FAILED:
        msg = f"{one.child.name}: {one_line(Redactor()(found.message))}"
        raise DeploymentFailed(msg)
    if found.level is Level.HEALTHY:
        one.running = time.monotonic() - began
    return one.done


def _trouble(kube: KubeWriter, child: ResolvedChild, path: str) -> str:
    """Return the operator's latest complaint about a copy, or nothing."""
    name = copy_path(child, path).rpartition("/")[2]
    try:
        found = warnings(kube, child.namespace)
    except Forbidden:
        return ""
    for event in found:
        about = event.get("involvedObject") or {}
        if about.get("kind") == "VaultStaticSecret" and about.get("name") == name:
            return one_line(Redactor()(str(event.get("message", ""))))
    return ""


def _arrival(one: Following) -> str:
    if one.restarted is None:
        return f"copied after {one.copied:.1f} s; its next run uses it"
    return f"copied after {one.copied:.1f} s, runs with it after {one.running:.1f} s"


def _unfinished(full: str, version: int, previous: int, following: Iterable[Following], reason: str) -> str:
    mount, _, path = full.partition("/")
    back = f"vault kv rollback -mount={mount} -version={previous} {path}"
    return "\n".join(
        [
            f"version {version} of {full} is written, and not every child runs with it: {reason}",
            *(
                f"  {one.child.name}: {_arrival(one) if one.done else f'waits for {one.waits_for}'}"
                for one in following
            ),
            f"Version {previous} was kept. Look with `aoa secrets status`; to go back: `{back}`",
        ]
    )
