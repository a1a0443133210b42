"""What can be found out before anything is touched, and would otherwise fail in the middle of a run. Reads only.

Runs in previews too. Secrets: every key that a child refers to exists in Vault. Migrations: none is still running
that would be replaced by another one, for instance because an earlier run was killed while it waited.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app_of_apps.environment.vault_reader import VaultReader
from app_of_apps.errors import Refused, SecretMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from app_of_apps.environment.kube_reader import KubeReader
    from app_of_apps.environment.settings import Vault

_CONNECTIONS = 8
_PAUSE = 0.5


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """One child's reference to a secret. ``key`` is None where the whole secret is meant, as in a volume."""

    child: str
    path: str
    key: str | None
    where: str = ""
    """The place in the child's file, such as ``apps/orders.yaml:20:3``."""


@dataclass(frozen=True, slots=True)
class Migration:
    """The Job that a release wants for one child."""

    child: str
    namespace: str
    job: str
    deadline: int = 300
    """Seconds that the Job may take."""


def check_secrets(
    references: Iterable[Reference],
    vault: Vault,
    environ: Mapping[str, str],
    *,
    connect: Callable[[str, str | None, Mapping[str, str]], VaultReader] = VaultReader,
) -> None:
    """Raise SecretMissing with one line per missing key, or Unavailable when Vault cannot be asked.

    Each secret is asked for once, several at a time; values are never read.
    """
    wanted = sorted(references, key=lambda one: (one.child, one.path, one.key or ""))
    if not wanted:
        return
    mount = vault.mounts.kv
    found = secret_keys({one.path for one in wanted}, vault, environ, connect=connect)
    lines = [line for one in wanted if (line := _missing(one, mount, found[one.path]))]
    if lines:
        what = "a secret is" if len(lines) == 1 else f"{len(lines)} secrets are"
        msg = f"{what} missing in Vault at {vault.address}; nothing was touched:"
        raise SecretMissing("\n  ".join([msg, *dict.fromkeys(lines)]))


def secret_keys(
    paths: Collection[str],
    vault: Vault,
    environ: Mapping[str, str],
    *,
    connect: Callable[[str, str | None, Mapping[str, str]], VaultReader] = VaultReader,
) -> dict[str, frozenset[str] | None]:
    """Return path → the names of its keys, None where there is no secret. Raises Unavailable."""
    mount, ordered = vault.mounts.kv, sorted(paths)
    with (
        connect(str(vault.address), vault.namespace, environ) as reader,
        ThreadPoolExecutor(max(1, min(_CONNECTIONS, len(ordered))), "vault") as pool,
    ):
        return dict(zip(ordered, pool.map(lambda path: reader.keys(mount, path), ordered), strict=True))


def missing_secret(mount: str, path: str, key: str | None, keys: frozenset[str] | None) -> tuple[str, str] | None:
    """Return what is missing and what to do; None when the key is among the secret's ``keys``."""
    # Commands that read the value from stdin: in an argument everybody on the machine could see it.
    if keys is None:
        command = f"vault kv put -mount={mount} {path} {key or 'KEY'}=-"
        needed = f" (key {key!r} is needed)" if key else ""
        return f"there is no secret at {mount}/{path}{needed}", f"pipe the value into `{command}`"
    if key is None or key in keys:
        return None
    command = f"vault kv patch -mount={mount} {path} {key}=-"
    return f"{mount}/{path} has no key {key!r}", f"pipe the value into `{command}`"


def _missing(one: Reference, mount: str, keys: frozenset[str] | None) -> str | None:
    who = f"{one.where}: {one.child}" if one.where else one.child
    found = missing_secret(mount, one.path, one.key, keys)
    return found and f"{who}: {found[0]}; {found[1]}"


def check_migrations(migrations: Sequence[Migration], kube: KubeReader) -> None:
    """Raise Refused when a migration runs whose content is not the one that the release wants.

    Starting the new one beside it would run two migrations of one database at once, and pruning would delete the old
    one while it writes. The cluster is asked and not the state, because a run that was killed leaves a Job behind that
    the state does not know.
    """
    running = [(one, name) for one in migrations for name in _running(one, kube) if name != one.job]
    if running:
        lines = [f"{_words(one, name)} is of another content and has not ended" for one, name in running]
        remedy = "Wait for its end and run again, or delete the Job if it can be interrupted:"
        raise Refused("\n  ".join([f"a migration is still running; nothing was touched. {remedy}", *lines]))


def await_migrations(migrations: Sequence[Migration], kube: KubeReader, tell: Callable[[str], None]) -> None:
    """Return when no wanted migration is left running by an earlier run; ``tell`` hears what is waited for.

    An interrupted run leaves its Job half done in the state, and the provider would replace it while it runs. Raises
    Refused at the Job's deadline.
    """
    for one in migrations:
        end = time.monotonic() + one.deadline
        told = False
        while one.job in _running(one, kube):
            if not told:
                tell(f"{_words(one, one.job)} still runs since an earlier run; waiting for its end")
                told = True
            if time.monotonic() >= end:
                msg = f"{_words(one, one.job)} still runs after {one.deadline} s; nothing was touched"
                raise Refused(msg)
            time.sleep(_PAUSE)


def _running(one: Migration, kube: KubeReader) -> list[str]:
    jobs = kube.list(f"/apis/batch/v1/namespaces/{one.namespace}/jobs")
    return [str(job["metadata"]["name"]) for job in jobs if not _ended(job)]


def _words(one: Migration, job: str) -> str:
    return f"{one.child}: Job {one.namespace}/{job} (look: `kubectl logs -n {one.namespace} job/{job}`)"


def _ended(job: Mapping[str, Any]) -> bool:
    conditions = job.get("status", {}).get("conditions") or ()
    return any(one.get("type") in {"Complete", "Failed"} and one.get("status") == "True" for one in conditions)
