"""Where a verb writes: answers to stdout, everything else to stderr; colour only where a person looks at it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from app_of_apps.errors import Problem


def answer(text: str) -> None:
    """Write an answer to stdout, unchanged."""
    typer.echo(text)


def answer_json(shape: object) -> None:
    """Write an answer to stdout as indented JSON."""
    typer.echo(json.dumps(shape, indent=2, ensure_ascii=False))


def answer_yaml(shape: object) -> None:
    """Write an answer to stdout as YAML."""
    typer.echo(to_yaml(shape), nl=False)


def to_yaml(value: object) -> str:
    """Return plain data as YAML in block style, keys in their order, texts of several lines as blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes what `aoa` prints; never used for reading."""

        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base's signature
            """Repeat equal parts instead of anchoring them: people read this."""
            return True

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(_plain(value), Dumper=Dumper, sort_keys=False, width=1000, allow_unicode=True)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value


def note(text: str) -> None:
    """Write something beside the answer to stderr."""
    typer.echo(text, err=True)


def console(*, stderr: bool = False) -> Console:
    """Return a rich console for stdout or stderr; rich itself honours NO_COLOR, TERM=dumb and pipes."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # Piped output keeps its lines whole: a table broken at 80 columns is no use to grep.
    width = None if stream.isatty() else 200
    return Console(file=stream, highlight=False, soft_wrap=False, width=width)


def problem_shape(problem: Problem) -> dict[str, Any]:
    """Return one problem as JSON; line and column are null when the whole file is meant."""
    position = problem.position
    return {
        "file": position.file,
        "line": position.line or None,
        "column": position.column or None,
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
    }
