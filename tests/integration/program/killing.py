"""Runs of `aoa up` that are killed: which of their processes, at which moment, and what is there afterwards."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.locks import FRONT_VARIABLE
from app_of_apps.deploy.processes import Process, process
from app_of_apps.environment.load import load_environment
from app_of_apps.manifest.load import load_manifest
from app_of_apps.objects.render import release_objects
from app_of_apps.release.resolve import resolve

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from .world import World

UP: Final = (sys.executable, "-m", "app_of_apps", "up", "staging")
PREVIEW: Final = ("preview", "--expect-no-changes")

# How the processes of one run are called. `aoa` and the engine have sessions of their own.
VICTIMS: Final = {
    "all": (),
    "engine": ("pulumi",),
    "program": ("pulumi-language-python-exec",),
    "language host": ("pulumi-language-python",),
    "kubernetes provider": ("pulumi-resource-kubernetes",),
    "vault provider": ("pulumi-resource-vault",),
    "aoa": (),
}
_EXEMPT: Final = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
_NOT_OURS: Final = ("events", "endpoints", "endpointslices", "pods", "replicasets", "controllerrevisions", "leases")


class Victim:
    """One `aoa up` and everything it has started."""

    def __init__(self, front: subprocess.Popen[str]) -> None:
        self.front = front

    def descendants(self) -> Iterator[tuple[Process, str]]:
        """Yield the engine and all that it has started, with their command lines; the engine first."""
        mark = f"{self.front.pid}:"
        for entry in sorted(Path("/proc").iterdir(), key=lambda each: each.name.zfill(9)):
            if not entry.name.isdigit() or int(entry.name) == self.front.pid:
                continue
            found = process(int(entry.name))
            if found is not None and found.environ.get(FRONT_VARIABLE, "").startswith(mark):
                with contextlib.suppress(OSError):
                    yield found, (entry / "cmdline").read_text().replace("\0", " ")

    def kill(self, victim: str) -> bool:
        """Kill one kind of process, or all; returns whether there was one."""
        if victim in {"all", "aoa"}:
            if self.front.poll() is not None:
                return False
            self.front.kill()
            while victim == "all" and (left := [one for one, _ in self.descendants()]):
                for one in left:
                    one.send(signal.SIGKILL)
            return True
        names = VICTIMS[victim]
        found = [one for one, line in self.descendants() if any(_runs(name, one, line) for name in names)]
        for one in found:
            one.send(signal.SIGKILL)
        return bool(found)


def _runs(name: str, found: Process, line: str) -> bool:
    if name == "pulumi":
        return found.name == name
    return any(Path(word).name == name for word in line.split()[:3])


def killed(world: World, victim: str, after: float) -> tuple[int, str] | None:
    """Begin `aoa up` and kill one of its processes after some seconds; None when it was done before that.

    What is not there yet is killed as soon as it is. Returns the exit code and the output.
    """
    with world.started(*UP) as front:
        run, deadline = Victim(front), time.monotonic() + after
        with contextlib.suppress(Exception):
            front.wait(timeout=after)
        hit = False
        while front.poll() is None and not (hit := run.kill(victim)):
            time.sleep(0.02)
        text, _ = front.communicate(timeout=120)
        assert time.monotonic() >= deadline or not hit
    return (front.returncode, text) if hit else None


def locks(world: World) -> list[Path]:
    return list((world.box.layout.state / ".pulumi/locks").glob(f"organization/{world.name}/**/*.*"))


def state(world: World) -> dict[str, Any]:
    """Return the engine's own account of the stack."""
    file = world.box.layout.state / f".pulumi/stacks/{world.name}/staging.json"
    return dict(json.loads(file.read_text())["checkpoint"]["latest"])


def expected(world: World) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return what the files declare: (kind, namespace, name) → manifest. The parent's own namespace is left out."""
    environment = load_environment("staging", world.folder, world.box.layout.overlay)
    release = resolve(load_manifest(world.folder / "parent.yaml"), environment)
    manifests = [one.manifest for child in release_objects(release) for one in child.kubernetes]
    return {_key(one): dict(one) for one in manifests}


def standing(world: World, kinds: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return what is in the children's namespaces, without what controllers have made from other objects."""
    items = json.loads(world.kubectl("get", kinds, "--all-namespaces", "-o", "json"))["items"]
    found = {}
    for item in items:
        meta = item["metadata"]
        home = meta.get("namespace") or (meta["name"] if item["kind"] == "Namespace" else "")
        if not home.startswith(f"{world.name}-") or home == f"{world.name}-parent":
            continue
        if meta.get("ownerReferences") or (item["kind"], meta["name"]) in _EXEMPT:
            continue
        assert _key(item) not in found
        found[_key(item)] = item
    return found


def kinds(world: World) -> str:
    """Return every kind of the cluster that can be listed in a namespace, and namespaces themselves."""
    names = world.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    return ",".join(["namespaces", *(name for name in names if not name.startswith(_NOT_OURS))])


def problems(world: World, listed: str) -> list[str]:
    """Compare what stands with what is declared; empty when every object is there once, complete, and nothing else."""
    wanted, there = expected(world), standing(world, listed)
    found = [f"missing: {key}" for key in wanted.keys() - there.keys()]
    found += [f"not declared: {key}" for key in there.keys() - wanted.keys()]
    for key in wanted.keys() & there.keys():
        found += [f"{key}: {line}" for line in _lacks(wanted[key], there[key])]
        if "deletionTimestamp" in there[key]["metadata"]:
            found.append(f"going: {key}")
    account = state(world)
    found += [f"pending: {one['type']} {one['resource']['urn']}" for one in account.get("pending_operations") or []]
    urns = [one["urn"] for one in account["resources"]]
    found += [f"twice in the state: {urn}" for urn in {urn for urn in urns if urns.count(urn) > 1}]
    found += [f"to be deleted: {one['urn']}" for one in account["resources"] if one.get("delete")]
    found += [f"attempt {number} has no end" for number, result in attempts(world).items() if result is None]
    return found + [f"lock: {file.name}" for file in locks(world)]


def _key(item: dict[str, Any] | Any) -> tuple[str, str, str]:
    return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _lacks(wanted: Any, there: Any, path: str = "") -> list[str]:
    """Name what is declared and is otherwise in the cluster, which may say more."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        return [line for key in wanted for line in _lacks(wanted[key], there.get(key), f"{path}.{key}")]
    if isinstance(wanted, list | tuple) and isinstance(there, list) and len(wanted) == len(there):
        pairs = enumerate(zip(wanted, there, strict=True))
        return [line for index, (one, other) in pairs for line in _lacks(one, other, f"{path}[{index}]")]
    if wanted in (there, None, {}, [], ()) or (there is None and wanted in ("", 0, False)):
        return []
    return [f"{path} is {there!r} and not {wanted!r}"]


def attempts(world: World) -> dict[int, str | None]:
    """Return what the chain of evidence says of each attempt that began: how it ended, None while it says nothing."""
    home = ("-n", f"{world.name}-parent", "-l", "app-of-apps/evidence=record", "-o", "json")
    items = json.loads(world.kubectl("get", "configmaps", *home))["items"]
    records = [json.loads(item["data"]["record"]) for item in items]
    ends = {one["attempt"]: one["result"] for one in records if one["kind"] == "ended"}
    return {one["sequence"]: ends.get(one["sequence"]) for one in records if one["kind"] == "began"}
