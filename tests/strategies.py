"""Hypothesis strategies of valid manifests, and how to write them to a folder.

A world is a parent, its children, an environment and the files that chart and manifests children refer to, as the plain
data that the YAML holds. Whatever is drawn here loads, resolves, orders and renders; every test that says so for "any
valid manifest" draws from here. ``mutated`` breaks a world in one place.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

Data = dict[str, Any]

_NAMES = [
    f"{first}{second}" for first in ("api", "web", "mail", "cart", "stock", "x") for second in ("", "-2", "-job", "z9")
]
_VARIABLES = ["LOG_LEVEL", "Region", "_cache_size", "URL", "FEATURE_X", "MODE2"]
_TEAMS = ["orders", "platform", "front-end"]
_SETS = ["market", "telemetry", "regional"]
_TEMPLATES = ["web", "background", "batch"]
# Text that YAML 1.1 would not read as text is the interesting part.
_TEXTS = st.one_of(
    st.sampled_from(
        ["", "no", "012", "1.10", "1e3", "null", "~", "2024-01-01", "12:30:00", "<<", "a: b", "#x", "\n", " ü€😀"]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
)
_DURATIONS = st.sampled_from(["1s", "90s", "5m", "1h30m"])
_QUANTITIES = st.sampled_from(["50m", "0.5", "1", "64Mi", "1Gi"])
_LIMITS = st.sampled_from(["2Gi", "1.5Ti"])
_COUNTS = st.one_of(st.integers(1, 5), st.sampled_from(["25%", "100%"]))
_VERSIONS = st.sampled_from(["1.4.2", "0.1.0-rc.1", "2024.11", "1.10", f"sha-{'0a' * 20}", f"1.0@sha256:{'ab' * 32}"])


@dataclass
class World:
    """Everything that one parent manifest consists of, as plain data."""

    parent: Data
    children: dict[str, Data]
    """Child's name → what its file says, in the order of the parent's list."""
    environment: Data
    """What stands under app-of-apps:environment."""
    files: dict[str, str] = field(default_factory=dict)
    """Further files, by their path in the folder."""


class _Dumper(yaml.SafeDumper):
    """Writes every text in double quotes and repeats what is repeated."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def to_yaml(data: object) -> str:
    """Write plain data as YAML that means the same in every generation of the language."""
    return yaml.dump(data, Dumper=_Dumper, allow_unicode=True, width=10**6, sort_keys=False)


def write_world(folder: Path, world: World) -> Path:
    """Write a world's files below a folder and return the parent's."""
    stack = {"config": {"app-of-apps:environment": world.environment}}
    parent = {**world.parent, "children": [f"apps/{name}.yaml" for name in world.children]}
    texts = {
        "parent.yaml": to_yaml(parent),
        f"Pulumi.{world.environment['name']}.yaml": to_yaml(stack),
        **{f"apps/{name}.yaml": to_yaml(child) for name, child in world.children.items()},
        **world.files,
    }
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder / "parent.yaml"


def _optional(required: Data, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Data]:
    return st.fixed_dictionaries(required, optional=optional)


def _variables() -> st.SearchStrategy[Data]:
    return st.dictionaries(st.sampled_from(_VARIABLES), _TEXTS, max_size=3)


def _resources() -> st.SearchStrategy[Data]:
    # No limit is below a request: a template, a child and an environment may each say one of the two.
    requests = _optional({}, cpu=_QUANTITIES, memory=_QUANTITIES, ephemeralStorage=_QUANTITIES)
    limits = _optional({}, cpu=_LIMITS, memory=_LIMITS, ephemeralStorage=_LIMITS)
    return _optional({}, requests=requests, limits=limits)


def _probe(ports: list[str]) -> st.SearchStrategy[Data]:
    port = st.one_of(st.integers(1, 65535), st.sampled_from(ports)) if ports else st.integers(1, 65535)
    ways = st.one_of(
        st.fixed_dictionaries({"http": _optional({"port": port}, path=st.sampled_from(["/", "/healthz", "/a?b=c"]))}),
        st.fixed_dictionaries({"tcp": port}),
        st.fixed_dictionaries({"grpc": st.integers(1, 65535)}),
        st.fixed_dictionaries({"exec": st.lists(st.sampled_from(["cat", "/tmp/ok", "-c"]), min_size=1, max_size=3)}),  # noqa: S108
    )
    extra = _optional(
        {}, initialDelay=_DURATIONS, period=_DURATIONS, timeout=_DURATIONS, failureThreshold=st.integers(1, 9)
    )
    return st.tuples(ways, extra).map(lambda parts: {**parts[1], **parts[0]})


