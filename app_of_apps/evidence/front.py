"""How a run says through which door it came, and how it is found again. Imports nothing: a run begins with it."""

from __future__ import annotations

import uuid
from typing import Final

FRONT_VARIABLE: Final = "AOA_FRONT"
"""Which door an operation came through: ``aoa`` or ``service``; without it, plain ``pulumi``."""
RUN_VARIABLE: Final = "AOA_RUN"
"""A name for one run of that door, by which it finds the attempt that it began."""


def new_run() -> dict[str, str]:
    """Return the variables by which a record tells which run of `aoa` it belongs to."""
    return {FRONT_VARIABLE: "aoa", RUN_VARIABLE: uuid.uuid4().hex}
