"""What an environment may say about single children and shared sets, checked against what exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app_of_apps.manifest.child import PodChild, ScaledChild, ServiceChild
from app_of_apps.release.findings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.environment.settings import ChildOverride, Environment
    from app_of_apps.manifest.child import Child
    from app_of_apps.manifest.parent import Parent
    from app_of_apps.manifest.positions import Loc
    from app_of_apps.release.findings import Findings


def shared_sets(parent: Parent, settings: Environment, found: Findings) -> dict[str, dict[str, str]]:
    """Return every shared set with the environment's variables laid over the parent's."""
    for name in settings.config:
        if name not in parent.config:
            hint = did_you_mean(name, parent.config)
            found.in_environment(("config", name), f"the parent has no shared set named {name}", hint)
    return {name: {**variables, **settings.config.get(name, {})} for name, variables in parent.config.items()}


def check_overrides(children: Mapping[str, Child], overrides: Mapping[str, ChildOverride], found: Findings) -> None:
    """Report overrides of unknown children, and overrides of what a child of that type does not have."""
    for name, override in overrides.items():
        if name not in children:
            hint = did_you_mean(name, children)
            found.in_environment(("children", name), f"there is no child named {name}", hint)
            continue
        for key, reason in _misfits(children[name], override):
            found.in_environment(("children", name, key), reason, "remove it")


def _misfits(child: Child, override: ChildOverride) -> list[tuple[str, str]]:
    kind = f"{child.name} is of type {child.type}"
    misfits: list[tuple[str, str]] = []
    if override.replicas is not None:
        if not isinstance(child, ScaledChild):
            misfits.append(("replicas", f"{kind} and has no replicas"))
        elif child.autoscaling is not None:
            misfits.append(("replicas", f"{child.name} has autoscaling, which owns the number of replicas"))
    if override.config and not isinstance(child, PodChild):
        misfits.append(("config", f"{kind} and has no environment variables of its own"))
    if override.resources is not None and not isinstance(child, PodChild):
        misfits.append(("resources", f"{kind}, whose resources stand in its own files"))
    if override.host is not None and (not isinstance(child, ServiceChild) or child.expose is None):
        misfits.append(("host", f"{child.name} is not exposed, so it has no host to replace"))
    return misfits


def check_variables(children: Mapping[str, Child], settings: Environment, found: Findings) -> None:
    """Report variables of the environment that a child takes from a secret: the secret would win without a word."""
    for name, child in children.items():
        if not isinstance(child, PodChild) or not child.secrets:
            continue
        override = settings.children.get(name)
        own = override.config if override is not None else {}
        places: list[Loc] = [("children", name, "config", variable) for variable in own if variable in child.secrets]
        for shared in child.config.shared:
            added = settings.config.get(shared, {})
            places += [("config", shared, variable) for variable in added if variable in child.secrets]
        for place in places:
            found.in_environment(place, f"{name} takes {place[-1]} from a secret", "remove one of the two")


def check_edges(children: Mapping[str, Child], overrides: Mapping[str, ChildOverride], found: Findings) -> None:
    """Report an edge to a child that has no pods left to wait for once the environment's replicas are applied.

    Pulumi makes no edge at all from an empty component (pulumi#8721), and a Deployment of no replicas is healthy at
    once, so that the dependent would start without what it needs.
    """
    for name, child in children.items():
        for index, needed in enumerate(child.depends_on):
            target = children.get(needed)
            if not isinstance(target, ScaledChild) or target.autoscaling is not None:
                continue
            override = overrides.get(needed)
            message = f"{name} depends on {needed}, which has 0 replicas here: there is nothing to wait for"
            if override is not None and override.replicas is not None:
                if override.replicas == 0:
                    hint = f"give {needed} a replica in this environment, or remove the dependency"
                    found.in_environment(("children", needed, "replicas"), message, hint)
            elif target.replicas == 0:
                hint = f"give {needed} a replica, or remove the dependency"
                found.in_manifest(name, ("dependsOn", index), message, hint)


def check_engines(children: Mapping[str, Child], settings: Environment, found: Findings) -> None:
    """Report secrets that lie outside the environment's scope in Vault.

    Credentials of an engine that the environment does not have, and paths that begin with a mount: those are relative
    to the environment's own engine, and naming one is how a path of another environment gets copied.
    """
    mounts = settings.vault.mounts
    for name, child in children.items():
        if not isinstance(child, PodChild):
            continue
        paths: list[tuple[Loc, str]] = []
        for variable, secret in child.secrets.items():
            if secret.dynamic is not None and secret.dynamic.mount not in mounts.dynamic:
                message = f"{settings.name} has no engine {secret.dynamic.mount} in Vault"
                hint = did_you_mean(secret.dynamic.mount, mounts.dynamic)
                hint += "; the environment's file lists them under vault: mounts: dynamic"
                found.in_manifest(name, ("secrets", variable, "dynamic", "mount"), message, hint)
            if secret.path is not None:
                paths.append((("secrets", variable, "path"), secret.path))
        paths += [
            (("volumes", index, "secret"), volume.secret)
            for index, volume in enumerate(child.volumes)
            if volume.secret is not None
        ]
        for loc, path in paths:
            if f"{path}/".startswith((f"{mounts.kv}/", *(f"{mount}/" for mount in mounts.dynamic.values()))):
                message = f"`{path}` begins with a mount of {settings.name}"
                found.in_manifest(name, loc, message, "leave the mount out: each environment has its own")
