"""``aoa approve``, ``approvals`` and ``revoke``: people's signatures on a release of an environment."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app_of_apps.cli.options import (
    BreakGlass,
    EnvironmentArgument,
    Project,
    RollbackChild,
    RollbackTo,
    TextOrJson,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path
    from typing import Any

    from app_of_apps.approval.check import Findings, Question
    from app_of_apps.approval.gate import Stored
    from app_of_apps.approval.give import Proposal, Receipt
    from app_of_apps.approval.statement import Statement
    from app_of_apps.approval.store import ApprovalVault, Login
    from app_of_apps.deploy.outlook import Outlook
    from app_of_apps.deploy.preview_digest import Preview
    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release
    from app_of_apps.release.project import World

EPILOGS = {
    "approve": (
        "Examples: [bold]aoa approve prod[/bold] · [bold]aoa approve prod --yes --valid-for 2h[/bold] · "
        "[bold]aoa approve prod --rollback --to 7[/bold] · "
        "[bold]aoa approve prod --break-glass 'customers cannot pay'[/bold]"
    ),
    "approvals": (
        "Examples: [bold]aoa approvals prod[/bold] · [bold]aoa approvals prod --format json[/bold] · "
        "[bold]aoa approvals prod --prepare[/bold]"
    ),
    "revoke": "Example: [bold]aoa revoke prod 5f0c21d9[/bold]",
}
APPROVALS_FORMAT = "app-of-apps/approvals/v1"
_SHORTEST = 6

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def approve(
    env: EnvironmentArgument,
    *,
    yes: Yes = False,
    reason: Annotated[str, typer.Option(help="Why; stands in the statement.", show_default=False)] = "",
    valid_for: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="How long it counts.  [default: as the environment's file says]"),
    ] = None,
    seen: Annotated[
        str | None,
        typer.Option("--release", metavar="DIGEST", help="Sign this one and no other.", show_default=False),
    ] = None,
    destroy: Annotated[bool, typer.Option("--destroy", help="Agree to removing everything.")] = False,
    back: Annotated[
        bool, typer.Option("--rollback", help="Sign what `aoa rollback` would bring back, and not the working tree.")
    ] = False,
    to: RollbackTo = None,
    child: RollbackChild = None,
    break_glass: BreakGlass = None,
    preview: Annotated[bool, typer.Option(help="Let the engine preview it first.")] = True,
    project: Project = None,
) -> None:
    """Show what the working tree's release, or a rollback, would change, and sign it with your own key in Vault.

    Log in to Vault as yourself; AOA_APPROVER_TOKEN may hold your token where VAULT_TOKEN is a pipeline's. What is
    signed is the environment, the release's digest, what stands now, a nonce and an expiry; it counts once. Exit code
    0: signed, 2: invalid input, 3: refused, nothing was signed, 4: something does not answer or your login may not do
    this.
    """
    from app_of_apps.approval.give import Proposal, approver_environ
    from app_of_apps.approval.store import ApprovalVault
    from app_of_apps.cli.output import answer
    from app_of_apps.deploy.redact import without_credentials
    from app_of_apps.environment.guard import check_person
    from app_of_apps.errors import Refused
    from app_of_apps.release.project import find_project, load_world

    if valid_for is not None:
        _check_duration(valid_for)
    if destroy and break_glass is not None:
        msg = "the glass is broken for a release that has to go out, not for removing one; nothing was signed"
        raise Refused(msg)
    if (to is not None or child) and not back:
        msg = "--to and --child say what a rollback brings back; give --rollback with them. Nothing was signed"
        raise Refused(msg)
    if back and destroy:
        msg = "--rollback and --destroy cannot both be meant; nothing was signed"
        raise Refused(msg)
    folder = find_project(project)
    world = load_world(folder, [env])
    settings, environ = world.settings[env], approver_environ(os.environ)
    check_person(settings, environ)
    with ApprovalVault(str(settings.vault.address), settings.vault.namespace, environ) as vault:
        login = _login(vault, settings)
        release, variables = world.releases[env], dict[str, str]()
        if back:
            release, variables = _brought_back(world, env, to, child or ())
        if seen is not None and release.digest != seen:
            msg = f"what would be signed is {release.digest} and not {seen} any more; nothing was signed"
            raise Refused(msg)
        outlook = _outlook(release, settings, folder, preview=preview and not destroy, variables=variables)
        answer(_removal(outlook) if destroy else _rendered(outlook))
        kind, why = ("break-glass", break_glass) if break_glass is not None else ("approve", reason)
        _check_signer(vault, settings, login, outlook, breaking=break_glass is not None, destroy=destroy)
        if not yes:
            _confirm(env, login.name, "destroy" if destroy else kind)
        proposal = Proposal(
            kind="destroy" if destroy else "break-glass" if kind == "break-glass" else "approve",
            parent=outlook.parent,
            digest=outlook.base if destroy and outlook.base else outlook.digest,
            base=outlook.base,
            preview=outlook.preview.digest if outlook.preview else None,
            deletions=outlook.deletions,
            reason=without_credentials(why),
            valid_for=valid_for,
        )
        receipt = _give(vault, settings, login, proposal)
        answer(_told(vault, settings, receipt))


def approvals(
    env: EnvironmentArgument,
    *,
    prepare: Annotated[
        bool,
        typer.Option(
            "--prepare", help="Make the approvers' groups in Vault known and let them read the records, then list."
        ),
    ] = False,
    output: Annotated[TextOrJson, typer.Option("--format", help="How to answer.")] = TextOrJson.TEXT,
    project: Project = None,
) -> None:
    """List what people have signed, and whether it is enough for the working tree's release.

    A login that may not look up people (such as an approver's own) gets the list without a verdict. --prepare needs the
    program's token and the right to create a Role in the cluster; run it once, and when the groups change. Exit code 0:
    the gate is open (or nobody can say with this login), 1: it is shut, 2: invalid input, 4: something does not answer.
    """
    from app_of_apps.cli.output import answer, answer_json
    from app_of_apps.release.project import find_project, load_world

    folder = find_project(project)
    world = load_world(folder, [env])
    if prepare:
        for line in _prepare(world, env, folder):
            answer(line)
    shape = _listing(world, env, folder)
    if output is TextOrJson.JSON:
        answer_json(shape)
    else:
        _print(shape)
    if shape["open"] is False:
        raise typer.Exit(1)


def revoke(
    env: EnvironmentArgument,
    nonce: Annotated[str, typer.Argument(metavar="NONCE", help="Of your own statement, or how it begins.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; stands in the statement.", show_default=False)] = "",
    project: Project = None,
) -> None:
    """Take back what you have signed, as long as it has not been used.

    Exit code 0: taken back, 2: you have signed nothing of that nonce, 3: refused, 4: something does not answer.
    """
    from app_of_apps.approval.give import Proposal, approver_environ, give
    from app_of_apps.approval.store import ApprovalVault
    from app_of_apps.cli.output import answer
    from app_of_apps.deploy.redact import without_credentials
    from app_of_apps.environment.guard import check_person
    from app_of_apps.release.project import find_project, load_world

    world = load_world(find_project(project), [env])
    settings, environ = world.settings[env], approver_environ(os.environ)
    check_person(settings, environ)
    parent = world.releases[env].parent
    with ApprovalVault(str(settings.vault.address), settings.vault.namespace, environ) as vault:
        login = _login(vault, settings)
        found = _own(vault.statements(settings.vault.mounts.kv, parent), login.entity, nonce)
        proposal = Proposal(
            kind="revoke",
            parent=parent,
            digest=found.digest,
            base=found.base,
            reason=without_credentials(reason),
            revokes=found.nonce,
        )
        give(vault, settings, login, proposal)
        answer(f"{login.name} has taken back {found.nonce} ({found.kind} of {found.digest})")


def break_the_glass(world: World, env: str, project: Path, reason: str) -> None:
    """Sign a break-glass statement for the working tree's release before it is deployed by the same command."""
    from app_of_apps.approval.give import Proposal, approver_environ
    from app_of_apps.approval.store import ApprovalVault
    from app_of_apps.cli.output import note
    from app_of_apps.deploy.redact import without_credentials

    settings, environ = world.settings[env], approver_environ(os.environ)
    with ApprovalVault(str(settings.vault.address), settings.vault.namespace, environ) as vault:
        login = _login(vault, settings)
        outlook = _outlook(world.releases[env], settings, project, preview=False)
        _check_signer(vault, settings, login, outlook, breaking=True, destroy=False)
        proposal = Proposal(
            kind="break-glass",
            parent=outlook.parent,
            digest=outlook.digest,
            base=outlook.base,
            deletions=outlook.deletions,
            reason=without_credentials(reason),
        )
        note(_told(vault, settings, _give(vault, settings, login, proposal)))


def _login(vault: ApprovalVault, settings: Environment) -> Login:
    from app_of_apps.approval.give import whoever

    return whoever(vault, settings)


def _brought_back(world: World, env: str, to: int | None, children: Collection[str]) -> tuple[Release, dict[str, str]]:
    """Return the release that a rollback would deploy, and the program's variables that ask for it.

    It is made of what the cluster says, which nobody vouches for here: the gate holds the signature to what the
    program makes of the signed records.
    """
    from app_of_apps.cli.output import answer
    from app_of_apps.cli.rollback import composed
    from app_of_apps.deploy.past import read_past
    from app_of_apps.deploy.rollback import VARIABLE
    from app_of_apps.environment.kube_reader import Forbidden, KubeReader
    from app_of_apps.errors import Unavailable
    from app_of_apps.release.restore import Order

    now = world.releases[env]
    try:
        with KubeReader(now.cluster.context) as kube:
            past = read_past(kube, env, now.parent)
            number = to if to is not None else past.before().number
            made = composed(Order(number, tuple(sorted(set(children)))), world, env, past, kube)
    except Forbidden as error:
        msg = (
            f"{error}. Who approves a rollback has to read the records (`aoa approvals {env} --prepare`) and the Jobs "
            "of migrations, which say where the schema is"
        )
        raise Unavailable(msg) from None
    answer(made.words)
    return made.release, {VARIABLE: str(made.order)}


def _outlook(
    release: Release,
    settings: Environment,
    project: Path,
    *,
    preview: bool,
    variables: Mapping[str, str] | None = None,
) -> Outlook:
    """Return what the release would change; raise Refused while files are not committed.

    ``variables`` are those that make the program deploy this release.
    """
    from dataclasses import replace

    from app_of_apps.approval.authors import read_change
    from app_of_apps.approval.check import dirty
    from app_of_apps.approval.standing import last_record, standing_of
    from app_of_apps.deploy.outlook import outlook_of
    from app_of_apps.environment.kube_reader import Forbidden, KubeReader
    from app_of_apps.errors import Refused, Unavailable

    env = settings.name
    try:
        with KubeReader(release.cluster.context) as kube:
            record = last_record(kube, release.parent)
    except Forbidden as error:
        msg = (
            f"{error}. Who approves has to know what stands: `aoa approvals {env} --prepare`, run by whoever deploys, "
            "lets the approvers' groups read the records"
        )
        raise Unavailable(msg) from None
    standing = standing_of(record) if record is not None else None
    change = read_change(project, standing.commit if standing is not None else None)
    if change.dirty:
        raise Refused(dirty(env, release.parent, change.dirty))
    found = outlook_of(release, record, change)
    if not preview:
        return replace(found, unknown=(*found.unknown, "what the engine would do: no preview was asked for"))
    made = _preview(settings, release, project, variables)
    if isinstance(made, str):
        return replace(found, unknown=(*found.unknown, f"what the engine would do: {made}"))
    return replace(found, preview=made)


def _preview(
    settings: Environment, release: Release, project: Path, variables: Mapping[str, str] | None
) -> Preview | str:
    """Return the engine's preview, or why there is none with this login. No policy judges what comes back."""
    from app_of_apps.cli.output import note
    from app_of_apps.deploy.engine import Engine, EngineFailed
    from app_of_apps.deploy.preview_digest import preview_of
    from app_of_apps.environment.vault_reader import Forbidden, VaultReader
    from app_of_apps.errors import Unavailable
    from app_of_apps.policy.packs import run_with

    try:
        # What every run of the program reads first. Somebody who may not is told so without a refused attempt.
        with VaultReader(str(settings.vault.address), settings.vault.namespace, os.environ) as vault:
            vault.bound_issuer(settings.vault.mounts.jwt)
    except Forbidden:
        return "a preview takes the program's rights in Vault, which your login does not have; read the pipeline's"
    events: list[Any] = []
    try:
        options, environ = run_with(settings, release, project=project, say=note) if not variables else ({}, variables)
        Engine(project, settings.name, environ).run("preview", events.append, options=options)
    except Unavailable as error:
        return str(error)
    except EngineFailed as error:
        lines = [line for line in error.output.splitlines() if "error:" in line]
        return f"the preview failed: {lines[0].strip() if lines else 'see `aoa preview`'}"
    return preview_of(events)


def _rendered(outlook: Outlook) -> str:
    from app_of_apps.deploy.outlook import render

    return render(outlook)


def _removal(outlook: Outlook) -> str:
    what = f"{outlook.base_name} ({outlook.base})" if outlook.base else "what attempts without a success have left"
    return f"{outlook.environment} of {outlook.parent}: remove everything of {what}"


def _check_signer(
    vault: ApprovalVault, settings: Environment, login: Login, outlook: Outlook, *, breaking: bool, destroy: bool
) -> None:
    """Raise Refused where the signature could not count, as far as a person can know."""
    from app_of_apps.approval.authors import identities
    from app_of_apps.errors import Refused

    env, gates = settings.name, settings.gates
    accessor = vault.accessor(str(settings.identity.oidc_mount)) if settings.identity else None
    person = vault.person(login.entity, str(accessor))
    own = identities([login.name, *(person.emails if person else ())])
    if breaking and not gates.break_glass.groups:
        msg = f"nobody may break the glass in {env} (gates.breakGlass.groups is empty); nothing was signed"
        raise Refused(msg)
    if not breaking and not destroy and outlook.digest == outlook.base:
        msg = f"{env} has this release already, so there is nothing to approve; nothing was signed"
        raise Refused(msg)
    if not breaking and not gates.approvals.groups:
        msg = f"{env} takes no approvals (gates.approvals in Pulumi.{env}.yaml); nothing was signed"
        raise Refused(msg)
    if not breaking and own & identities(outlook.change.authors):
        msg = (
            f"{login.name} is an author of this change ({', '.join(sorted(outlook.change.authors))}), and whoever "
            "writes a change does not approve it; nothing was signed. Somebody else has to"
        )
        raise Refused(msg)


def _give(vault: ApprovalVault, settings: Environment, login: Login, proposal: Proposal) -> Receipt:
    from app_of_apps.approval.give import give

    return give(vault, settings, login, proposal)


def _told(vault: ApprovalVault, settings: Environment, receipt: Receipt) -> str:
    from app_of_apps.approval.statement import read

    statement, gates = receipt.statement, settings.gates
    stored = vault.statements(settings.vault.mounts.kv, statement.parent)
    found = [one for item in stored if item.signed and (one := read(item.signed.payload))]
    same = {one.approver.name for one in found if (one.kind, one.digest) == (statement.kind, statement.digest)}
    lines = [
        f"{statement.approver.name} has signed {statement.kind} of {statement.digest} in {statement.environment}",
        f"  nonce {statement.nonce}, until {statement.expires}",
        f"  taken back by: aoa revoke {statement.environment} {statement.nonce[:8]}",
        f"  public key {receipt.public_key}",
    ]
    if statement.kind == "break-glass":
        lines.append("  BREAK-GLASS: the next deployment of this release says so aloud, and so does the evidence")
    else:
        needed = gates.destroy.required if statement.kind == "destroy" else gates.approvals.required
        lines.append(f"  signed so far by {', '.join(sorted(same))}; {needed} of the right people are asked for")
    return "\n".join(lines)


def _own(stored: tuple[Stored, ...], entity: str, nonce: str) -> Statement:
    """Return one's own statement whose nonce begins like this; raises InvalidInput when it is none or several."""
    from app_of_apps.approval.statement import read
    from app_of_apps.errors import InvalidInput, Position, Problem

    mine = [one for one in stored if one.entity == entity and one.nonce.startswith(nonce) and one.signed]
    found = [one for item in mine if item.signed and (one := read(item.signed.payload)) and one.kind != "revoke"]
    if len(nonce) < _SHORTEST or len(found) != 1:
        what = "give more of the nonce" if len(nonce) < _SHORTEST or len(found) > 1 else "you have signed none like it"
        raise InvalidInput([Problem(Position("NONCE"), "", f"{nonce}: {what}", "`aoa approvals ENV` lists them")])
    return found[0]


def _question(world: World, env: str) -> Question:
    from app_of_apps.approval.standing import question_of
    from app_of_apps.environment.kube_reader import KubeReader

    release = world.releases[env]
    with KubeReader(release.cluster.context) as kube:
        return question_of(world.settings[env], release, kube)


def _listing(world: World, env: str, project: Path) -> dict[str, Any]:
    """Return what has been signed as plain data; ``open`` is null where this login cannot know."""
    from app_of_apps.approval.check import look, refusal
    from app_of_apps.approval.store import ApprovalVault
    from app_of_apps.environment.vault_reader import Forbidden

    settings, question = world.settings[env], _question(world, env)
    shape: dict[str, Any] = {
        "format": APPROVALS_FORMAT,
        "environment": env,
        "parent": question.parent,
        "release": question.digest,
        "base": question.base,
        "needed": settings.gates.approvals.required if question.digest != question.base else 0,
        "open": None,
        "missing": [],
    }
    try:
        found = look(question, project=project, environ=os.environ)
    except Forbidden:
        with ApprovalVault(str(settings.vault.address), settings.vault.namespace, os.environ) as vault:
            stored = vault.statements(settings.vault.mounts.kv, question.parent)
        return {**shape, "statements": [_entry(one, None, "") for one in stored]}
    opened = found.passed is not None
    missing = [] if opened else refusal(question, found)
    return {**shape, "open": opened, "missing": missing, "statements": _entries(found)}


def _entries(found: Findings) -> list[dict[str, Any]]:
    """Return every statement with what the first set of rules says of it."""
    verdict = found.verdicts[0]
    counted = [{**_shape(one.statement), "counts": True, "why": ""} for one in verdict.counted]
    return [*counted, *(_entry(one.stored, counts=False, why=str(one.why)) for one in verdict.rejected)]


def _entry(stored: Stored, counts: bool | None, why: str) -> dict[str, Any]:  # noqa: FBT001 - a column of the table
    from app_of_apps.approval.statement import read

    statement = read(stored.signed.payload) if stored.signed else None
    about = _shape(statement) if statement else {"kind": None, "approver": stored.entity, "nonce": stored.nonce}
    return {**about, "counts": counts, "why": why}


def _shape(statement: Statement) -> dict[str, Any]:
    return {
        "kind": statement.kind,
        "approver": statement.approver.name,
        "nonce": statement.nonce,
        "digest": statement.digest,
        "issued": statement.issued,
        "expires": statement.expires,
        "reason": statement.reason,
    }


def _print(shape: Mapping[str, Any]) -> None:
    from app_of_apps.cli.output import answer

    word = {True: "open", False: "shut", None: "not known to this login"}[shape["open"]]
    answer(f"{shape['environment']} of {shape['parent']}: release {shape['release']}; the gate is {word}")
    for one in shape["statements"]:
        mark = {True: "counts", False: f"does not count: {one['why']}", None: "not checked"}[one["counts"]]
        until = f", until {one['expires']}" if one.get("expires") else ""
        answer(f"  {one['nonce'][:8]}  {one['kind'] or '?'} by {one['approver']}{until}: {mark}")
    for line in shape["missing"]:
        answer(f"  {line}")


def _prepare(world: World, env: str, project: Path) -> list[str]:
    from app_of_apps.approval.prepare import prepare
    from app_of_apps.environment.guard import check_environment

    settings = world.settings[env]
    check_environment(settings, stack=env, environ=os.environ, project=project)
    return prepare(settings, world.releases[env], os.environ)


def _check_duration(text: str) -> None:
    from app_of_apps.errors import InvalidInput, Position, Problem
    from app_of_apps.manifest.base import seconds

    try:
        seconds(text)
    except ValueError as error:
        raise InvalidInput([Problem(Position("--valid-for"), "", str(error))]) from None


def _confirm(env: str, name: str, kind: str) -> None:
    from app_of_apps.errors import Refused

    if not sys.stdin.isatty():
        msg = "approving asks whether that is what you want, and nobody can answer here; nothing was signed. Give --yes"
        raise Refused(msg)
    try:
        agreed = typer.confirm(f"\nSign {kind} of this in {env} as {name}", err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    if not agreed:
        msg = "the answer was no; nothing was signed"
        raise Refused(msg)
