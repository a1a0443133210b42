"""The parent as a component for Pulumi programs in other languages, and the process that hosts it.

The engine starts ``pulumi-resource-aoa`` (or the folder ``provider/``, which does the same) beside the program, and the
program names a folder instead of building the arguments of `components.parent_app.ParentApp`. What happens then is what
`components.program` does, with the same guard, the same gate and the same records.

Pulumi's component host makes the schema from the annotations of this module and reads them as objects, so they must
not be strings. Inputs are plain on purpose: everything is decided before anything is declared, and what the program
would only know later has no place in that. SDKs of typed languages do not take an output there.
"""

import os
from pathlib import Path
from typing import Any, Final, NotRequired, TypedDict

import pulumi
from pulumi.provider.experimental import component_provider_host

from app_of_apps import __version__
from app_of_apps.environment.refusals import recorded
from app_of_apps.errors import AppOfAppsError, InvalidInput, Position, Problem, WrongEnvironment
from components import type_tokens
from components.program import prepare, shown

PACKAGE: Final = type_tokens.COMPONENT.partition(":")[0]
"""Not ``app-of-apps``: the engine gives a package's default provider the configuration of that name, which is ours."""


class ParentAppArgs(TypedDict):
    """Where the parent's files are, and which environment is meant."""

    project: NotRequired[str]
    """Folder of parent.yaml and of the stack files, relative to the program's own folder, which it is if missing."""
    environment: NotRequired[str]
    """The environment that the program is meant for. The stack decides; where it has another name, nothing happens."""


class ChildStatus(TypedDict):
    """What the stack says of a child; nothing of it is secret."""

    type: str
    team: str
    namespace: str
    digest: str
    version: NotRequired[str]
    """Missing where the child has no version of its own."""


class ParentApp(pulumi.ComponentResource):
    """Many services as one: the children of a parent manifest, each touched when all that it needs is healthy."""

    release: pulumi.Output[str]
    """Digest of the release; known when every child is healthy and the record is written."""
    environment: pulumi.Output[str]
    """Name of the environment."""
    children: pulumi.Output[dict[str, ChildStatus]]
    """Each child by its name."""

    def __init__(self, name: str, args: ParentAppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register everything, or nothing; raises RunError, once what is wrong has been logged."""
        try:
            declare = prepare(*_asked(args))
            super().__init__(type_tokens.COMPONENT, name, None, opts)
            # A parent that a Python program has declared is the same parent: nothing of it is replaced.
            inside = pulumi.ResourceOptions(parent=self, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)])
            parent = declare(inside)
        except AppOfAppsError as error:
            pulumi.log.error(shown(error))
            msg = "the parent says why"
            raise pulumi.RunError(msg) from None
        status = parent.status
        done = pulumi.Output.from_input(parent.recorded)
        self.release = done.apply(lambda _: str(status["release"]))
        self.environment = pulumi.Output.from_input(status["environment"])
        self.children = pulumi.Output.from_input(status["children"])
        self.register_outputs({"release": status["release"]})


def main() -> None:
    """Serve the engine that has started this process, whose address is the first argument."""
    component_provider_host([ParentApp], PACKAGE, version=__version__)


def _asked(args: ParentAppArgs) -> tuple[Path, str]:
    """Return project and stack; InvalidInput for what is not plain, WrongEnvironment for another environment."""
    given: dict[str, Any] = dict(args)
    problems = [
        Problem(
            Position("the program"),
            key,
            "must be a plain text",
            "an output, a secret or a value that is not known before the update cannot decide what is deployed",
        )
        for key, value in given.items()
        if not isinstance(value, str)
    ]
    if problems:
        raise InvalidInput(problems)
    project, stack = Path(given.get("project", "")), pulumi.get_stack()
    environment = given.get("environment", stack)
    if environment != stack:
        with recorded(environment, stack, project=project, environ=os.environ):
            msg = f"the program is meant for {environment!r}, and the stack is {stack!r}; nothing was touched"
            raise WrongEnvironment(msg)
    return project, stack
