"""Which release an environment has: what its last record says, and what the engine declared for charts.

The objects of a chart are made by Helm at deployment and stand in no release. What was declared of them is known to the
engine alone, so its state is read: the inputs of the last `up`, with everything secret left encrypted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from app_of_apps.deploy.drift import Wanted
from app_of_apps.errors import Unavailable
from app_of_apps.objects.record import SELECTOR, record_namespace
from app_of_apps.objects.render import release_objects
from app_of_apps.release.stored import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from app_of_apps.deploy.past import Past
    from app_of_apps.environment.kube_reader import KubeReader
    from app_of_apps.release.model import Release

UNVOUCHED: Final = "the chain of evidence is not whole, or not signed as it should be: see aoa evidence"

Basis = Literal["record", "working tree"]

_DEADLINE: Final = 60
_CHART_APP: Final = "app-of-apps:index:ChartApp"
_SECRET: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the engine's mark of an encrypted value


@dataclass(frozen=True, slots=True)
class Deployed:
    """The release that became healthy last."""

    release: Release
    record: str
    """The name of its ConfigMap."""
    basis: Basis
    """Where its content was taken from."""
    notes: tuple[str, ...] = ()
    """What one should know beside it."""


def deployed_release(kube: KubeReader, current: Release, past: Past) -> Deployed:
    """Return the last release of an environment. ``current`` is the working tree's, ``past`` what the records say.

    Raises Unavailable when there is none, or when its content is known to nobody here; Refused when its record is not
    what it says that it is.
    """
    if not past.releases:
        return _without_number(kube, current)
    last = past.numbered(past.last.number)
    notes = tuple(_notes(past, last.name))
    if last.digest == current.digest:
        return Deployed(current, last.name, "working tree", notes)
    if KEY not in (last.stored.get("binaryData") or {}):
        raise _unknown(current, last.name, last.commit)
    return Deployed(last.release(), last.name, "record", notes)


def _notes(past: Past, record: str) -> Iterator[str]:
    if past.unfinished is not None:
        what = f"attempt {past.unfinished['sequence']} ({past.unfinished['operation']})"
        yield f"{what} was begun after {record} and has not succeeded, so what it left differs"
    if not past.vouched:
        yield UNVOUCHED


def _without_number(kube: KubeReader, current: Release) -> Deployed:
    """Return the release of an environment whose records are of before they had numbers and content."""
    found = kube.list(f"/api/v1/namespaces/{record_namespace(current.parent)}/configmaps", labelSelector=SELECTOR)
    if not found:
        msg = f"nothing of {current.parent} has become healthy in {current.environment} yet, so nothing can be compared"
        raise Unavailable(msg)
    last = max(found, key=lambda one: str(one["metadata"].get("creationTimestamp", "")))
    name = str(last["metadata"]["name"])
    if (last.get("data") or {}).get("digest") != current.digest:
        annotations = last["metadata"].get("annotations") or {}
        raise _unknown(current, name, annotations.get("app-of-apps/git-commit"))
    return Deployed(current, name, "working tree")


def _unknown(current: Release, record: str, commit: str | None) -> Unavailable:
    remedy = f"check out {commit} and run again" if commit else "check out what was deployed and run again"
    return Unavailable(
        f"the working tree is not what {current.environment} runs ({record}), and its record holds no content; {remedy}"
    )


def wanted_of(release: Release, charts: Mapping[str, tuple[Mapping[str, Any], ...]]) -> tuple[Wanted, ...]:
    """Return what a release wants of each child; ``charts`` holds what was declared for charts."""
    return tuple(
        Wanted(
            child=described.child,
            namespace=release.child(described.child).namespace,
            objects=(
                *(one.manifest for one in described.kubernetes),
                *described.documents,
                *charts.get(described.child, ()),
            ),
            policies=described.vault_policies,
            roles=described.vault_roles,
        )
        for described in release_objects(release)
    )


def declared_charts(release: Release, project: Path) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    """Return what the engine declared for each child with a chart; the engine is asked only where there is one.

    Raises Unavailable when its state cannot be read.
    """
    names = [child.name for child in release.children if child.spec.type == "chart"]
    if not names:
        return {}
    resources = (_state(project, release.environment).get("deployment") or {}).get("resources") or ()
    return {name: tuple(_chart_objects(name, resources)) for name in names}


def _chart_objects(child: str, resources: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    inside = {
        str(one["urn"])
        for one in resources
        if str(one["type"]) == _CHART_APP and str(one["urn"]).rpartition("::")[2] == child
    }
    own = {f"{child}-chart"}
    for one in resources:  # parents come before what is below them
        if str(one.get("parent")) not in inside:
            continue
        name, kind = str(one["urn"]).rpartition("::")[2], str(one["type"])
        if kind == "kubernetes:helm.sh/v4:Chart" and name in own:
            inside.add(str(one["urn"]))
        elif kind.startswith("kubernetes:") and "$kubernetes:helm.sh/v4:Chart$" in str(one["urn"]):
            yield _known(one.get("inputs") or {})


def _known(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return inputs without the engine's own keys and without what is secret."""
    if isinstance(value, dict):
        if _SECRET in value:
            return None
        return {key: _known(below) for key, below in value.items() if not key.startswith("__")}
    return [_known(below) for below in value] if isinstance(value, list) else value


def _state(project: Path, stack: str) -> dict[str, Any]:
    engine = shutil.which("pulumi")
    if engine is None:
        msg = "`pulumi` is not on PATH, and what charts declare is known to its state alone"
        raise Unavailable(msg)
    command = [engine, "stack", "export", "--stack", stack, "--non-interactive"]
    environ = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        done = subprocess.run(
            command, cwd=project, env=environ, capture_output=True, text=True, timeout=_DEADLINE, check=True
        )
        state = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        msg = f"the engine's state of stack {stack!r} cannot be read: {type(error).__name__}"
        raise Unavailable(msg) from error
    return state if isinstance(state, dict) else {}
