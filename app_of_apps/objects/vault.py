"""A child's rights in Vault: a policy over exactly its paths and a role for exactly its service account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.objects.model import VaultPolicy, VaultRole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app_of_apps.release.model import Release, ResolvedChild

TOKEN_TTL: Final = 1200
"""Seconds that a login of the operator lasts; it renews at two thirds of it."""


def role_name(release: Release, child: str) -> str:
    """Return the name of the child's role and policy: ``<environment>_<parent>_<child>``.

    The environment stands first because Vault's paths have a wildcard at their end only: so the program's own token can
    be held to ``<environment>_*``. No name has an underscore, so that pattern never covers another environment, as
    ``prod-*`` would cover one that is called prod-eu.
    """
    return f"{release.environment}_{release.parent}_{child}"


def vault_policy(release: Release, child: ResolvedChild, paths: Iterable[str]) -> VaultPolicy:
    """Return the policy that allows reading ``paths``, complete paths of Vault's API, and nothing else.

    The operator reads a secret's data only, so its metadata stays closed, and gets the credentials of a lease by
    reading. Paths and mounts come from patterns without Vault's wildcards (``*`` and ``+``) and without quotes, so no
    path can stand for more than itself.
    """
    rules = [f'path "{path}" {{\n  capabilities = ["read"]\n}}\n' for path in sorted(set(paths))]
    return VaultPolicy(name=role_name(release, child.name), policy="\n".join(rules))


def vault_role(release: Release, child: ResolvedChild) -> VaultRole:
    """Return the role of the environment's JWT auth method that the child's service account logs in to."""
    name = role_name(release, child.name)
    return VaultRole(
        name=name,
        mount=release.vault.mounts.jwt,
        bound_subject=f"system:serviceaccount:{child.namespace}:{child.name}",
        bound_audiences=(release.vault.audience,),
        policies=(name,),
        token_ttl=TOKEN_TTL,
    )
