"""``aoa validate``: everything that can be wrong before a deployment, in one go."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app_of_apps.cli.options import Project, complete_environment
from app_of_apps.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.checks.rules import Finding, NotLookedAt
    from app_of_apps.release.project import World

VALIDATION_FORMAT = "app-of-apps/validation/v1"
REVISION = 2
"""Of the format: a higher one has more fields, and none of the earlier ones is gone or means something else."""

EPILOG = """Examples: [bold]aoa validate[/bold] · [bold]aoa validate --env prod --format json[/bold] ·
[bold]aoa validate --online --strict --format sarif > aoa.sarif[/bold]"""


class Form(StrEnum):
    """How it answers."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


@dataclass(slots=True)
class _Report:
    """What was found, what was not looked at, and the world if it could be loaded."""

    world: World | None = None
    found: tuple[Finding, ...] = ()
    missed: list[NotLookedAt] = field(default_factory=list)

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.found if one.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.found if one.severity == "warning")

    @property
    def exit_code(self) -> int:
        if self.errors:
            return InvalidInput.exit_code
        return Unavailable.exit_code if any(one.silent for one in self.missed) else 0


def validate(
    *,
    env: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            "-e",
            metavar="ENV",
            help="Only this environment; may be repeated.  [default: all]",
            autocompletion=complete_environment,
            show_default=False,
        ),
    ] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Ask the cluster, Vault and the registries too; writes nothing.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")] = False,
    output: Annotated[Form, typer.Option("--format", help="How to answer.")] = Form.TEXT,
    project: Project = None,
) -> None:
    """Check the manifest and every environment; names all problems at once.

    Without --online no cluster and no Vault are needed. What charts make is looked at where helm is on PATH to render
    them, and in every preview. The rules are listed in docs/validation.md.

    Exit code 0: nothing is wrong but for warnings, 2: something is wrong, 4: with --online something did not answer.
    """
    from app_of_apps.checks.rules import Severity
    from app_of_apps.cli.output import answer_json
    from app_of_apps.release.project import find_project

    folder = find_project(project)
    report = _look(folder, env, online=online)
    if strict:
        report.found = tuple(replace(one, severity=Severity.ERROR) for one in report.found)
    if output is Form.TEXT:
        _tell(report, online=online)
    elif output is Form.JSON:
        answer_json(_shape(report, online=online))
    else:
        answer_json(_log(report, folder))
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _look(folder: Path, env: list[str] | None, *, online: bool) -> _Report:
    from app_of_apps.checks.rules import NotLookedAt, findings, in_order
    from app_of_apps.release.project import load_what_is_right

    world, problems = load_what_is_right(folder, env)
    report = _Report(world)
    found = list(findings(problems))
    if world is not None:
        found += _checked(world, report.missed, online=online)
    if problems:
        broken = "the manifest" if world is None else "the environments whose files are wrong"
        report.missed.append(NotLookedAt(None, f"what follows from {broken}", "the files have to be right first"))
    report.found = in_order(found)
    return report


def _checked(world: World, missed: list[NotLookedAt], *, online: bool) -> list[Finding]:
    from app_of_apps.checks.offline import Subject, check_offline
    from app_of_apps.checks.rules import NotLookedAt, findings
    from app_of_apps.cli.charts import look_at_charts

    found: list[Finding] = []
    for name, release in world.releases.items():
        charts = look_at_charts(world.project, release, pinned=world.settings[name].images.pinned)
        if charts is None:
            why = "they were not rendered, for helm is not on PATH; a preview renders them and looks at what they make"
            missed.append(NotLookedAt(name, "charts", why))
        else:
            found += findings(charts.problems, name)
        rendered = {} if charts is None else charts.rendered
        subject = Subject(world.manifest, world.environments[name], release, rendered)
        server = None
        if online:
            answers = _asked(subject)
            found += answers.findings
            missed += answers.not_looked_at
            server = answers.server
        found += check_offline(subject, server=server)
    return found


def _asked(subject: Any) -> Any:  # noqa: ANN401 - what asks the network is imported when it is asked
    import os

    from app_of_apps.checks.online import check_online
    from app_of_apps.deploy.registry import Registries

    with Registries(os.environ, timeout=5.0) as registries:
        return check_online(subject, os.environ, registries)


def _tell(report: _Report, *, online: bool) -> None:
    from app_of_apps.cli.output import answer, note
    from app_of_apps.deploy.report import short

    for one in report.found:
        note(_line(one))
    for missed in report.missed:
        note(f"Not looked at: {missed}")
    count, more = len(report.errors), len(report.warnings)
    if count:
        warnings = f" and {_count(more, 'warning')}" if more else ""
        note(f"\n{_count(count, 'problem')}{warnings}; nothing was touched.")
        return
    if report.world is None:
        return
    children = report.world.manifest.children
    teams = _count(len({child.team for child in children.values()}), "team")
    said = f"valid, {_count(more, 'warning')}" if more else "valid"
    answer(f"{report.world.manifest.parent.name}: {_count(len(children), 'child', 'children')} of {teams}, {said}")
    for name, release in report.world.releases.items():
        answer(f"  {name}: valid, release {short(release.digest)}")
    if not online:
        answer("  Nobody was asked: cluster, Vault and registries are, with --online.")


def _line(one: Finding) -> str:
    problem = one.problem
    where = f"{problem.position}: {problem.path}: " if problem.path else f"{problem.position}: "
    mild = "warning: " if one.severity == "warning" else ""
    return f"{where}{mild}{problem.message} [{one.rule.id}]" + (f"\n    {problem.hint}" if problem.hint else "")


def _shape(report: _Report, *, online: bool) -> dict[str, Any]:
    ok = not report.errors
    releases = report.world.releases if report.world is not None and ok else {}
    return {
        "format": VALIDATION_FORMAT,
        "revision": REVISION,
        "ok": ok,
        "online": online,
        "problems": [_finding_shape(one) for one in report.errors],
        "warnings": [_finding_shape(one) for one in report.warnings],
        "notLookedAt": [
            {"environment": one.environment, "what": one.what, "why": one.why, "silent": one.silent}
            for one in report.missed
        ],
        "environments": [
            {"name": name, "release": release.digest, "children": len(release.children)}
            for name, release in releases.items()
        ],
    }


def _finding_shape(one: Finding) -> dict[str, Any]:
    from app_of_apps.cli.output import problem_shape

    return {
        **problem_shape(one.problem),
        "rule": one.rule.id,
        "severity": str(one.severity),
        "environment": one.environment,
        "fingerprint": one.fingerprint,
    }


def _log(report: _Report, folder: Path) -> dict[str, Any]:
    from app_of_apps import __version__
    from app_of_apps.checks.sarif import sarif
    from app_of_apps.environment.git import repository_root

    root = repository_root(folder)
    return sarif([_seen_from(root, one) for one in report.found], report.missed, __version__)


def _seen_from(root: Path, one: Finding) -> Finding:
    from pathlib import Path

    file = Path(one.problem.position.file).resolve()
    if not file.is_relative_to(root):
        return one
    position = replace(one.problem.position, file=file.relative_to(root).as_posix())
    return replace(one, problem=replace(one.problem, position=position))


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
