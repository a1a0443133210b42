"""What a process of ``aoa`` that the service starts is given of the service's own variables."""

from __future__ import annotations

import os
from typing import Final

_OURS: Final = ("AOA_SERVICE_", "AOA_SERVER", "AOA_TOKEN")


def own_environ() -> dict[str, str]:
    """Return this process's variables without those that are the service's alone, or would lead back to it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
