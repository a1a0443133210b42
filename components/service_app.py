"""The `service` child."""

from __future__ import annotations

from typing import ClassVar

from components import type_tokens
from components.child_app import ChildApp


class ServiceApp(ChildApp):
    """A Deployment behind a Service: the Service is never waited for, because the pods' readiness is what counts."""

    type_token: ClassVar[str] = type_tokens.SERVICE_APP
