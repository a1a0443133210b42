"""Manifests and environments built in memory: what the loaders make of files, without the files.

`Manifest` and `LoadedEnvironment` stand in for the loaders' classes and have their attributes; the loaders are tested
for themselves, and the example at the repository's root runs through the real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app_of_apps.environment.settings import Environment
from app_of_apps.errors import Position
from app_of_apps.manifest.child import Child
from app_of_apps.manifest.parent import Parent
from app_of_apps.manifest.positions import path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

_child = TypeAdapter(Child)
RUNS = settings(max_examples=40, deadline=None)
"""How often a property of a whole world is tried; a busy machine is no failure."""


@dataclass(frozen=True)
class Chart:
    path: PurePosixPath | str
    digest: str
    name: str = "chart"
    version: str = "1.0.0"


@dataclass(frozen=True)
class Manifest:
    parent: Parent
    children: Mapping[str, Child]
    documents: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    charts: Mapping[str, Chart] = field(default_factory=dict)

    def position(self, child: str | None, loc: tuple[str | int, ...]) -> Position:
        return Position(f"{child or 'parent'}.yaml#{path(loc)}", 1, 1)


@dataclass(frozen=True)
class Positions:
    file: str

    def at(self, loc: tuple[str | int, ...]) -> Position:
        return Position(f"{self.file}#{path(loc)}", 1, 1)

    key_at = at


@dataclass(frozen=True)
class LoadedEnvironment:
    settings: Environment
    positions: Positions
    neighbours: tuple[()] = ()


def child(**fields: Any) -> Child:
    """Build a child; a service with one port unless told otherwise."""
    given = {"type": "service", "name": "api", "team": "core", **fields}
    if given["type"] in {"service", "worker", "migration", "cronjob"}:
        given.setdefault("image", f"registry.example.com/{given['name']}")
    if given["type"] == "service":
        given.setdefault("ports", [{"port": 8080}])
    if given["type"] == "cronjob":
        given.setdefault("schedule", "0 3 * * *")
    if given["type"] == "chart":
        given.setdefault("chart", "charts/x")
    if given["type"] == "manifests":
        given.setdefault("files", ["x.yaml"])
    return _child.validate_python(given)


def manifest(*children: Child, **fields: Any) -> Manifest:
    """Build a manifest of the parent ``shop``; keyword arguments are the parent's, plus documents and charts."""
    documents = fields.pop("documents", {})
    charts = fields.pop("charts", {})
    parent = Parent.model_validate(
        {
            "apiVersion": "app-of-apps/v1",
            "kind": "Parent",
            "name": "shop",
            "teams": {"core": {"contact": "#core"}},
            "children": [f"{one.name}.yaml" for one in children],
            **fields,
        }
    )
    for one in children:
        if one.type == "chart":
            charts.setdefault(one.name, Chart(path="charts/x", digest="sha256:" + "0" * 64))
        if one.type == "manifests":
            documents.setdefault(one.name, ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}},))
    return Manifest(parent, {one.name: one for one in children}, documents, charts)


def environment(name: str = "staging", **fields: Any) -> LoadedEnvironment:
    """Build an environment; every child that is not named in ``versions`` has none."""
    settings = Environment.model_validate(
        {
            "name": name,
            "cluster": {"context": name},
            "vault": {"mounts": {"kv": f"kv-{name}", "jwt": f"jwt-{name}"}},
            **fields,
        }
    )
    return LoadedEnvironment(settings, Positions(f"Pulumi.{name}.yaml"))


# --- whole worlds for property tests ---------------------------------------------------------------------------------

