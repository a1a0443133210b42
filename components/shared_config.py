"""The parent's shared configuration as one child sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components import type_tokens
from components.kubernetes import declare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app_of_apps.objects.model import KubernetesObject


class SharedConfig(pulumi.ComponentResource):
    """The shared sets that a child asked for, as ConfigMaps of its namespace.

    A ConfigMap cannot be read across namespaces, so each child gets its own copy; the copies of one set are equal in
    every child because they are made from the same release.
    """

    resources: tuple[pulumi.Resource, ...]

    def __init__(
        self,
        child: str,
        *,
        objects: Sequence[KubernetesObject],
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Register the objects when everything in ``after`` (the namespace) is there."""
        super().__init__(type_tokens.SHARED_CONFIG, f"{child}-shared-config", None, opts)
        self.resources = tuple(declare(child, described, parent=self, after=after) for described in objects)
        self.register_outputs({})
