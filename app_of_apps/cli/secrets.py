"""``aoa secrets``: which version of which secret is where, and new values all the way to the pods. Shows no values."""

from __future__ import annotations

import contextlib
import os
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from app_of_apps.cli.options import EnvironmentArgument, Project

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from app_of_apps.deploy.secret_rotation import Rotation
    from app_of_apps.deploy.secret_status import SecretRow
    from app_of_apps.environment.kube_writer import KubeWriter
    from app_of_apps.environment.vault_secrets import VaultSecrets
    from app_of_apps.release.model import Release

EPILOGS = {
    "status": "Examples: [bold]aoa secrets status prod[/bold] · [bold]aoa secrets status prod orders -o json[/bold]",
    "rotate": (
        "Examples: [bold]aoa secrets rotate prod orders PAYMENT_API_KEY --generate[/bold] · "
        "[bold]pass show shop/payment | aoa secrets rotate prod orders orders/payment-provider:api-key[/bold]"
    ),
}
_NOT_ARRIVED = 1
_LARGEST = 512 * 1024  # characters; Vault takes no more than a request of 32 MiB, Kubernetes no Secret above 1 MiB
_LENGTH = 32

app = typer.Typer(
    name="secrets",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Show and rotate secrets; values are never shown.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class SecretsFormat(StrEnum):
    """How the answer is written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


_Output = Annotated[SecretsFormat, typer.Option("--output", "-o", help="How to write it.")]


@app.command(epilog=EPILOGS["status"])
def status(
    env: EnvironmentArgument,
    child: Annotated[str | None, typer.Argument(metavar="[CHILD]", help="Only this child.", show_default=False)] = None,
    *,
    output: _Output = SecretsFormat.TABLE,
    project: Project = None,
) -> None:
    """Show each secret of each child: the version in Vault, the one in the cluster, its age, and who gets it.

    Reads versions and names of keys in Vault, and the operator's objects in the cluster; no values and no Secrets.
    Exit code 0: every child has the latest version, 1: one has not, 2: the manifest is not valid, 3: not the
    environment that its file names, 4: Vault or the cluster does not answer.
    """
    from app_of_apps.cli.output import answer, answer_json, answer_yaml
    from app_of_apps.deploy.secret_status import GOOD, SECRETS_FORMAT, read_secrets

    release = _release(env, project)
    if child is not None and child not in release.by_name:
        _refuse_child(child, release)
    with _connected(release) as (vault, kube):
        rows = read_secrets(release, vault, kube, child=child)
    if output is SecretsFormat.TABLE:
        answer(_table(rows) if rows else "No child refers to a secret.")
    else:
        shape = {
            "format": SECRETS_FORMAT,
            "environment": env,
            "delivery": release.vault.delivery,
            "secrets": [row.shape() for row in rows],
        }
        (answer_json if output is SecretsFormat.JSON else answer_yaml)(shape)
    if any(row.arrival not in GOOD for row in rows):
        raise typer.Exit(_NOT_ARRIVED)


@app.command(epilog=EPILOGS["rotate"])
def rotate(
    env: EnvironmentArgument,
    child: Annotated[str, typer.Argument(metavar="CHILD", help="A child that uses the secret.")],
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="The variable, the key in Vault, or PATH:KEY where that is not clear.")
    ],
    *,
    generate: Annotated[
        bool, typer.Option("--generate", help="Make a random value of letters and digits instead of reading stdin.")
    ] = False,
    length: Annotated[
        int, typer.Option("--length", metavar="N", min=16, max=4096, help="Characters of a generated value.")
    ] = _LENGTH,
    destroy_old: Annotated[
        bool, typer.Option("--destroy-old", help="Destroy the version before, once everything runs with the new one.")
    ] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="DURATION", help="How long to follow, such as 90s or 10m.")
    ] = "5m",
    output: _Output = SecretsFormat.TABLE,
    project: Project = None,
) -> None:
    """Write a new value of one key and follow it until every pod of every child that uses it runs with it.

    The value comes from stdin, without a line end at its end, or is generated; it is never an argument and never shown.
    Other keys of the secret stay. Needs a token for Vault that may write there. Exit code 0: done, 2: not valid, 3:
    refused, 4: Vault or the cluster does not answer or does not allow it, 5: written, and a child does not get to run
    with it.
    """
    from app_of_apps.cli.output import answer, answer_json, answer_yaml, note
    from app_of_apps.deploy.secret_rotation import rotate as rotate_secret
    from app_of_apps.release.secret_uses import named_secret

    limit = _seconds(timeout)
    release = _release(env, project)
    path, name = named_secret(release, child, key)
    value = _generated(length) if generate else _given(f"{release.vault.mounts.kv}/{path}:{name}")
    with _connected(release) as (vault, kube):
        try:
            done = rotate_secret(
                release, path, name, value, vault=vault, kube=kube, timeout=limit, destroy_old=destroy_old, say=note
            )
        except KeyboardInterrupt:
            note("No longer following. What was written stays written; look with `aoa secrets status`.")
            raise
    if output is SecretsFormat.TABLE:
        answer(_summary(done))
    else:
        (answer_json if output is SecretsFormat.JSON else answer_yaml)(done.shape())


def _release(env: str, project: Path | None) -> Release:
    """Return the environment's release once the guard has let us pass."""
    from app_of_apps.environment.guard import check_environment
    from app_of_apps.release.project import find_project, load_world

    world = load_world(find_project(project), [env])
    check_environment(world.settings[env], stack=env, environ=os.environ)
    return world.releases[env]


def _connected(release: Release) -> contextlib.AbstractContextManager[tuple[VaultSecrets, KubeWriter]]:
    from app_of_apps.environment.kube_writer import KubeWriter
    from app_of_apps.environment.vault_secrets import VaultSecrets

    @contextlib.contextmanager
    def connect() -> Iterator[tuple[VaultSecrets, KubeWriter]]:
        vault = VaultSecrets(str(release.vault.address), release.vault.namespace, os.environ)
        with vault, KubeWriter(release.cluster.context) as kube:
            yield vault, kube

    return connect()


def _generated(length: int) -> str:
    import secrets
    import string

    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(length))