def _behaviour(ports: list[str]) -> dict[str, st.SearchStrategy[Any]]:
    rollout = st.one_of(
        st.fixed_dictionaries({"strategy": st.just("Recreate")}),
        _optional(
            {"maxSurge": _COUNTS}, maxUnavailable=_COUNTS, minReadySeconds=st.just(0), terminationGracePeriod=_DURATIONS
        ),
    )
    # A startup or liveness probe may not ask for more than one success, and none is drawn.
    probes = _optional({}, startup=_probe(ports), readiness=_probe(ports), liveness=_probe(ports))
    return {
        "rollout": rollout,
        "probes": probes,
        "resources": _resources(),
        "deadline": _DURATIONS,
        "onFailure": st.sampled_from(["stop", "rollback"]),
    }


def _pod(ports: list[str], templates: list[str], sets: list[str]) -> dict[str, st.SearchStrategy[Any]]:
    strategies: dict[str, st.SearchStrategy[Any]] = {
        **_behaviour(ports),
        "command": st.lists(st.sampled_from(["run", "--verbose", "no"]), max_size=2),
        "args": st.lists(st.sampled_from(["serve", "012"]), max_size=2),
        "config": _optional(
            {},
            own=_variables(),
            shared=st.lists(st.sampled_from(sets), unique=True, max_size=2) if sets else st.just([]),
        ),
        "secrets": st.dictionaries(
            st.sampled_from(["DATABASE_URL", "API_KEY"]),
            st.fixed_dictionaries(
                {"path": st.sampled_from(["orders/db", "shared"]), "key": st.sampled_from(["url", "k_1"])}
            ),
        ),
        "volumes": st.sampled_from(
            [
                [],
                [{"name": "scratch", "mountPath": "/scratch", "emptyDir": {}}],
                [
                    {"name": "texts", "mountPath": "/etc/texts", "files": {"hello.txt": "Hello\nno\n", "b": ""}},
                    {"name": "keys", "mountPath": "/etc/keys", "secret": "orders/keys"},
                ],
            ]
        ),
        "serviceAccount": _optional({}, mountToken=st.booleans()),
        "security": _optional({}, runAsUser=st.integers(1, 99999), readOnlyRootFilesystem=st.booleans()),
    }
    if templates:
        strategies["template"] = st.sampled_from(templates)
    return strategies


def _scaled(ports: list[str]) -> dict[str, st.SearchStrategy[Any]]:
    return {
        "replicas": st.integers(1, 4),
        "disruptionBudget": st.sampled_from([{"minAvailable": 1}, {"maxUnavailable": "50%"}]),
        "autoscaling": st.sampled_from(
            [{"maxReplicas": 3}, {"minReplicas": 2, "maxReplicas": 2, "memoryUtilization": 60}]
        ),
        "expose": st.sampled_from(
            [
                {"host": "shop.example.com", "port": ports[0]},
                {"host": "a.b.example.com", "port": ports[0], "kind": "HTTPRoute", "gateway": "infra/public"},
            ]
        ),
    }


