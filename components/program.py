"""What the Pulumi program does, step by step: settings → load → resolve → guard → preflight → ParentApp → export.

The one module of this package that reads files, the environment and the network, and that imports `app_of_apps.deploy`
(for the words of its report). Nothing is registered unless every step before has succeeded. `plugin` does the same for
programs in other languages.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pulumi

from app_of_apps.approval.authors import read_change
from app_of_apps.approval.check import Passed
from app_of_apps.approval.standing import last_record, standing_of, with_rules
from app_of_apps.approval.verdicts import verdicts
from app_of_apps.deploy.facts import SECRET_KINDS
from app_of_apps.deploy.settle import settles
from app_of_apps.deploy.standing import read_deletions
from app_of_apps.environment.git import git
from app_of_apps.environment.guard import check_environment
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.environment.load import load_environment
from app_of_apps.environment.people import people_accessor
from app_of_apps.environment.preflight import (
    Migration,
    Reference,
    await_migrations,
    check_migrations,
    check_secrets,
)
from app_of_apps.environment.refusals import recorded
from app_of_apps.environment.vault_health import trouble as vault_trouble
from app_of_apps.errors import AppOfAppsError, Refused, Unavailable, WrongEnvironment
from app_of_apps.evidence.record import Git
from app_of_apps.manifest.base import seconds
from app_of_apps.manifest.child import PodChild
from app_of_apps.manifest.load import load_manifest
from app_of_apps.objects.access import vault_groups
from app_of_apps.objects.record import record_number, release_record
from app_of_apps.objects.render import release_objects
from app_of_apps.release.behaviour import DEFAULT_DEADLINE
from app_of_apps.release.deletions import check_deletions, describe_deletions
from app_of_apps.release.plan import plan
from app_of_apps.release.provenance import DIRTY, Provenance, carried
from app_of_apps.release.resolve import resolve
from components import type_tokens
from components.access import AccessArgs
from components.attempt import Attempt
from components.chart_check import check_charts
from components.failure_report import failure_hook
from components.gate import pass_gate
from components.guarded_delete import guarded_delete
from components.isolation import refuse_stack_references
from components.operation import engine_operation
from components.parent_app import ParentApp, ParentAppArgs
from components.providers import declare_providers
from components.restore import restoration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.environment.settings import Environment
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.objects.model import ChildObjects
    from app_of_apps.release.deletions import Deletions
    from app_of_apps.release.model import Release, ResolvedChild

CONFIG: Final = "app-of-apps"
PARENT_FILE: Final = "parent.yaml"


# At import: a program may ask for another stack before it calls `run`.
refuse_stack_references()

# The language host's code for "the message has been shown": any other makes it add a line about an unhandled error.
_SHOWN: Final = 32
_MOST_AUTHORS: Final = 500  # of a first release, which is the whole history; a record is a ConfigMap


def run() -> None:
    """Run the program for the stack and the project folder that Pulumi has chosen.

    An error of ours is shown as its message alone, and the program ends before anything is registered.
    """
    try:
        declare = prepare(Path(), pulumi.get_stack())
        # A parent that the component has declared is the same parent, whatever the component is named.
        former = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{type_tokens.COMPONENT}::any"
        parent = declare(pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=former)]))
    except AppOfAppsError as error:
        pulumi.log.error(shown(error))
        sys.exit(_SHOWN)
    pulumi.export("status", parent.status)
    for name, child in parent.children.items():
        pulumi.export(name, child.status)


def shown(error: AppOfAppsError) -> str:
    """Return an error as it is logged.

    The first word tells `aoa` which exit code is meant: the name of a kind that app_of_apps.errors knows.
    """
    kind = next(one for one in type(error).__mro__ if one.__module__ == AppOfAppsError.__module__)
    return f"{kind.__name__}: {error}"


def prepare(project: Path, stack: str) -> Callable[[pulumi.ResourceOptions], ParentApp]:
    """Do everything that comes before the first registration, and return what declares the parent then.

    ``project`` is the folder with the parent's file and the stack files. Raises an AppOfAppsError where the release may
    not be deployed; what is returned raises one where its providers or charts are not as they have to be.
    """
    environment = load_environment(stack, project)
    with recorded(stack, stack, project=project, environ=os.environ):
        _check_configuration(environment, pulumi.Config(CONFIG).get_object("environment"))
    manifest = load_manifest(project / PARENT_FILE)
    release = resolve(manifest, environment)

    check_environment(environment.settings, stack=stack, environ=os.environ, project=project)
    # What is removed or only read needs no secrets, and need not be healthy.
    operation = engine_operation()
    updates = operation == "up"
    attempt = Attempt.of(environment.settings, release.parent, project, operation)
    with attempt.refusals():
        back = restoration(manifest, environment, release, project) if updates else None
        if back is not None:
            manifest, release = back.manifest, back.release
            attempt.comes_back(back.rollback.target.number)
        with KubeReader(release.cluster.context) as kube:
            last = last_record(kube, release.parent)
        git = _git(project, last)
        attempt.about(release, last, git)
        passed = Passed()
        if (updates or operation == "destroy") and not (back is not None and back.rollback.approved):
            passed = pass_gate(environment.settings, release, project=project, action="up" if updates else "destroy")
        origin = _origin(release, last, git, passed)
        origins = carried(release, last, origin)
        if back is not None:
            origins = back.origins(origins, origin)
        objects = release_objects(release, origins) if back is None else back.objects(origins)
        deletions, references = None, None
        if updates:
            deletions = _check_deletions(environment.settings, release, passed)
            references = tuple(_references(manifest, release))
            check_secrets(references, release.vault, os.environ)
        if updates and (migrations := list(_migrations(release, objects))):
            with KubeReader(release.cluster.context) as kube:
                check_migrations(migrations, kube)
                if not pulumi.runtime.is_dry_run():
                    await_migrations(migrations, kube, pulumi.log.info)
        groups = vault_groups(release)
        access = None
        if groups:
            accessor = people_accessor(groups[0].mount, release.vault, os.environ)
            access = AccessArgs(groups, accessor, updates=updates, failed=attempt.failed)
        asked = None if references is None else len(references)
        attempt.begin(release, passed, verdicts(environment.settings, passed, deletions, references=asked))

    def declare(opts: pulumi.ResourceOptions) -> ParentApp:
        with attempt.failures():
            uses_vault = bool(groups) or any(one.vault_policies or one.vault_roles for one in objects)
            providers = declare_providers(release.cluster, release.vault if uses_vault else None)
            check_charts(objects, providers.kubernetes, pinned=environment.settings.images.pinned)
            return ParentApp(
                release.parent,
                ParentAppArgs(
                    release=release,
                    objects=objects,
                    plan=plan(release),
                    providers=providers,
                    access=access,
                    protect_namespaces=environment.settings.protected,
                    record=with_rules(release_record(release, origin, origins), environment.settings.gates),
                    recorded=attempt.succeeded if updates else None,
                    settle=(lambda child, kinds: _settle(release, child, kinds, attempt)) if updates else None,
                    hooks=pulumi.ResourceHookBinding(on_error=[failure_hook(partial(_told, release, attempt))]),
                    namespace_hooks=pulumi.ResourceHookBinding(before_delete=[guarded_delete(operation)]),
                ),
                opts,
            )

    return declare


def _check_configuration(environment: LoadedEnvironment, configured: Any) -> None:  # noqa: ANN401 - whatever the engine was given
    """Raise WrongEnvironment when the engine read another file than we did (`--config-file`, another folder)."""
    if configured != environment.configured:
        msg = (
            f"Pulumi was given other settings than those in {environment.positions.at(()).file}; nothing was touched. "
            "Do not use --config-file or `pulumi config set` for app-of-apps:environment; change the file"
        )
        raise WrongEnvironment(msg)


def _check_deletions(settings: Environment, release: Release, passed: Passed) -> Deletions:
    """Return what the release deletes; Refused when it is more than may go unasked. A preview tells it."""
    with KubeReader(release.cluster.context) as kube:
        deletions = read_deletions(kube, release)
    if not pulumi.runtime.is_dry_run():
        check_deletions(deletions, settings.gates, settings.name, approved=passed.deletions)
    elif deletions:
        pulumi.log.warn("\n  ".join(["this release deletes:", *describe_deletions(deletions)]))
    return deletions


def _references(manifest: Manifest, release: Release) -> Iterator[Reference]:
    """Yield each key that a child refers to, with its place in the child's file."""
    for child in release.children:
        spec = child.spec
        if not isinstance(spec, PodChild):
            continue
        for variable, secret in spec.secrets.items():
            if secret.path is None:  # what Vault makes for each lease does not exist before
                continue
            where = manifest.position(child.name, ("secrets", variable))
            yield Reference(child.name, secret.path, secret.key, str(where))
        for index, volume in enumerate(spec.volumes):
            if volume.secret is not None:
                where = manifest.position(child.name, ("volumes", index, "secret"))
                yield Reference(child.name, volume.secret, None, str(where))