def _given(what: str) -> str:
    """Read the value: typed twice without an echo at a terminal, all of stdin otherwise."""
    import getpass

    value: str | None = None
    if sys.stdin.isatty():
        value = getpass.getpass(f"New value of {what}: ", stream=sys.stderr)
        if value != getpass.getpass("Once more: ", stream=sys.stderr):
            _refuse_value("the two values differ", "type it again, or pipe it in")
    else:
        # Refused outside of the handler, because the error holds what was read.
        with contextlib.suppress(UnicodeDecodeError):
            value = sys.stdin.buffer.read(_LARGEST + 1).decode()
        if value is None:
            _refuse_value("the value is not UTF-8", "encode it, for instance with base64")
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        _refuse_value("there is no value on stdin", "pipe it in, or make one with --generate")
    if len(value) > _LARGEST:
        _refuse_value(f"the value has more than {_LARGEST} characters", "a Kubernetes Secret holds 1 MiB")
    return value


def _seconds(timeout: str) -> int:
    from app_of_apps.errors import InvalidInput, Position, Problem
    from app_of_apps.manifest.base import seconds

    try:
        return seconds(timeout)
    except ValueError as error:
        raise InvalidInput([Problem(Position("--timeout"), "", str(error))]) from None


def _refuse_value(message: str, hint: str) -> NoReturn:
    from app_of_apps.errors import InvalidInput, Position, Problem

    raise InvalidInput([Problem(Position("stdin"), "", message, hint)])


def _refuse_child(child: str, release: Release) -> NoReturn:
    from app_of_apps.errors import InvalidInput, Position, Problem
    from app_of_apps.release.findings import did_you_mean

    hint = did_you_mean(child, release.by_name)
    raise InvalidInput([Problem(Position("CHILD"), "", f"there is no child {child}", hint)])


def _table(rows: Sequence[SecretRow]) -> str:
    """Return plain aligned columns; who may read and write stands below, once per child."""
    now = datetime.now(UTC)
    cells = [("CHILD", "TAKEN AS", "SECRET", "KEY", "VAULT", "AGE", "CLUSTER", "COPIED", "PODS", "STATE")]
    cells += [
        (
            row.child,
            row.taken_as,
            row.path,
            row.key or "(all)",
            _number(row.version),
            _age(row.created, now),
            _number(row.copied_version),
            _age(row.copied, now),
            "–" if row.pods is None else f"{row.pods[0]}/{row.pods[1]}",
            str(row.arrival),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    people = {row.child: row for row in rows}
    width = max(map(len, people))
    lines += ["", "WHO GETS IT"]
    for name, row in people.items():
        written = f"; new versions by {', '.join(row.written_by)}" if row.written_by else ""
        lines.append(f"{name.ljust(width)}  {', '.join(row.read_by)}{written}")
    return "\n".join(lines)


def _number(version: int | None) -> str:
    return "–" if version is None else str(version)


def _age(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "–"
    age = max(0, int((now - moment).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if age >= 2 * size:
            return f"{age // size}{unit}"
    return f"{age}s"


def _summary(done: Rotation) -> str:
    count = len(done.children)
    old = "destroyed" if done.destroyed else "kept"
    return (
        f"{done.path}:{done.key} is at version {done.version} in {count} {'child' if count == 1 else 'children'} "
        f"after {done.seconds:.1f} s; version {done.previous} was {old}"
    )
