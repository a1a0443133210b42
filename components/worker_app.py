"""The `worker` child."""

from __future__ import annotations

from typing import ClassVar

from components import type_tokens
from components.child_app import ChildApp


class WorkerApp(ChildApp):
    """A Deployment that nobody calls."""

    type_token: ClassVar[str] = type_tokens.WORKER_APP
