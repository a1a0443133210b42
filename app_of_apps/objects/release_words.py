"""What changes from one release to another, per child and in words, and what it does to the pods that run.

Whether pods are replaced is no guess: the pod templates of both releases are rendered and compared. Nobody knows it of
a chart, whose objects are made at deployment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from app_of_apps.manifest.child import ChartChild, CronJobChild, MigrationChild
from app_of_apps.objects.render import child_objects
from app_of_apps.release.compare import FieldChange, compare
from app_of_apps.release.secret_uses import uses_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app_of_apps.release.compare import ChildChange
    from app_of_apps.release.model import Release, ResolvedChild

Pods = Literal["restart", "stay", "start", "stop", "run again", "next run", "unknown"]
"""``run again``: a migration's Job; ``next run``: those of a cron job are the new ones from then on."""

PODS: Final[Mapping[Pods, str]] = {
    "restart": "pods restart: yes",
    "stay": "pods restart: no",
    "start": "pods start",
    "stop": "everything of it goes",
    "run again": "the migration runs",
    "next run": "the next run has the new pods",
    "unknown": "pods restart: what the chart makes decides",
}
_RUNS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"})
# Where a field of a child's content stands → what people call it. The first that fits counts.
_NAMES: Final = (
    ("spec.config.own.", "config "),
    ("shared.", "shared config "),
    ("values.", "chart value "),
    ("spec.", ""),
)


@dataclass(frozen=True, slots=True)
class ChildWords:
    """What happens to one child."""

    name: str
    change: Literal["added", "removed", "changed"]
    words: tuple[str, ...]
    pods: Pods
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseWords:
    """Everything that distinguishes two releases."""

    release: tuple[FieldChange, ...]
    """Outside the children: labels, teams, access, scope in Vault, version of the program."""
    children: tuple[ChildWords, ...]
    """Sorted by name."""

    def __bool__(self) -> bool:
        """Say whether there is any difference."""
        return bool(self.release or self.children)


def release_words(before: Release, after: Release) -> ReleaseWords:
    """Return what changes from ``before`` to ``after``."""
    found = compare(before, after)
    changed = {change.name: change for change in found.children}
    told = [_child(before, after, change) for change in changed.values()]
    # What stands outside of the children (labels, teams, who may call whom) may reach their pods too.
    told += [
        ChildWords(name, "changed", ("by what changed outside of the children",), pods)
        for name in (before.by_name.keys() & after.by_name.keys()) - changed.keys()
        if (pods := _pods(before, after, name)) not in {"stay", "unknown"}
    ]
    return ReleaseWords(found.release, tuple(sorted(told, key=lambda one: one.name)))


def _child(before: Release, after: Release, change: ChildChange) -> ChildWords:
    name = change.name
    if change.change == "added":
        return ChildWords(name, "added", (_told(after.child(name)),), "start")
    if change.change == "removed":
        return ChildWords(name, "removed", (_told(before.child(name)),), "stop")
    words = tuple(dict.fromkeys(_words(before.child(name), after.child(name), change.fields)))
    return ChildWords(name, "changed", words, _pods(before, after, name), change.fields)


def _told(child: ResolvedChild) -> str:
    version = f" {child.version}" if child.version else ""
    return f"{child.spec.type}{version} of team {child.spec.team}"


def _words(before: ResolvedChild, after: ResolvedChild, fields: Iterable[FieldChange]) -> Iterator[str]:
    if before.version != after.version:
        yield str(FieldChange("version", before.version, after.version))
    old, new = ({one.path + (f":{one.key}" if one.key else "") for one in uses_of(child)} for child in (before, after))
    yield from (f"reads one more secret {one}" for one in sorted(new - old))
    yield from (f"no longer reads the secret {one}" for one in sorted(old - new))
    waits, waited = set(after.spec.depends_on), set(before.spec.depends_on)
    yield from (f"waits for {one} too" for one in sorted(waits - waited))
    yield from (f"no longer waits for {one}" for one in sorted(waited - waits))
    yield from _documents(before, after)
    for field in fields:
        if not _is_told(field.path, after, versions_differ=before.version != after.version, secrets_differ=old != new):
            yield str(_named(field))


def _is_told(path: str, child: ResolvedChild, *, versions_differ: bool, secrets_differ: bool) -> bool:
    """Say whether a field's change is in the words already, or follows from what is."""
    if path in {"version", "image"} or path.startswith(("spec.dependsOn", "documents")):
        return path != "image" or versions_differ
    if path.startswith(("spec.secrets", "spec.volumes")) and secrets_differ:
        return True
    spec = child.spec
    return versions_differ and isinstance(spec, ChartChild) and path == f"values.{spec.version_value}"


def _named(field: FieldChange) -> FieldChange:
    """Return a change under the name that people have for the field; what is a structure is not written out."""
    name = field.path
    if name == "chart_digest":
        return FieldChange("files of the chart", _short(field.before), _short(field.after))
    for prefix, word in _NAMES:
        if name.startswith(prefix):
            name = word + name.removeprefix(prefix)
            break
    return FieldChange(name, field.before, field.after)


def _short(digest: Any) -> str | None:  # noqa: ANN401 - a JSON value
    return str(digest).removeprefix("sha256:")[:12] if digest else None


def _documents(before: ResolvedChild, after: ResolvedChild) -> Iterator[str]:
    old, new = (
        {f"{one['kind']} {_metadata(one).get('name')}": one for one in child.documents} for child in (before, after)
    )
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"{name} added"
        elif name not in new:
            yield f"{name} removed"
        elif old[name] != new[name]:
            yield f"{name} changed"


def _metadata(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found = document.get("metadata")
    return found if isinstance(found, dict) else {}


def _pods(before: Release, after: Release, name: str) -> Pods:
    spec = after.child(name).spec
    if isinstance(spec, ChartChild):
        return "unknown"
    old, new = _templates(before, name), _templates(after, name)
    if old == new:
        return "stay"
    if isinstance(spec, MigrationChild):
        return "run again"
    return "next run" if isinstance(spec, CronJobChild) else "restart"


def _templates(release: Release, name: str) -> dict[str, Any]:
    """Return object → pod template of everything of a child that runs. A Job's name says what it runs."""
    objects = child_objects(release, release.child(name))
    found: dict[str, Any] = {}
    for one in (*(described.manifest for described in objects.kubernetes), *objects.documents):
        kind, called = one["kind"], _metadata(one).get("name")
        if kind == "CronJob":
            found[f"{kind} {called}"] = one["spec"]["jobTemplate"]
        elif kind in _RUNS:
            found[f"{kind} {called}"] = one["spec"].get("template")
    return found
