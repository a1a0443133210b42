"""What all child apps have in common: one component, its groups of objects in order, its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pulumi

from components.identity import Identity
from components.kubernetes import declare
from components.settling import WORKLOAD_KINDS, settled
from components.shared_config import SharedConfig
from components.vault_access import VaultAccess

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from app_of_apps.objects.model import ChildObjects, Group, KubernetesObject
    from app_of_apps.release.model import ResolvedChild
    from components.settling import Settle

# How `app_of_apps.objects` names the ConfigMap of a shared set.
SHARED_PREFIX = "config-shared-"


@dataclass(frozen=True, slots=True)
class ChildAppArgs:
    """A child of a release and the objects that describe it."""

    child: ResolvedChild
    objects: ChildObjects
    protect_namespace: bool = False
    settle: Settle | None = None
    """Asks the cluster where the provider's own wait falls short; without it nobody asks."""


class ChildApp(pulumi.ComponentResource):
    """One child app: namespace, identity, configuration and secrets, workload, exposure, each after the one before.

    Everything is registered synchronously here, because a dependency on a component means its resources that are
    known by then. Whoever depends on this component waits for every object of it to be healthy.
    """

    type_token: ClassVar[str]
    status: dict[str, str]
    """Type, team, version, namespace and digest: what the stack says of the child."""
    settled: tuple[pulumi.Output[pulumi.Resource], ...] = ()
    """Further dependencies of whoever depends on this child."""

    def __init__(self, name: str, args: ChildAppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the child; ``opts.depends_on`` holds everything that it needs, directly or not."""
        super().__init__(self.type_token, name, None, opts)
        self.name = name
        self.args = args
        self.status = status_of(args.child)
        own = pulumi.ResourceOptions(parent=self)
        objects = args.objects

        namespace = [
            declare(name, one, parent=self, protect=args.protect_namespace, retain=self._keeps_data())
            for one in self._of("namespace")
        ]
        # Identity and configuration do not know of each other; what logs in and what runs needs both.
        identity: tuple[pulumi.Resource, ...] = ()
        if described := self._of("identity"):
            identity = Identity(name, objects=described, after=namespace, opts=own).resources
        ready: list[pulumi.Input[pulumi.Resource]] = [*namespace, *identity, *self._config(namespace)]
        if objects.vault_policies or objects.vault_roles or self._of("secrets"):
            access = VaultAccess(
                name,
                policies=objects.vault_policies,
                roles=objects.vault_roles,
                objects=self._of("secrets"),
                after=namespace,
                identity=identity,
                opts=own,
            )
            ready += access.resources
            if args.settle is not None:
                kinds = tuple(sorted({one.manifest["kind"] for one in self._of("secrets") if one.wait}))
                ready.append(settled(args.settle, args.child, kinds, access.resources))
        workload = self._workload(ready)
        for one in self._of("exposure"):
            declare(name, one, parent=self, after=[*workload, *self.settled] or ready)
        self.register_outputs(self.status)

    def _keeps_data(self) -> bool:
        """Whether it may have objects whose data no deployment makes again; then its namespace outlives the child."""
        return False

    def _of(self, group: Group) -> list[KubernetesObject]:
        return [described for described in self.args.objects.kubernetes if described.group == group]

    def _config(self, after: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        described = self._of("config")
        shared = [one for one in described if one.name.startswith(SHARED_PREFIX)]
        declared: list[pulumi.Resource] = [
            declare(self.name, one, parent=self, after=after) for one in described if one not in shared
        ]
        if shared:
            options = pulumi.ResourceOptions(parent=self)
            declared += SharedConfig(self.name, objects=shared, after=after, opts=options).resources
        return declared

    def _workload(self, after: Sequence[pulumi.Input[pulumi.Resource]]) -> list[pulumi.Resource]:
        """Register what runs, after everything that it reads; types without pods of their own do something else."""
        described = self._of("workload")
        declared: list[pulumi.Resource] = [declare(self.name, one, parent=self, after=after) for one in described]
        self._await({one.manifest["kind"] for one in described if one.wait}, declared)
        return declared

    def _await(self, kinds: Collection[str], declared: Sequence[pulumi.Resource]) -> None:
        """Let what comes after wait for the cluster's own word on the workloads among what was declared."""
        awaited = tuple(kind for kind in WORKLOAD_KINDS if kind in kinds)
        if self.args.settle is not None and awaited:
            self.settled = (settled(self.args.settle, self.args.child, awaited, declared),)


def status_of(child: ResolvedChild) -> dict[str, str]:
    """Return what may be said of a child in the stack's outputs: nothing that is secret."""
    status = {
        "type": child.spec.type,
        "team": child.spec.team,
        "namespace": child.namespace,
        "digest": child.digest,
    }
    return status if child.version is None else {**status, "version": child.version}
