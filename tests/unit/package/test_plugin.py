"""The component that programs in other languages name, and the process that serves it to the engine."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pulumi
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from app_of_apps import __version__
from app_of_apps.environment.layers import CONFIG_KEY
from app_of_apps.errors import Refused
from components import plugin, type_tokens
from components.parent_app import ParentApp
from tests.components.recording import STACK, record
from tests.components.shop import parent_args, release, shop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.components.recording import RecordingMonitor

CHECKOUT = Path(__file__).resolve().parents[3]
SERVERS = {
    "folder": [sys.executable, "provider"],
    "command": [Path(sys.executable).with_name("pulumi-resource-aoa")],
}


def served(command: list[Any]) -> dict[str, Any]:
    """Start a provider as the engine does and return the schema that it answers with."""
    with subprocess.Popen([*command, "127.0.0.1:1"], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                provider = provider_pb2_grpc.ResourceProviderStub(channel)
                return json.loads(provider.GetSchema(provider_pb2.GetSchemaRequest(version=0)).schema)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return served(SERVERS["folder"])


def test_the_folder_and_the_command_serve_the_same_schema(schema: dict[str, Any]) -> None:
    assert served(SERVERS["command"]) == schema


def test_the_provider_has_the_version_of_the_package(schema: dict[str, Any]) -> None:
    assert schema["version"] == __version__


def test_the_provider_serves_the_parent_and_nothing_else(schema: dict[str, Any]) -> None:
    assert set(schema["resources"]) == {type_tokens.COMPONENT}
    assert schema["resources"][type_tokens.COMPONENT]["isComponent"] is True


def test_every_input_is_plain_and_none_has_to_be_given(schema: dict[str, Any]) -> None:
    parent = schema["resources"][type_tokens.COMPONENT]
    assert set(parent["inputProperties"]) == {"project", "environment"}
    assert all(one["plain"] is True and one["type"] == "string" for one in parent["inputProperties"].values())
    assert parent.get("requiredInputs", []) == []


def test_everything_in_the_schema_is_described(schema: dict[str, Any]) -> None:
    parent = schema["resources"][type_tokens.COMPONENT]
    assert parent["description"]
    assert all(one["description"] for one in [*parent["inputProperties"].values(), *parent["properties"].values()])


def test_the_provider_is_not_given_the_environment_as_its_own_configuration(schema: dict[str, Any]) -> None:
    # The engine takes `<package>:<key>` for the configuration of the package's provider and keeps it in the state.
    assert schema["name"] != CONFIG_KEY.partition(":")[0]


# -- what is declared ------------------------------------------------------------------------------------------------


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", told.append)
    return told


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Path, str]]:
    """Let the steps that need a cluster be passed; returns what they are asked for."""
    calls: list[tuple[Path, str]] = []
    of = release(tmp_path, shop())

    def prepare(project: Path, stack: str) -> Callable[[pulumi.ResourceOptions | None], ParentApp]:
        calls.append((project, stack))
        return lambda opts: ParentApp(of.parent, parent_args(of), opts)

    monkeypatch.setattr(plugin, "prepare", prepare)
    return calls


def named(args: Mapping[str, Any], outputs: dict[str, Any] | None = None) -> Callable[[], None]:
    """Return a program with the component; ``outputs`` is filled with what the program gets from it."""
    found = {} if outputs is None else outputs

    def declare() -> None:
        given = {key: value() if callable(value) else value for key, value in args.items()}
        parent = plugin.ParentApp("ours", given)
        for key in ("release", "environment", "children"):
            getattr(parent, key).apply(partial(found.__setitem__, key))

    return declare


def test_the_parent_of_a_python_program_stands_below_the_component(asked: list[tuple[Path, str]]) -> None:
    recorded = record(named({}))
    assert asked == [(Path(), STACK)]
    outer, inner = recorded.named("ours"), recorded.named("shop")
    assert (outer.type, inner.type, inner.parent) == (type_tokens.COMPONENT, type_tokens.PARENT_APP, outer.urn)


@pytest.mark.usefixtures("asked")
def test_a_parent_that_a_python_program_has_declared_is_the_same_one() -> None:
    (alias,) = record(named({})).named("shop").request.aliases
    assert alias.spec.noParent is True


def test_a_folder_can_be_named(asked: list[tuple[Path, str]]) -> None:
    record(named({"project": "deploy", "environment": STACK}))
    assert asked == [(Path("deploy"), STACK)]


@pytest.mark.usefixtures("asked")
def test_outputs_are_what_the_schema_says(schema: dict[str, Any]) -> None:
    outputs: dict[str, Any] = {}
    record(named({}, outputs))
    assert set(outputs) == set(schema["resources"][type_tokens.COMPONENT]["properties"])
    status = schema["types"]["aoa:index:ChildStatus"]
    assert outputs["environment"] == STACK
    assert set(outputs["children"]) == set(shop().children)
    for child in outputs["children"].values():
        assert set(status["required"]) <= set(child) <= set(status["properties"])


# -- what is refused -------------------------------------------------------------------------------------------------


def refused(args: Mapping[str, Any]) -> list[str]:
    """Run a program that has to fail, and return what it has registered: names."""
    monitors: list[RecordingMonitor] = []
    with pytest.raises(pulumi.RunError, match="the parent says why"):
        record(named(args), seen=monitors.append)
    return [one.name for one in monitors[0].registrations if one.type != "pulumi:pulumi:Stack"]


@pytest.mark.parametrize(
    "value",
    [lambda: pulumi.Output.from_input("deploy"), lambda: pulumi.Output.secret("deploy"), lambda: 7.0],
    ids=["output", "secret", "number"],
)
def test_what_is_not_plain_is_refused_before_anything_is_declared(
    asked: list[tuple[Path, str]], logged: list[str], value: Callable[[], Any]
) -> None:
    assert refused({"project": value}) == []
    assert asked == []
    (line,) = logged
    assert line.startswith("InvalidInput: the program: project: must be a plain text")


def test_a_program_that_is_meant_for_another_environment_is_refused_and_leaves_a_trace(
    asked: list[tuple[Path, str]], logged: list[str], tmp_path: Path
) -> None:
    assert refused({"project": str(tmp_path), "environment": "prod"}) == []
    assert asked == []
    assert logged == [
        "WrongEnvironment: the program is meant for 'prod', and the stack is 'staging'; nothing was touched"
    ]
    (line,) = (tmp_path / ".aoa/refusals.jsonl").read_text().splitlines()
    assert json.loads(line)["environment"] == "prod"


def test_a_refusal_is_told_in_its_own_words_and_nothing_is_declared(
    monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    def prepare(_: Path, __: str) -> None:
        msg = "two approvals are missing"
        raise Refused(msg)

    monkeypatch.setattr(plugin, "prepare", prepare)
    assert refused({}) == []
    assert logged == ["Refused: two approvals are missing"]