def _migrations(release: Release, objects: Sequence[ChildObjects]) -> Iterator[Migration]:
    for described in objects:
        child = release.child(described.child)
        if child.spec.type == "migration":
            for one in described.kubernetes:
                if one.manifest["kind"] == "Job":
                    name = one.manifest["metadata"]["name"]
                    yield Migration(child.name, child.namespace, name, one.deadline or seconds(DEFAULT_DEADLINE))


def _settle(release: Release, child: ResolvedChild, kinds: Sequence[str], attempt: Attempt) -> None:
    """Return when a child's objects of these kinds are healthy at their generation; RunError with the report if not."""
    deadline = seconds(getattr(child.spec, "deadline", None) or DEFAULT_DEADLINE)
    secrets = SECRET_KINDS.issuperset(kinds)
    try:
        with KubeReader(release.cluster.context) as kube:
            trouble = (lambda: _vault_trouble(release, child)) if secrets else None
            if not settles(kube, child.namespace, kinds, deadline=deadline, trouble=trouble):
                raise pulumi.RunError(_told(release, attempt))
    except Unavailable as error:
        msg = f"Unavailable: {error}"
        attempt.failed(msg)
        raise pulumi.RunError(msg) from error


def _vault_trouble(release: Release, child: ResolvedChild) -> str | None:
    address = str(release.vault.address)
    found = vault_trouble(address)
    return found and (
        f"{release.parent}: Vault at {address} {found}, so the secrets of {child.name} do not get into the cluster. "
        "Nothing more was begun, what runs goes on with the secrets it has; when Vault serves again, run again"
    )


