"""What verbs do with ``--server``: ask the service, follow what it tells, end with the same report and exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from typing import TYPE_CHECKING, Any

import typer

from app_of_apps.cli.options import TextOrJson

if TYPE_CHECKING:
    from app_of_apps.deploy.status import EnvironmentStatus
    from app_of_apps.service.client import Client
    from app_of_apps.service.operation import Asked, Operation

_REFUSED, _LOST, INTERRUPTED = 3, 4, 130


def connect(server: str) -> Client:
    """Return a client of a service; raises InvalidInput without a token or with an address that is none."""
    from app_of_apps.errors import InvalidInput, Position, Problem
    from app_of_apps.service.client import TOKEN, Client

    token = os.environ.get(TOKEN, "")
    if not token:
        hint = "get one from the identity provider that the service trusts"
        raise InvalidInput([Problem(Position(TOKEN), "", "holds no token for the service", hint)])
    return Client(server, token)


def carry_out(server: str, env: str, asked: Asked, output: TextOrJson) -> None:
    """Have a service carry something out, show what happens, and end with its exit code.

    The first Ctrl-C asks the service to end the operation, a second one leaves it alone.
    """
    from app_of_apps.cli.output import note

    with connect(server) as client:
        operation = client.begin(env, asked, key=uuid.uuid4().hex)
        note(f"{asked.operation} of {env} at {server}: operation {operation.id}")
        try:
            _follow(client, operation)
        except KeyboardInterrupt:
            note("Interrupted: the service is asked to end it. Press Ctrl-C again to leave it alone.")
            client.cancel(operation.id)
            with contextlib.suppress(KeyboardInterrupt):
                _follow(client, operation)
        ended = client.operation(operation.id)
    _tell(ended, output)


def statuses(server: str, envs: list[str] | None) -> tuple[EnvironmentStatus, ...]:
    """Return how environments stand, as a service has seen them last."""
    from app_of_apps.deploy.status import EnvironmentStatus

    with connect(server) as client:
        found = [client.environment(env) for env in envs] if envs else client.environments()
    return tuple(
        EnvironmentStatus(
            name=one["name"],
            context=server,
            children=tuple(_child(child) for child in one["children"]),
            wanted=one["wanted"],
            release=one["release"],
            released=_moment(one["released"]),
            commit=one["commit"],
            error=one["error"],
        )
        for one in found
    )


def _child(one: dict[str, Any]) -> Any:  # noqa: ANN401 - imported when it is needed
    from app_of_apps.deploy.status import ChildStatus, Standing

    return ChildStatus(
        child=one["name"],
        type=one["type"],
        team=one["team"],
        standing=Standing(one["state"]),
        version=one["version"],
        wanted=one["wanted"],
        current=one["current"],
        ready=one["ready"],
        desired=one["desired"],
        since=_moment(one["since"]),
        message=one["message"],
    )


def _moment(text: str | None) -> Any:  # noqa: ANN401 - a datetime
    from datetime import datetime

    return None if text is None else datetime.fromisoformat(text)


def _follow(client: Client, operation: Operation) -> None:
    from app_of_apps.deploy.report import duration

    begun: float | None = None
    for _, kind, data in client.events(operation.id):
        begun = data["time"] if begun is None else begun
        since = duration(data["time"] - begun)
        if kind == "line":  # what its own terminal would have shown
            sys.stderr.write(f"{data['text']}\n")
        elif kind == "state":
            sys.stderr.write(f"{since:>6}  {data['state']}\n")
        sys.stderr.flush()


def _tell(ended: Operation, output: TextOrJson) -> None:
    from app_of_apps.cli.output import answer, answer_json, note
    from app_of_apps.deploy.report import render
    from app_of_apps.deploy.report_read import from_json

    if output is TextOrJson.JSON:
        answer_json(ended.report or ended.model_dump(mode="json", by_alias=True))
    elif ended.report is not None and "causes" in ended.report and "seconds" in ended.report:
        answer(render(from_json(ended.report)))
    elif ended.report is not None and "differences" in ended.report:
        for one in ended.report["differences"]:
            thing = one.get("object", {})
            answer(f"{one.get('child') or '(parent)'}: {thing.get('kind')} {thing.get('name')} {one.get('what')}")
        answer(f"{len(ended.report['differences'])} differences in {ended.environment}")
    else:
        note(f"{ended.operation} of {ended.environment} {ended.state}: {ended.message}")
    code = ended.exit_code
    if code is None:
        code = {"refused": _REFUSED, "cancelled": INTERRUPTED, "interrupted": INTERRUPTED}.get(str(ended.state), _LOST)
    if code:
        raise typer.Exit(code)
