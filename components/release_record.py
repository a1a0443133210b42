"""The record of a release: exists if, and only if, the whole graph became healthy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pulumi

from components import type_tokens
from components.kubernetes import KubernetesResource, adopted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app_of_apps.objects.model import KubernetesObject


class ReleaseRecord(pulumi.ComponentResource):
    """An immutable ConfigMap per release, created after every child, kept when a later release supersedes it.

    Superseded or destroyed, Pulumi lets go of the record without deleting it; a release that comes back after another
    gets a record of its own. The namespace is kept too, for the records that are in it.
    """

    resources: tuple[pulumi.CustomResource, ...]
    """Namespace and ConfigMap."""

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
        declared: list[pulumi.CustomResource] = []
        for described in objects:
            options = pulumi.ResourceOptions(
                parent=self,
                depends_on=before,
                retain_on_delete=True,
                # They tell of the run that made the record; a later run of the same release changes nothing.
                ignore_changes=["metadata.annotations", "data", "binaryData"],
            )
            declared.append(KubernetesResource(described.name, adopted(described.manifest), options))
            before = [declared[-1]]
        self.resources = tuple(declared)
        self.register_outputs({})


def told(recorded: Callable[[], None], record: ReleaseRecord) -> pulumi.Output[bool]:
    """Call ``recorded`` when the record's objects are there; not in a preview."""

    async def tell(_: Sequence[Any]) -> bool:
        if not pulumi.runtime.is_dry_run():
            await asyncio.to_thread(recorded)
        return True

    return pulumi.Output.all(*(one.urn for one in record.resources)).apply(tell)
