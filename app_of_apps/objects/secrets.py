"""Secrets by reference: which Kubernetes Secrets a child has and what its containers take from them.

No value passes through here. How the Secrets come to be is the business of `app_of_apps.objects.delivery`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.objects.metadata import short_name

if TYPE_CHECKING:
    from app_of_apps.manifest.child import PodChild, SecretReference
    from app_of_apps.release.model import Release

UNKNOWN_ADDRESS: Final = "https://vault-address-unknown.invalid"
"""Stands in where the environment's file leaves Vault's address to an overlay that is not there, as in a rendering.

The name can never resolve (RFC 2606). The program refuses to run without an address.
"""


@dataclass(frozen=True, slots=True, order=True)
class Lease:
    """One lease of a child: an engine by the name that children use, and its role."""

    mount: str
    role: str


def secret_paths(spec: PodChild) -> dict[str, frozenset[str] | None]:
    """Return path in the kv-v2 engine → the keys that the child takes from it, or None for all; sorted by path."""
    paths: dict[str, frozenset[str] | None] = {}
    for reference in spec.secrets.values():
        if reference.path is not None:
            paths[reference.path] = (paths.get(reference.path) or frozenset()) | {reference.key}
    for volume in spec.volumes:
        if volume.secret is not None:
            paths[volume.secret] = None
    return dict(sorted(paths.items()))


def leases(spec: PodChild) -> dict[Lease, frozenset[str]]:
    """Return lease → the keys that the child takes from it, sorted by mount and role."""
    found: dict[Lease, frozenset[str]] = {}
    for reference in spec.secrets.values():
        if reference.dynamic is not None:
            lease = Lease(reference.dynamic.mount, reference.dynamic.role)
            found[lease] = found.get(lease, frozenset()) | {reference.key}
    return dict(sorted(found.items()))


def secret_names(spec: PodChild) -> dict[str, str]:
    """Return path → name of the Kubernetes Secret in the child's namespace.

    The name is ``vault-`` and the path with everything but letters and digits turned into dashes; a hash is added
    where two of the child's secrets would meet in one name, and where it would be too long.
    """
    return {source: name for source, name in _names(spec).items() if isinstance(source, str)}


def lease_names(spec: PodChild) -> dict[Lease, str]:
    """Return lease → name of the Kubernetes Secret in the child's namespace, ``vault-<mount>-creds-<role>``."""
    return {source: name for source, name in _names(spec).items() if isinstance(source, Lease)}


def _names(spec: PodChild) -> dict[str | Lease, str]:
    texts: dict[str | Lease, str] = {path: path for path in secret_paths(spec)}
    texts |= {lease: f"{lease.mount}/creds/{lease.role}" for lease in leases(spec)}
    plain = {source: f"vault-{_slug(text)}" for source, text in texts.items()}
    taken = list(plain.values())
    return {
        source: short_name(name, distinguish=_unmistakable(source) if taken.count(name) > 1 or not name[6:] else None)
        for source, name in plain.items()
    }


def _unmistakable(source: str | Lease) -> str:
    # No path of a kv-v2 engine has a colon.
    return source if isinstance(source, str) else f"lease:{source.mount}/{source.role}"


def _slug(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower()).strip("-")


def environment_variables(spec: PodChild) -> list[dict[str, Any]]:
    """Return the container's ``env``: one variable per secret reference, sorted by name."""
    names = _names(spec)
    return [
        {
            "name": variable,
            "valueFrom": {"secretKeyRef": {"name": names[_source(reference)], "key": reference.key}},
        }
        for variable, reference in sorted(spec.secrets.items())
    ]


def _source(reference: SecretReference) -> str | Lease:
    if reference.dynamic is not None:
        return Lease(reference.dynamic.mount, reference.dynamic.role)
    return reference.path or ""


def vault_paths(release: Release, spec: PodChild) -> tuple[str, ...]:
    """Return the complete paths of Vault's API that a child's secrets are read from, sorted.

    Raises KeyError for an engine that the environment does not have; resolving a release reports those.
    """
    mounts = release.vault.mounts
    static = [f"{mounts.kv}/data/{path}" for path in secret_paths(spec)]
    return tuple(sorted(static + [f"{mounts.dynamic[lease.mount]}/creds/{lease.role}" for lease in leases(spec)]))
