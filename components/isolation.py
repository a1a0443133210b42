"""No resource of one environment reads another one's stack."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Final

import pulumi
from pulumi.runtime import register_stack_transformation
from pulumi.runtime.settings import get_root_resource

from app_of_apps.environment.refusals import recorded
from app_of_apps.errors import WrongEnvironment

STACK_REFERENCE: Final = "pulumi:pulumi:StackReference"


def refuse_stack_references() -> None:
    """End the running program at its first StackReference, before the engine hears of it or of anything after `run`.

    Outside of a program there is nothing to guard, and nothing happens.
    """
    if get_root_resource() is not None:
        register_stack_transformation(_checked)


def _checked(args: pulumi.ResourceTransformationArgs) -> None:
    if args.type_ != STACK_REFERENCE:
        return
    msg = (
        f"the program holds a StackReference ({args.name}); nothing was read and nothing was touched. An environment "
        "says all that it needs in its own file"
    )
    stack = pulumi.get_stack()
    with (
        contextlib.suppress(WrongEnvironment),
        recorded(stack, stack, project=Path(), environ=os.environ),
    ):
        raise WrongEnvironment(msg)
    # After an exception the engine would still be sent what the program has declared so far.
    sys.stderr.write(f"{WrongEnvironment.__name__}: {msg}\n")
    sys.stderr.flush()
    os._exit(1)
