"""Which children of a release use which secrets: the index over their references that status and rotation need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from app_of_apps.errors import InvalidInput, Position, Problem
from app_of_apps.manifest.child import PodChild
from app_of_apps.release.findings import did_you_mean

if TYPE_CHECKING:
    from app_of_apps.release.model import Release, ResolvedChild


@dataclass(frozen=True, slots=True, order=True)
class SecretUse:
    """One reference of one child to a key in the environment's kv-v2 engine."""

    child: str
    path: str
    key: str | None
    """None where a volume takes all keys."""
    taken_as: str
    """The environment variable, or ``volume <name>``."""


def uses_of(child: ResolvedChild) -> tuple[SecretUse, ...]:
    """Return a child's references, sorted by path and key."""
    spec = child.spec
    if not isinstance(spec, PodChild):
        return ()
    found = [
        SecretUse(child.name, one.path, one.key, variable)
        for variable, one in spec.secrets.items()
        if one.path is not None
    ]
    found += [
        SecretUse(child.name, volume.secret, None, f"volume {volume.name}")
        for volume in spec.volumes
        if volume.secret is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.path, one.key or "", one.taken_as)))


def named_secret(release: Release, child: str, name: str) -> tuple[str, str]:  # noqa: RET503 - _fail does not return
    """Return path and key of what a person calls ``name``: the variable, the key, or ``<path>:<key>``.

    Raises InvalidInput when there is no such child, when the child has no such secret, when two of its secrets have
    such a key, and when the secret is one that Vault makes itself.
    """
    if child not in release.by_name:
        _fail(f"there is no child {child}", did_you_mean(child, release.by_name), argument="CHILD")
    resolved = release.child(child)
    spec = resolved.spec
    if isinstance(spec, PodChild) and name in spec.secrets and spec.secrets[name].path is None:
        _fail(
            f"{child} takes {name} from an engine that makes a value for each lease",
            "there is nothing to rotate: it changes with every lease. To end one now: `vault lease revoke`",
        )
    found = uses_of(resolved)
    path, colon, key = name.rpartition(":")
    if colon and path:
        if any(one.path == path and one.key in {key, None} for one in found):
            return path, key
    else:
        named = {(one.path, one.key) for one in found if one.key and name in {one.taken_as, one.key}}
        if len(named) == 1:
            return named.pop()
        if named:
            options = ", ".join(f"{path}:{key}" for path, key in sorted(named))
            _fail(f"{child} has several secrets with a key {name}", f"name one of {options}")
    known = {one.taken_as for one in found if one.key} | {f"{one.path}:{one.key or 'KEY'}" for one in found}
    _fail(f"{child} has no secret {name}", did_you_mean(name, known))


def users(release: Release, path: str, key: str) -> tuple[str, ...]:
    """Return the children that get a key, in dependency order."""
    return tuple(
        child.name
        for child in release.children
        if any(one.path == path and one.key in {key, None} for one in uses_of(child))
    )


def neighbours(release: Release, path: str, key: str) -> tuple[str, ...]:
    """Return the children that get other keys of the same secret and not this one, in dependency order."""
    concerned = users(release, path, key)
    return tuple(
        child.name
        for child in release.children
        if child.name not in concerned and any(one.path == path for one in uses_of(child))
    )


def _fail(message: str, hint: str, *, argument: str = "KEY") -> NoReturn:
    raise InvalidInput([Problem(Position(argument), "", message, hint)])
