"""Every error this project raises, and the exit code that each one means.

::

    AppOfAppsError                 1
    ├── InvalidInput               2   a file or an argument is wrong; carries every problem found
    ├── Refused                    3   the guard or a gate says no; nothing was touched
    │   └── WrongEnvironment       3   the world is not the one that the environment's file names
    ├── Unavailable                4   something that is needed is missing or does not answer
    │   └── SecretMissing          4   Vault lacks a key that a child refers to
    └── DeploymentFailed           5   an operation began and did not end well

Exit code 0 is success, 1 also means "the answer is no" for commands that ask a question (drift, status of an unhealthy
environment), 130 an interruption. This module imports nothing of the project, so that every other one can import it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file. ``line`` and ``column`` count from 1; 0 means that the whole file is meant."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Write the form that editors and terminals turn into a link: ``file:line:column``."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the input.

    ``path`` is the key's path in the file (``children[2].ports[0].port``), ``message`` says what is wrong and
    ``hint`` what to do about it. Neither may hold a value that could be a secret.
    """

    position: Position
    path: str
    message: str
    hint: str = ""
    rule: str = ""
    """The id of the rule that is broken, of those in `app_of_apps.checks.rules`; "" where the file itself is wrong."""

    def __str__(self) -> str:
        """Write one problem as one or two lines."""
        where = f"{self.position}: {self.path}: " if self.path else f"{self.position}: "
        return f"{where}{self.message}" + (f"\n    {self.hint}" if self.hint else "")


class AppOfAppsError(Exception):
    """What every error of this project can be caught as."""

    exit_code: ClassVar[int] = 1


class InvalidInput(AppOfAppsError):
    """The input is wrong. ``problems`` holds everything found, in file order; nothing was touched."""

    exit_code: ClassVar[int] = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Take all problems at once, sorted by where they stand, without repetitions."""
        unique = dict.fromkeys(problems)
        self.problems: tuple[Problem, ...] = tuple(sorted(unique, key=lambda p: (p.position, p.path, p.message)))
        super().__init__("\n".join(map(str, self.problems)))


class Refused(AppOfAppsError):
    """The guard or a gate says no. Nothing was touched."""

    exit_code: ClassVar[int] = 3


class WrongEnvironment(Refused):
    """The cluster, the Vault or the stack is not the one that the environment's file names."""


class Unavailable(AppOfAppsError):
    """Something that is needed (a tool, a cluster, Vault) is missing or does not answer."""

    exit_code: ClassVar[int] = 4


class SecretMissing(Unavailable):
    """Vault lacks a key that a child refers to; the message names child, path and key, never a value."""


class DeploymentFailed(AppOfAppsError):
    """An operation began and did not end well; the message is the parent's report."""

    exit_code: ClassVar[int] = 5