def _objects(kind: str) -> str:
    objects: list[Data] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "no"}}
    ]
    if kind == "workload":
        pod = {
            "metadata": {"labels": {"app": "x"}},
            "spec": {"containers": [{"name": "x", "image": "registry.example.com/x:1"}]},
        }
        spec = {"selector": {"matchLabels": {"app": "x"}}, "template": pod}
        objects.append({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": spec})
    return "---\n".join(to_yaml(found) for found in objects)


@st.composite
def worlds(draw: st.DrawFn, *, max_children: int = 6, types: tuple[str, ...] = ()) -> World:
    """Draw a valid world: any of the types, any graph without cycles, any subset of the optional fields."""
    sets = draw(st.lists(st.sampled_from(_SETS), unique=True))
    templates = draw(st.lists(st.sampled_from(_TEMPLATES), unique=True))
    parent: Data = {
        "apiVersion": "app-of-apps/v1",
        "kind": "Parent",
        "name": draw(st.sampled_from(["shop", "a", "a-parent-of-20-chars"])),
        "labels": draw(
            st.dictionaries(st.sampled_from(["tier", "example.com/product"]), st.sampled_from(["", "shop", "v1.0"]))
        ),
        "teams": {name: {"contact": draw(st.sampled_from(["#team", "a@example.com"]))} for name in _TEAMS},
        "config": {name: draw(_variables()) for name in sets},
        # A template asks no port by name: not every child has one.
        "templates": {name: draw(_optional({}, **_behaviour([]))) for name in templates},
    }
    names = draw(st.lists(st.sampled_from(_NAMES), unique=True, min_size=1, max_size=max_children))
    kinds = types or ("service", "worker", "migration", "cronjob", "chart", "manifests")
    world = World(parent, {}, {})
    for name in names:
        world.children[name] = _child(
            draw, name, draw(st.sampled_from(kinds)), templates=templates, sets=sets, world=world
        )
    world.environment = _environment(draw, world, sets)
    order = draw(st.permutations(names))
    world.children = {name: world.children[name] for name in order}
    return world


def _child(draw: st.DrawFn, name: str, kind: str, *, templates: list[str], sets: list[str], world: World) -> Data:
    child: Data = {"name": name, "type": kind, "team": draw(st.sampled_from(_TEAMS))}
    healthy = [
        other
        for other, data in world.children.items()
        if data["type"] != "cronjob" and "Deployment" in world.files.get(f"objects/{other}.yaml", "Deployment")
    ]
    if healthy:
        child["dependsOn"] = draw(st.lists(st.sampled_from(healthy), unique=True, max_size=3))
    common = {
        "description": _TEXTS,
        "labels": st.just({"tier": "x"}),
        "annotations": st.just({"example.com/note": "no"}),
    }
    if kind == "manifests":
        world.files[f"objects/{name}.yaml"] = _objects(draw(st.sampled_from(["workload", "settings"])))
        own: dict[str, st.SearchStrategy[Any]] = {"deadline": _DURATIONS}
        child["files"] = [f"../objects/{name}.yaml"]
    elif kind == "chart":
        world.files[f"charts/{name}/Chart.yaml"] = to_yaml({"apiVersion": "v2", "name": name, "version": "1.0.0"})
        world.files[f"charts/{name}/templates/a.yaml"] = _objects("workload")
        own = {
            "deadline": _DURATIONS,
            "values": st.dictionaries(
                st.sampled_from(["replicaCount", "mode"]), st.one_of(st.integers(0, 9), _TEXTS, st.none())
            ),
            "versionValue": st.just("image.tag"),
        }
        child["chart"] = f"../charts/{name}"
    else:
        child["image"] = draw(st.sampled_from(["registry.example.com/shop/api", "localhost:5000/a/b", "nginx"]))
        ports = draw(st.sampled_from([["http"], ["grpc", "metrics"]])) if kind in {"service", "worker"} else []
        own = _pod(ports, templates, sets)
        if ports:
            child["ports"] = [{"name": port, "port": 8080 + index} for index, port in enumerate(ports)]
            own |= {key: value for key, value in _scaled(ports).items() if kind == "service" or key != "expose"}
        if kind == "cronjob":
            child["schedule"] = draw(st.sampled_from(["*/15 * * * *", "@daily", "15 3 * * MON-FRI"]))
            own |= {"suspend": st.booleans(), "concurrencyPolicy": st.sampled_from(["Allow", "Forbid"])}
        if kind in {"cronjob", "migration"}:
            own |= {"backoffLimit": st.integers(0, 3)}
        if kind == "migration":
            down = _optional({"args": st.just(["down"])}, command=st.just(["migrate"]))
            own |= {"compatibleFrom": st.sampled_from(["1.4.0", "v2-rc.1"]), "down": down}
    child |= draw(_optional({}, **common, **own))
    return child


def _environment(draw: st.DrawFn, world: World, sets: list[str]) -> Data:
    versioned = [
        name
        for name, child in world.children.items()
        if child["type"] != "manifests" and (child["type"] != "chart" or "versionValue" in child)
    ]
    environment: Data = {
        "name": draw(st.sampled_from(["staging", "prod"])),
        "cluster": {"context": "kind-staging", "server": "https://127.0.0.1:6443"},
        "vault": {"address": "https://vault.example.com:8200", "mounts": {"kv": "kv-staging", "jwt": "auth/jwt"}},
        "versions": {name: draw(_VERSIONS) for name in versioned},
        "config": {name: draw(_variables()) for name in sets if draw(st.booleans())},
        "children": {},
    }
    for name, child in world.children.items():
        if child["type"] in {"service", "worker"} and "autoscaling" not in child and draw(st.booleans()):
            environment["children"][name] = {"replicas": draw(st.integers(1, 3)), "config": draw(_variables())}
    return environment


@st.composite
def mutated(draw: st.DrawFn, world: World) -> World:
    """Return a copy of a world with one place of its data deleted, renamed, repeated or of another type."""
    changed = copy.deepcopy(world)
    documents = [changed.parent, changed.environment, *changed.children.values()]
    target = draw(st.sampled_from(documents))
    holder, key = draw(st.sampled_from(_places(target)))
    junk = st.one_of(
        st.none(), st.booleans(), st.integers(-3, 70000), st.floats(allow_nan=False, allow_infinity=False), _TEXTS
    )
    action = draw(st.sampled_from(["delete", "rename", "retype", "nest"]))
    value = holder[key]
    if action == "delete":
        del holder[key]
    elif action == "rename" and isinstance(holder, dict):
        holder[draw(st.sampled_from([f"{key}s", f"{key[:-1]}", "", "<<", "no", "name", str(key).upper()]))] = (
            holder.pop(key)
        )
    elif action == "nest":
        holder[key] = draw(st.sampled_from([[value], {"a": value}, {}, [], {"secure": "v1:x"}]))
    else:
        holder[key] = draw(junk)
    return changed


def _places(value: Any) -> list[tuple[Any, Any]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, below in steps for place in [(value, key), *_places(below)]]
