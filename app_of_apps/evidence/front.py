"""How a run says through which door it came, and how it is found again. A run begins with it, so it imports little."""

from __future__ import annotations

import os
import uuid
from typing import Final

FRONT_VARIABLE: Final = "AOA_FRONT"
"""Which door an operation came through: ``aoa`` or ``service``; without it, plain ``pulumi``."""
ASKED_BY: Final = "AOA_ASKED_BY"
"""Who asked, as the service knows them: ``person:<name>``. The service vouches for it; its login is on record, too."""
RUN_VARIABLE: Final = "AOA_RUN"
"""A name for one run of that door, by which it finds the attempt that it began."""


def door() -> str:
    """Return which door this process is behind."""
    return "service" if os.environ.get(FRONT_VARIABLE) == "service" else "aoa"


def new_run() -> dict[str, str]:
    """Return the variables by which a record tells which run of `aoa` it belongs to."""
    return {FRONT_VARIABLE: door(), RUN_VARIABLE: uuid.uuid4().hex}
