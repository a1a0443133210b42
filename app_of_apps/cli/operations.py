"""``aoa up``, ``refresh``, ``destroy`` and ``explain``: the engine's verbs with one report at the end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app_of_apps.cli.options import BreakGlass, EnvironmentArgument, Project, Server, TextOrJson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app_of_apps.deploy.prediction import Prediction
    from app_of_apps.deploy.report import Report
    from app_of_apps.deploy.run import Told
    from app_of_apps.release.model import Release
    from app_of_apps.service.operation import Verb

EPILOGS = {
    "up": "Examples: [bold]aoa up staging[/bold] · [bold]aoa up prod --parallel 8[/bold]",
    "refresh": "Example: [bold]aoa refresh prod[/bold]",
    "destroy": "Examples: [bold]aoa destroy staging[/bold] · [bold]aoa destroy staging --yes[/bold]",
    "explain": "Example: [bold]aoa explain prod[/bold]",
}
INTERRUPTED = 130

Parallel = Annotated[
    int | None, typer.Option(help="How many resources at once.  [default: the engine's]", min=1, show_default=False)
]
Format = Annotated[TextOrJson, typer.Option("--format", help="How the report is written.")]
PolicyPacks = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FOLDER",
        help="Also run this policy pack, a folder of the project; may be given several times.",
        show_default=False,
    ),
]
EngineOutput = Annotated[
    bool, typer.Option("--engine-output", help="After a failure, also show what the engine itself printed.")
]


def up(
    env: EnvironmentArgument,
    *,
    break_glass: BreakGlass = None,
    prediction: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The JSON of a preview of this release, to compare with.  [default: the last preview of this project]",
            show_default=False,
        ),
    ] = None,
    parallel: Parallel = None,
    policy_pack: PolicyPacks = None,
    output: Format = TextOrJson.TEXT,
    engine_output: EngineOutput = False,
    server: Server = None,
    project: Project = None,
) -> None:
    """Deploy the working tree's release: children in order, each when what it needs is healthy.

    Follows every child and ends with one report, the root cause first. Where a child that fails says `onFailure:
    rollback`, what became of the update is taken back by itself, and the report tells both. Ctrl-C lets the engine
    finish what it has begun. Exit code 0: everything is healthy, 2: the manifest is not valid, 3: refused, 4: something
    does not answer, 5: the deployment failed, 130: interrupted.

    With policy packs it looks first: a mandatory rule that does not hold refuses the update before anything is touched.

    --break-glass signs with your own token (AOA_APPROVER_TOKEN, else VAULT_TOKEN) that you go around the gate.

    What a preview of this release foretold is compared with what happens, resource by resource, and kept with the
    record: `aoa preview accuracy`.
    """
    if server is not None:
        _elsewhere(server, "up", env, output, given=(break_glass, prediction, parallel, policy_pack))
        return
    _operate(
        "up",
        env,
        project,
        parallel=parallel,
        output=output,
        engine_output=engine_output,
        break_glass=break_glass,
        packs=policy_pack or (),
        prediction=prediction,
    )


def refresh(
    env: EnvironmentArgument,
    *,
    parallel: Parallel = None,
    output: Format = TextOrJson.TEXT,
    engine_output: EngineOutput = False,
    server: Server = None,
    project: Project = None,
) -> None:
    """Read what stands in the cluster and in Vault into the engine's state; changes neither.

    Exit codes as those of `up`.
    """
    if server is not None:
        _elsewhere(server, "refresh", env, output, given=(parallel,))
        return
    _operate("refresh", env, project, parallel=parallel, output=output, engine_output=engine_output)


def destroy(
    env: EnvironmentArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    parallel: Parallel = None,
    output: Format = TextOrJson.TEXT,
    engine_output: EngineOutput = False,
    project: Project = None,
) -> None:
    """Remove all children of an environment, dependents first.

    Says what goes, and asks for the environment's name unless --yes is given. Exit codes as those of `up`; 3 when the
    answer is another name.
    """
    if not yes:
        _check_terminal()
    _operate("destroy", env, project, parallel=parallel, output=output, engine_output=engine_output, ask=not yes)


def explain(
    env: EnvironmentArgument,
    *,
    output: Format = TextOrJson.TEXT,
    project: Project = None,
) -> None:
    """Say from the cluster alone why the release is not healthy: root cause, what it blocks, what to do.

    The report that ends a failed `up`, at any time and after any way of deploying. Exit code 0: all is well, 1: it is
    not, 4: the cluster does not answer.
    """
    from app_of_apps.deploy.diagnose import diagnose
    from app_of_apps.environment.kube_reader import KubeReader
    from app_of_apps.release.project import find_project, load_world

    release = load_world(find_project(project), [env]).releases[env]
    with KubeReader(release.cluster.context) as kube:
        report = diagnose(release, kube, operation="explain")
    _print(report, output)
    if not report.ok:
        raise typer.Exit(4 if report.notes and not report.causes else 1)


def _elsewhere(server: str, operation: Verb, env: str, output: TextOrJson, *, given: tuple[object, ...] = ()) -> None:
    """Have a service do it, which decides by itself what the other options would say."""
    from app_of_apps.cli.remote import carry_out as there
    from app_of_apps.errors import Refused
    from app_of_apps.service.operation import Asked

    if any(given):
        msg = (
            "with --server only the environment can be said: the service decides the rest, and nobody breaks the glass"
        )
        raise Refused(msg)
    there(server, env, Asked(operation=operation), output)


def _operate(
    operation: str,
    env: str,
    project: Path | None,
    *,
    parallel: int | None,
    output: TextOrJson,
    engine_output: bool,
    break_glass: str | None = None,
    packs: Sequence[Path] = (),
    prediction: Path | None = None,
    ask: bool = False,
) -> None:
    import os

    from app_of_apps.cli.approvals import break_the_glass
    from app_of_apps.cli.automatic import after_failure
    from app_of_apps.cli.output import note
    from app_of_apps.deploy.closing import record_refusal
    from app_of_apps.environment.guard import check_environment
    from app_of_apps.errors import Refused
    from app_of_apps.policy.packs import run_with
    from app_of_apps.release.project import find_project, load_world

    folder = find_project(project)
    world = load_world(folder, [env])
    release = world.releases[env]
    # The program asks the same again; asked here, a refusal has its own exit code and no engine is started.
    check_environment(world.settings[env], stack=env, environ=os.environ, project=folder)
    foretold = None if prediction is None else _foretold(prediction, release)
    if operation == "destroy":
        _tell_what_goes(release)
    if ask:
        _confirm(env)
    if break_glass is not None:
        break_the_glass(world, env, folder, break_glass)
    options: dict[str, Any] = {}
    environ: Mapping[str, str] = {}
    if operation == "up":
        options, environ = run_with(world.settings[env], release, packs, project=folder, say=note)
    if options:
        seen = carry_out("preview", release, folder, parallel=parallel, environ=environ, options=options)
        if not seen.report.ok:
            try:
                refuse_violations(seen.report, env)
            except Refused as error:
                record_refusal(release, world.settings[env], folder, str(error), say=note)
                raise
            finish(seen, output=output, engine_output=engine_output)
    told = carry_out(
        operation,
        release,
        folder,
        parallel=parallel,
        environ=environ,
        options=options,
        prediction=foretold,
    )
    if operation == "up":
        told = after_failure(told, world, env, parallel=parallel)
    finish(told, output=output, engine_output=engine_output)


def carry_out(
    operation: str,
    release: Release,
    project: Path,
    *,
    parallel: int | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    title: str | None = None,
    prediction: Prediction | None = None,
) -> Told:
    """Run one of the engine's operations and show its progress; ``title`` is what people call it.

    ``prediction`` is what an `up` is compared with, else what a preview of this project has kept.
    """
    from app_of_apps.cli.progress_view import view
    from app_of_apps.deploy.run import operate

    given = {**(options or {}), **({"parallel": parallel} if parallel else {})}
    with view(title or operation, release, sys.stderr) as screen:
        return operate(
            operation,
            release,
            project,
            show=screen.show,
            say=screen.say,
            options=given,
            environ=environ,
            prediction=prediction,
        )


def _foretold(file: Path, release: Release) -> Prediction | None:
    """Return the prediction for a release in a file; a file of other releases is said, and stops nothing."""
    from app_of_apps.cli.output import note
    from app_of_apps.deploy.prediction_store import from_file

    found = from_file(file, release)
    if found is None:
        note(f"{file} foretells other releases than this one of {release.environment}, so nothing is compared with it")
    return found


def finish(told: Told, *, output: TextOrJson, engine_output: bool) -> None:
    """Print the report of an operation and end with its exit code."""
    from app_of_apps.cli.output import note

    if engine_output and told.output:
        note(told.output)
    _print(told.report, output)
    if told.report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not told.report.ok:
        raise typer.Exit(told.exit_code)


def refuse_violations(report: Report, env: str) -> None:
    """Raise Refused where a preview has found a policy that does not hold; nothing was touched then."""
    from app_of_apps.deploy.outcome import POLICY_CAUSE
    from app_of_apps.errors import Refused

    found = [cause.sentence for cause in report.causes if cause.message.startswith(POLICY_CAUSE)]
    if found:
        lines = "".join(f"\n  {one}" for one in found)
        msg = f"{report.parent} in {env} violates {len(found)} mandatory policies; nothing was touched:{lines}"
        raise Refused(msg.replace(" 1 mandatory policies", " a mandatory policy"))


def _print(report: Report, output: TextOrJson) -> None:
    from app_of_apps.cli.output import answer, answer_json
    from app_of_apps.deploy.report import render, to_json

    if output is TextOrJson.JSON:
        answer_json(to_json(report))
    else:
        answer(render(report))


def _tell_what_goes(release: Release) -> None:
    from app_of_apps.cli.output import note
    from app_of_apps.deploy.standing import read_everything
    from app_of_apps.environment.kube_reader import KubeReader
    from app_of_apps.errors import Unavailable
    from app_of_apps.release.deletions import describe_deletions

    try:
        with KubeReader(release.cluster.context) as kube:
            found = read_everything(kube, release.parent)
    except Unavailable as error:
        note(f"What this removes cannot be told: {error}")
        return
    for line in describe_deletions(found):
        note(f"This removes {line}")
    if not found:
        note(f"Nothing of {release.parent} stands in {release.environment}.")


def _check_terminal() -> None:
    from app_of_apps.errors import Refused

    if not sys.stdin.isatty():
        msg = "destroy asks for the environment's name, and nobody can answer here; nothing was touched. Give --yes"
        raise Refused(msg)


def _confirm(env: str) -> None:
    from app_of_apps.errors import Refused

    try:
        answer = typer.prompt(f"This removes every child of {env}. Type the environment's name to go on", err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    if answer.strip() != env:
        msg = f"the answer was not {env}; nothing was touched"
        raise Refused(msg)
