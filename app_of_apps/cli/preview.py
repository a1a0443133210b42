"""``aoa preview``: what a deployment would do, for a terminal, a pull request's comment, or a machine."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app_of_apps.cli.operations import EngineOutput, Parallel, PolicyPacks
from app_of_apps.cli.options import Project, Server, TextOrJson, complete_environment
from app_of_apps.cli.preview_accuracy import WORD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app_of_apps.cli.preview_processes import Previewed
    from app_of_apps.review.model import Outcome

EPILOG = (
    "Examples: [bold]aoa preview prod[/bold] · [bold]aoa preview staging prod --format markdown --full preview.html"
    "[/bold] · [bold]aoa preview prod --format sarif[/bold]"
)


class Form(StrEnum):
    """How a preview is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    SARIF = "sarif"
    HTML = "html"


_SUFFIXES = {".md": Form.MARKDOWN, ".json": Form.JSON, ".sarif": Form.SARIF, ".html": Form.HTML, ".txt": Form.TEXT}
_URL = re.compile(r"https?://[\w.~:/?#=&%+,;@-]+", re.ASCII)


def _complete(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer environments, and first of all the verb that begins like this one."""
    first = not ctx.params.get("envs")
    return [*([WORD] if first and WORD.startswith(incomplete) else []), *complete_environment(incomplete)]


def preview(
    envs: Annotated[
        list[str],
        typer.Argument(metavar="ENV...", help="Environments by name.", autocompletion=_complete),
    ],
    *,
    parallel: Parallel = None,
    policy_pack: PolicyPacks = None,
    form: Annotated[Form, typer.Option("--format", help="How the preview is written.")] = Form.TEXT,
    full: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Also write all of it to a file: .md, .html, .json, .sarif or .txt; may be repeated.",
            show_default=False,
        ),
    ] = None,
    artifact_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where readers of a comment that had to be shortened find all of it.",
            show_default=False,
        ),
    ] = None,
    engine_output: EngineOutput = False,
    server: Server = None,
    project: Project = None,
) -> None:
    """Show what `up` would do, child by child and field by field; changes nothing.

    Also says what differs already from what was deployed, and how long it will probably take. Several environments are
    looked at in parallel. In Markdown it is a comment of at most 65,536 characters that names nobody and links nowhere,
    whatever the values say.

    What it foretells is kept beside the project for the update that follows: `aoa preview accuracy` tells how well. An
    environment that is called accuracy is previewed with `--` before its name.

    Exit code 0: it can be done, 2: the manifest is not valid, 3: refused, 4: something does not answer, 5: it would
    fail, 130: interrupted. Of several environments, the highest.
    """
    from app_of_apps.cli.output import answer, note
    from app_of_apps.cli.preview_processes import preview_all, preview_one
    from app_of_apps.release.project import find_project

    files = tuple(full or ())
    _check(files, artifact_url)
    if server is not None:
        _elsewhere(server, envs, form, given=(parallel, policy_pack, files, artifact_url))
        return
    folder, names = find_project(project), tuple(dict.fromkeys(envs))
    if len(names) == 1:
        found: tuple[Previewed, ...] = (preview_one(names[0], folder, parallel=parallel, packs=policy_pack or ()),)
        # Where nothing else was asked for, an error stays what it is for every verb: lines on stderr.
        if found[0].error is not None and form in {Form.TEXT, Form.JSON} and not files:
            raise found[0].error
    else:
        found = preview_all(names, folder, parallel=parallel, packs=policy_pack or ())
    from app_of_apps.review.comment import LIMIT  # after the engine has begun, which waits for nothing before

    outcomes = [one.outcome for one in found]
    for file in files:
        write_full(outcomes, file)
    place = artifact_url or (files[0].name if files else "")
    answer(written(outcomes, form, limit=LIMIT, place=place).rstrip("\n"))
    for one in found:
        if engine_output and one.output:
            note(one.output)
    code = max(one.exit_code for one in found)
    if code:
        raise typer.Exit(code)


def _elsewhere(server: str, envs: Sequence[str], form: Form, *, given: tuple[object, ...]) -> None:
    from app_of_apps.cli.remote import carry_out
    from app_of_apps.errors import Refused
    from app_of_apps.service.operation import Asked

    if any(given) or form not in {Form.TEXT, Form.JSON} or len(envs) != 1:
        msg = "with --server one environment is previewed, as text or JSON, and the service decides about the rest"
        raise Refused(msg)
    form_there = TextOrJson.JSON if form is Form.JSON else TextOrJson.TEXT
    carry_out(server, envs[0], Asked(operation="preview"), form_there)


def write_full(outcomes: Sequence[Outcome], file: Path) -> None:
    """Write all of some previews to a file, in the form that its name says."""
    file.write_text(written(outcomes, _SUFFIXES[file.suffix], limit=sys.maxsize, place=""))


def written(outcomes: Sequence[Outcome], form: Form, *, limit: int, place: str) -> str:
    """Return previews in one of the forms; ``limit`` and ``place`` are those of a comment."""
    from app_of_apps.review.comment import comments
    from app_of_apps.review.document import html_document, plain_text
    from app_of_apps.review.page import page
    from app_of_apps.review.sarif import sarif
    from app_of_apps.review.shape import shape, shapes

    if form is Form.TEXT:
        return "\n\n".join(map(plain_text, outcomes)) + "\n"
    if form is Form.JSON:
        return _json(shape(outcomes[0]) if len(outcomes) == 1 else shapes(outcomes))
    if form is Form.SARIF:
        return _json(sarif(outcomes))
    pages = list(map(page, outcomes))
    if form is Form.HTML:
        return html_document(pages)
    return comments(pages, limit=limit, full=place)


def is_address(url: str) -> bool:
    """Whether a URL can stand in a comment as it is."""
    return _URL.fullmatch(url) is not None


def _json(value: object) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _check(files: Sequence[Path], url: str | None) -> None:
    """Raise InvalidInput where a file's form is not known, its folder is missing, or an address could be more."""
    from app_of_apps.errors import InvalidInput, Position, Problem

    problems = []
    for full in files:
        if full.suffix not in _SUFFIXES:
            hint = f"one of {', '.join(_SUFFIXES)}"
            problems.append(Problem(Position("--full"), "", f"{full.name}: its end says which form it has", hint))
        elif not full.absolute().parent.is_dir():
            problems.append(Problem(Position("--full"), "", f"there is no folder {full.absolute().parent}"))
    if url is not None and not is_address(url):
        problems.append(
            Problem(
                Position("--artifact-url"),
                "",
                "is no plain address",
                "begin with https://, and write spaces and brackets as %20",
            )
        )
    if problems:
        raise InvalidInput(problems)
