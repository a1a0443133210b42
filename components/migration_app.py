"""The `migration` child."""

from __future__ import annotations

from typing import ClassVar

from components import type_tokens
from components.child_app import ChildApp


class MigrationApp(ChildApp):
    """A Job per content: its name carries the hash of what it runs, because a Job's template cannot change.

    Another content is another name under the same logical name, so Pulumi replaces it: the new Job is created and
    waited for, what depends on it follows, and only then, at the end of a run that went well, the old Job is deleted.
    A Job that still runs is never replaced: `app_of_apps.environment.preflight` refuses before anything is registered.
    """

    type_token: ClassVar[str] = type_tokens.MIGRATION_APP