# Sampled, since drawing from regular expressions takes longer than what is tested; the edges of the patterns are in.
LONGEST = "a" + "-" * 28 + "z"
names = st.sampled_from(["a", "api", "api-2", "web", "web-job", "stock", "x9", LONGEST])
variables = st.sampled_from(["A", "_A1", "LOG_LEVEL", "Mixed", "URL"])
texts = st.one_of(
    st.sampled_from(["", "no", "1", " ", "$(X)", "ü😀"]), st.text(st.characters(exclude_categories=["Cs", "Cc"]))
)
environments = st.dictionaries(variables, texts, max_size=3)
tags = st.sampled_from(["1.0.0", "_", "v1.", "A" * 128, "1.2-rc_3"])
versions = st.one_of(tags, st.just("@sha256:" + "ab" * 32), tags.map(lambda tag: f"{tag}@sha256:{'cd' * 32}"))
paths = st.sampled_from(["a", "a/b", "a-b", "A_b", "a.b", "-", "x" * 255, "shop/" + "x" * 250, "deep/er/path"])
keys = st.sampled_from(["key", "Key.pem", "a-b_c", ".dockerconfigjson", "k" * 253])
secrets = st.dictionaries(
    variables.map(lambda name: f"S_{name}"), st.fixed_dictionaries({"path": paths, "key": keys}), max_size=3
)
volumes = st.lists(
    st.one_of(
        st.fixed_dictionaries({"name": names, "emptyDir": st.just({})}),
        st.fixed_dictionaries({"name": names, "files": st.dictionaries(names, texts, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"name": names, "secret": paths}),
    ).map(lambda volume: {**volume, "mountPath": f"/mnt/{volume['name']}"}),
    unique_by=lambda volume: volume["name"],
    max_size=2,
)
probes = st.sampled_from(
    [
        None,
        {"readiness": {"http": {"path": "/ready"}}},
        {"readiness": {"tcp": 8080}, "liveness": {"exec": ["true"]}, "startup": {"grpc": 8080, "period": "2s"}},
    ]
)
resources = st.sampled_from(
    [None, {"requests": {"cpu": "2", "memory": "1Gi"}}, {"limits": {"memory": "32Mi"}}, {"limits": {"cpu": "1500m"}}]
)
shared_sets = {"market": {"CURRENCY": "EUR"}, "telemetry": {"SAMPLER": "always"}, "empty": {}}
templates = {
    "web": {"probes": {"readiness": {"http": {}}, "liveness": {"tcp": "http"}}, "deadline": "3m"},
    "batch": {"resources": {"requests": {"cpu": "200m"}}, "onFailure": "rollback"},
}


@st.composite
def children(draw: st.DrawFn, name: str, needs: list[str]) -> Child:
    """Draw one child of any type; it depends on some of ``needs``."""
    kind = draw(st.sampled_from(["service", "worker", "migration", "cronjob", "chart", "manifests"]))
    fields: dict[str, Any] = {
        "name": name,
        "type": kind,
        "dependsOn": draw(st.lists(st.sampled_from(needs), unique=True, max_size=3)) if needs else [],
        "labels": draw(st.sampled_from([{}, {"example.com/tier": "one"}])),
    }
    if kind == "chart":
        fields |= {
            "values": {"image": {"repository": "x"}},
            "versionValue": draw(st.sampled_from(["image.tag", "tag"])),
        }
    elif kind != "manifests":
        fields |= {
            "template": draw(st.sampled_from([None, *templates])),
            "config": {
                "shared": draw(st.lists(st.sampled_from(sorted(shared_sets)), unique=True)),
                "own": draw(environments),
            },
            "secrets": draw(secrets),
            "volumes": draw(volumes),
            "probes": draw(probes),
            "resources": draw(resources),
            "command": draw(st.sampled_from([[], ["run", "--now"]])),
        }
        fields = {key: value for key, value in fields.items() if value is not None}
    if kind == "migration":
        fields |= draw(st.sampled_from([{}, {"compatibleFrom": "0.1"}, {"down": {"args": ["down"]}}]))
    if kind in {"service", "worker"}:
        fields |= {
            "ports": [{"port": 8080}],
            "replicas": draw(st.integers(1, 4)),
            "autoscaling": draw(st.sampled_from([None, {"minReplicas": 2, "maxReplicas": 5}])),
            "disruptionBudget": draw(st.sampled_from([None, {"minAvailable": 1}, {"maxUnavailable": "10%"}])),
        }
    if kind == "service":
        gateway = {"kind": "HTTPRoute", "gateway": "infra/public", "host": "b.example.com"}
        fields["expose"] = draw(st.sampled_from([None, {"host": "a.example.com", "tlsSecret": "tls"}, gateway]))
    return child(**fields)


@st.composite
def worlds(draw: st.DrawFn, *, at_most: int = 6) -> tuple[Manifest, LoadedEnvironment]:
    """Draw a manifest that is valid and an environment that fits it."""
    drawn = draw(st.lists(names, unique=True, min_size=1, max_size=at_most))
    members: list[Child] = []
    for name in drawn:
        # Nobody can wait for a cron job.
        members.append(draw(children(name, [one.name for one in members if one.type != "cronjob"])))
    made = manifest(*members, config=shared_sets, templates=templates, labels={"example.com/product": "shop"})
    chosen = {one.name: draw(versions) for one in members if one.type != "manifests"}
    overrides: dict[str, Any] = {}
    for one in members:
        if one.type in {"service", "worker"} and draw(st.booleans()):
            overrides[one.name] = {"config": draw(environments)}
            if one.autoscaling is None:
                overrides[one.name]["replicas"] = draw(st.integers(1, 5))
    config = draw(st.dictionaries(st.sampled_from(["market", "telemetry"]), environments, max_size=2))
    return made, environment("staging", versions=chosen, children=overrides, config=config)
