"""Planted values are found in Vault, in the Kubernetes Secrets that asked for them, and nowhere else.

One story from the first preview to the end of everything, with every command and format that there is, a failure, and
rotations; then everything that it has left behind is searched in every encoding.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.vault_client import VaultClient
from tests.canaries.processes import ProcessWatch
from tests.canaries.scanner import ENCODINGS, Canary, scan

from .place import Place, child

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

    from .conftest import MakePlace

pytestmark = pytest.mark.integration

TRICKY = '<&>"\\é/+= %'
"""What each encoding writes differently; in every canary."""
FORMATS = ("table", "json", "yaml")
WORLD = (
    "configmaps,deployments,replicasets,pods,jobs,events,namespaces,serviceaccounts,services,roles,rolebindings,"
    "vaultstaticsecrets,vaultauths,vaultconnections,networkpolicies,resourcequotas,limitranges"
)


def canary(name: str) -> Canary:
    return Canary(name, f"{secrets.token_hex(12)}{TRICKY}{secrets.token_urlsafe(18)}")


def test_values_are_nowhere_but_where_they_belong(
    make_place: MakePlace, box: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.time()
    planted = {name: canary(name) for name in ("url", "migration", "key", "certificate", "unused")}
    box.put_secret(
        "staging",
        "leaks/database",
        {"url": planted["url"].value, "migration-url": planted["migration"].value, "unused": planted["unused"].value},
    )
    box.put_secret("staging", "leaks/mail", {"key": planted["key"].value})
    box.put_secret("staging", "leaks/files", {"tls.pem": planted["certificate"].value})
    place = make_place(
        "leaks",
        {
            "db": child("migration", secrets={"URL": {"path": "leaks/database", "key": "migration-url"}}),
            "api": child(
                "service",
                dependsOn=["db"],
                secrets={"DATABASE_URL": {"path": "leaks/database", "key": "url"}},
                volumes=[{"name": "tls", "mountPath": "/tls", "secret": "leaks/files"}],
            ),
            "mail": child(
                "worker",
                dependsOn=["api"],
                secrets={
                    "DATABASE_URL": {"path": "leaks/database", "key": "url"},
                    "API_KEY": {"path": "leaks/mail", "key": "key"},
                },
            ),
        },
    )
    with ProcessWatch() as watch:
        later = _story(place)
        found = _in_secrets(place)
        objects = {"objects of the cluster": place.kubectl("get", WORLD, "--all-namespaces", "-o", "json")}
        _end(place)
    canaries = [*planted.values(), *later.values(), *_generated(box, planted | later)]

    assert found >= {planted["certificate"].value, planted["migration"].value, later["rotated"].value}
    stores = [box.layout.cluster("staging") / "etcd", box.layout.vault / "data"]
    assert {one.canary for one in scan(_files(box.layout.cluster("staging"), began), canaries)} >= {"url", "rotated"}

    files = [
        path
        for path in [*_files(box.layout.root, began), *_files(place.folder, began)]
        if not any(path.is_relative_to(store) for store in stores) and "etcd" not in path.parts
    ]
    streams = place.runs | objects | {f"process {name}": data for name, data in watch.seen.items()}
    assert scan(streams, canaries) == []
    assert scan(files, canaries) == []
    kinds = {_kind(path, box) for path in files}
    assert kinds >= {"state", "pulumi home", "temporary files", "audit log", "logs"}, kinds
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(canaries)} canaries, {len(streams)} streams (of {watch.processes} processes) and {len(files)} "
            f"files of {len(kinds)} kinds × {len(ENCODINGS)} encodings, {len(canaries[0].needles)} forms: no finding\n"
        )


def _story(place: Place) -> dict[str, Canary]:
    """Run everything that there is to run; return the canaries that came later."""
    for verb in ("validate", "graph", "render"):
        place.aoa(verb, *([] if verb == "validate" else ["staging"]))
    for form in FORMATS:
        place.aoa("access", "show", "staging", "--output", form)
    assert place.pulumi("preview", "--json").code == 0
    assert place.pulumi("preview", "--diff").code == 0
    assert place.aoa("preview", "staging", "--format", "json").code == 0
    debugging = {**place.environ, "PULUMI_DEBUG_GRPC": str(place.temporary / "grpc.json"), "PULUMI_DEBUG_COMMANDS": "1"}
    events = str(place.temporary / "events.json")
    verbose = ["--logflow", "-v=9", "--event-log", events]
    first = place.pulumi("up", "--yes", "--skip-preview", "--show-reads", *verbose, environ=debugging)
    assert first.code == 0, first.text[-3000:]
    for form in FORMATS:
        place.aoa("status", "staging", "--output", form)
        assert place.aoa("secrets", "status", "staging", "--output", form).code == 0
    later = {"rotated": canary("rotated"), "refused": canary("refused"), "rotated again": canary("rotated again")}
    for form, name in (("table", "rotated again"), ("json", "rotated")):
        given = later[name].value
        done = place.aoa(
            *("secrets", "rotate", "staging", "api", "DATABASE_URL", "--timeout", "2m", "--output", form),
            given=given,
            environ=place.writer,
        )
        assert done.code == 0, done.text
    done = place.aoa(
        "secrets", "rotate", "staging", "mail", "API_KEY", "--generate", "-o", "yaml", environ=place.writer
    )
    assert done.code == 0, done.text
    refused = ("secrets", "rotate", "staging", "api", "DATABASE_URL", "--debug")
    # The program's own token may not write; what is no text is refused before that.
    assert "may not patch" in place.aoa(*refused, given=later["refused"].value).stderr
    assert "not UTF-8" in place.aoa(*refused, given=later["refused"].value.encode() + b"\xff").stderr
    _fail(place)
    for operation in (("refresh", "staging"), ("up", "staging", "--format", "json"), ("explain", "staging")):
        done = place.aoa(*operation)
        assert done.code == 0, done.text
    for command in (
        ["pulumi", "stack", "export", "--show-secrets"],
        ["pulumi", "stack", "history", "--json", "--show-secrets"],
        ["pulumi", "stack", "output", "--json", "--show-secrets"],
    ):
        assert place.run([*command, "--stack", "staging", "--non-interactive"]).code == 0
    return later


def _fail(place: Place) -> None:
    """One run whose pod fails, and one whose key is missing."""
    healthy = place.children["mail"]
    place.children["mail"] = {**healthy, "args": ["--sandbox-behaviour=crash"], "deadline": "15s"}
    assert place.aoa("up", "staging", "--engine-output").code == 5
    place.aoa("explain", "staging", "--format", "json")
    place.children["mail"] = {**healthy, "secrets": {"API_KEY": {"path": "leaks/mail", "key": "absent"}}}
    assert place.pulumi("preview").code != 0
    assert place.aoa("up", "staging").code == 4
    place.children["mail"] = healthy


def _end(place: Place) -> None:
    done = place.aoa("destroy", "staging", "--yes", "--format", "json")
    assert done.code == 0, done.text


def _in_secrets(place: Place) -> set[str]:
    """Return the values in the Kubernetes Secrets of the parent: there they have to be."""
    return {
        base64.b64decode(value).decode()
        for item in place.get("secrets", "--all-namespaces")
        if item["metadata"]["namespace"].startswith(f"{place.name}-")
        for value in item.get("data", {}).values()
    }


def _generated(box: Sandbox, known: dict[str, Canary]) -> list[Canary]:
    """Return what `--generate` has made, from Vault."""
    port = json.loads((box.layout.root / "ports.json").read_text())["vault"]
    token = json.loads((box.layout.vault / "keys.json").read_text())["root_token"]
    with VaultClient(port, token) as client:
        answer = client.read("kv-staging/data/leaks/mail")
    assert answer is not None
    value = answer["data"]["data"]["key"]
    assert value not in {one.value for one in known.values()}
    return [Canary("generated", value)]


def _files(folder: Path, since: float) -> list[Path]:
    """Return the files that have been written to since a moment: older ones cannot hold what did not exist."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= since - 1
    ]


def _kind(path: Path, box: Sandbox) -> str:
    root = box.layout.root
    if not path.is_relative_to(root):
        return "temporary files" if "tmp" in path.parts else "project"
    if path.name == "audit.log":
        return "audit log"
    return {"state": "state", "pulumi": "pulumi home", "pulumi-home": "pulumi home", "logs": "logs"}.get(
        path.relative_to(root).parts[0], path.relative_to(root).parts[0]
    )
