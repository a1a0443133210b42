"""The record of a release: exists if, and only if, the whole graph became healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components import type_tokens
from components.kubernetes import KubernetesResource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app_of_apps.objects.model import KubernetesObject


class ReleaseRecord(pulumi.ComponentResource):
    """An immutable ConfigMap per release, created after every child, kept when a later release supersedes it.

    Superseded or destroyed, Pulumi lets go of the record without deleting it; a release that comes back takes its own
    record over again. The namespace is kept too, for the records that are in it.
    """

    def __init__(
        self,
        name: str,
        objects: Sequence[KubernetesObject],
        *,
        after: Sequence[pulumi.Input[pulumi.Resource]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Register the objects (namespace, then ConfigMap) when all children in ``after`` are healthy."""
        super().__init__(type_tokens.RELEASE_RECORD, name, None, opts)
        before = list(after)
        for described in objects:
            options = pulumi.ResourceOptions(
                parent=self,
                depends_on=before,
                retain_on_delete=True,
                # They tell of the run that made the record; a later run of the same release changes nothing.
                ignore_changes=["metadata.annotations"],
            )
            before = [KubernetesResource(described.name, described.manifest, options)]
        self.register_outputs({})
