"""Who a child is: its service account, and whatever the parent grants to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components import type_tokens
from components.kubernetes import declare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app_of_apps.objects.model import KubernetesObject


class Identity(pulumi.ComponentResource):
    """The identity of one child in the cluster."""

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
        super().__init__(type_tokens.IDENTITY, f"{child}-identity", None, opts)
        self.resources = tuple(declare(child, described, parent=self, after=after) for described in objects)
        self.register_outputs({})
