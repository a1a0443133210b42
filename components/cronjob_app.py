"""The `cronjob` child."""

from __future__ import annotations

from typing import ClassVar

from components import type_tokens
from components.child_app import ChildApp


class CronJobApp(ChildApp):
    """A CronJob: healthy by being there, so what depends on it does not wait for a run."""

    type_token: ClassVar[str] = type_tokens.CRONJOB_APP
