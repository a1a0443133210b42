"""The parent: instantiates the children in explicit order, with one set of rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pulumi

from app_of_apps.errors import InvalidInput, Position, Problem
from components import type_tokens
from components.access import Access, AccessArgs
from components.chart_app import CHART, ChartApp
from components.child_app import ChildApp, ChildAppArgs
from components.cronjob_app import CronJobApp
from components.kubernetes import logical_names
from components.manifests_app import ManifestsApp
from components.migration_app import MigrationApp
from components.release_record import ReleaseRecord, told
from components.service_app import ServiceApp
from components.stacks import short_stacks
from components.stopwatch import Stopwatch
from components.worker_app import WorkerApp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from app_of_apps.graph.order import Plan
    from app_of_apps.objects.model import ChildObjects, KubernetesObject
    from app_of_apps.release.model import Release
    from components.providers import Providers
    from components.settling import Settle

CHILD_APPS: Final[Mapping[str, type[ChildApp]]] = {
    "service": ServiceApp,
    "worker": WorkerApp,
    "migration": MigrationApp,
    "cronjob": CronJobApp,
    "chart": ChartApp,
    "manifests": ManifestsApp,
}

STATUS_VERSION: Final = 1
NAMESPACE: Final = "kubernetes:core/v1:Namespace"


@dataclass(frozen=True, slots=True)
class ParentAppArgs:
    """A release, the objects of its children, and the plan that orders them."""

    release: Release
    objects: tuple[ChildObjects, ...]
    plan: Plan
    providers: Providers
    access: AccessArgs | None = None
    """The groups of the identity provider that have rights in Vault."""
    record: tuple[KubernetesObject, ...] = ()
    """Namespace and ConfigMap of the release record, in this order."""
    recorded: Callable[[Mapping[str, float]], None] | None = None
    """Called in a run that is no preview when the record is there, which is when everything is healthy.

    It is told how many seconds each child took, from when all that it needs was healthy.
    """
    protect_namespaces: bool = False
    """Whether deleting a child's namespace needs `pulumi state unprotect` first."""
    settle: Settle | None = None
    """Asks the cluster where the provider's own wait falls short (see `components.settling`)."""
    hooks: pulumi.ResourceHookBinding | None = field(default=None)
    """Hooks of every resource below the parent, charts included."""
    namespace_hooks: pulumi.ResourceHookBinding | None = field(default=None)
    """Further hooks of the namespaces."""


class ParentApp(pulumi.ComponentResource):
    """All children of a release; a child is touched when everything it needs is healthy at this release.

    Each child depends on the transitive closure of its needs and not only on its direct ones: an edge to a component
    is an edge to the resources that it has, so a child with none would break the chain without a word.
    """

    children: Mapping[str, ChildApp]
    status: dict[str, Any]
    """``{"version": 1, "environment", "release", "children": {name: {type, team, version, namespace, digest}}}``."""
    recorded: pulumi.Output[bool] | None = None
    """Known when ``args.recorded`` has returned; None where nobody is told."""

    @short_stacks()
    def __init__(self, name: str, args: ParentAppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register everything, synchronously.

        Raises InvalidInput when two children make a resource of the same name, KeyError when plan, objects and release
        do not fit together; both before anything is registered.
        """
        options, stopwatch = pulumi.ResourceOptions(providers=args.providers.all()), Stopwatch()
        options.transformations = [
            *([_with(args.hooks, args.namespace_hooks)] if args.hooks is not None else []),
            stopwatch.see,
        ]
        _check_names(args)
        super().__init__(type_tokens.PARENT_APP, name, None, pulumi.ResourceOptions.merge(opts, options))
        before_record: list[pulumi.Input[pulumi.Resource]] = []
        if args.access is not None:
            self.access = Access(f"{name}-access", args.access, pulumi.ResourceOptions(parent=self))
            before_record.append(self.access)
        described = {objects.child: objects for objects in args.objects}
        children: dict[str, ChildApp] = {}
        for child in args.plan.order:
            resolved = args.release.child(child)
            needs = _after(children[need] for need in args.plan.needs[child])
            children[child] = CHILD_APPS[resolved.spec.type](
                child,
                ChildAppArgs(resolved, described[child], args.protect_namespaces, args.settle),
                pulumi.ResourceOptions(parent=self, depends_on=needs or None),
            )
        self.children = children
        settled = {name: app.settled for name, app in children.items()}
        stopwatch.follow(children, args.plan.needs, settled)
        if args.record:
            self.record = ReleaseRecord(
                "release-record",
                args.record,
                after=[*before_record, *_after(children.values())],
                opts=pulumi.ResourceOptions(parent=self),
            )
            if (recorded := args.recorded) is not None:
                self.recorded = told(lambda: recorded(stopwatch.seconds()), self.record)
        self.status = {
            "version": STATUS_VERSION,
            "environment": args.release.environment,
            "release": args.release.digest,
            "children": {name: app.status for name, app in children.items()},
        }
        self.register_outputs({"release": args.release.digest})


def _after(children: Iterable[ChildApp]) -> list[pulumi.Input[pulumi.Resource]]:
    """Return the dependencies of what comes after these children."""
    found: list[pulumi.Input[pulumi.Resource]] = []
    for child in children:
        found += [child, *child.settled]
    return found


def _check_names(args: ParentAppArgs) -> None:
    """Raise InvalidInput when two children would register one name; Pulumi would find out in the middle of the run."""
    owners: dict[str, set[str]] = {}
    for objects in args.objects:
        for one in logical_names(objects):
            owners.setdefault(one, set()).add(objects.child)
    problems = [
        Problem(
            Position("parent.yaml"),
            "children",
            f"{' and '.join(sorted(children))} both make a resource named {name}",
            "rename one of the children",
        )
        for name, children in owners.items()
        if len(children) > 1
    ]
    if problems:
        raise InvalidInput(problems)


def _with(
    hooks: pulumi.ResourceHookBinding, of_namespaces: pulumi.ResourceHookBinding | None
) -> pulumi.ResourceTransformation:
    """Return a transformation that gives the hooks to every resource that a provider handles; hooks do not inherit.

    What a remote component makes is never seen here but in another process, which a transform reaches.
    """
    options = pulumi.ResourceOptions(hooks=hooks)
    namespaces = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(hooks=of_namespaces))

    def add(given: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if isinstance(given.resource, pulumi.CustomResource):
            more = namespaces if given.type_ == NAMESPACE else options
        elif given.type_ == CHART:
            more = pulumi.ResourceOptions(transforms=[remotely])
        else:
            return None
        return pulumi.ResourceTransformationResult(given.props, pulumi.ResourceOptions.merge(given.opts, more))

    def remotely(given: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if not given.custom:
            return None
        return pulumi.ResourceTransformResult(given.props, pulumi.ResourceOptions.merge(given.opts, options))

    return add