def _told(release: Release, attempt: Attempt, cancelled: bool = False) -> str:  # noqa: FBT001, FBT002 - the hook's
    """Return the parent's report of a failure, once it is on the record."""
    report = _report(release)
    if cancelled:
        attempt.interrupted()
    else:
        attempt.failed(report)
    return report


def _report(release: Release) -> str:
    """Return the parent's report of a failure, made from what the cluster says."""
    # Imported here because a run without failures does without it.
    from app_of_apps.deploy.diagnose import diagnose  # noqa: PLC0415
    from app_of_apps.deploy.report import render  # noqa: PLC0415

    with KubeReader(release.cluster.context) as kube:
        return render(diagnose(release, kube))


def _git(project: Path, last: Mapping[str, Any] | None) -> Git | None:
    """Return commit, authors and state of the checkout; None where there is no git or no commit.

    ``authors`` are those since the last release that succeeded, and empty where the history does not say.
    """
    try:
        said = git(project, "log", "-1", "--format=%H%n%an <%ae>").decode(errors="replace").strip()
        changed = git(project, "status", "--porcelain", "--", ".").strip()
    except Unavailable:
        return None
    commit, _, author = said.partition("\n")
    try:
        base = None if last is None else standing_of(last).commit
        authors = sorted(read_change(project, base).authors)[:_MOST_AUTHORS]
    except (Refused, Unavailable):  # for the gate that is a reason to stop; a record says what is known
        authors = []
    return Git(commit=commit, author=author, authors=tuple(authors), dirty=bool(changed)) if commit else None


def _origin(release: Release, last: Mapping[str, Any] | None, found: Git | None, passed: Passed) -> Provenance:
    """Return where what this run changes comes from."""
    commit = None if found is None or found.commit is None else found.commit + (DIRTY if found.dirty else "")
    author = None if found is None else found.author
    return Provenance(release.digest, record_number(release, last), commit, author, passed.names)
