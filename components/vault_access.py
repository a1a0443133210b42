"""What a child needs to read its own secrets: policy and role in Vault, and the operator's objects in its namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components import type_tokens
from components.kubernetes import declare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app_of_apps.objects.model import KubernetesObject, VaultPolicy, VaultRole


class VaultAccess(pulumi.ComponentResource):
    """A child's way to its secrets. No value passes through here: only names, paths and who may read them."""

    resources: tuple[pulumi.Resource, ...]
    """Everything declared; what depends on all of them starts when the secrets are in the cluster."""

    def __init__(
        self,
        child: str,
        *,
        policies: Sequence[VaultPolicy],
        roles: Sequence[VaultRole],
        objects: Sequence[KubernetesObject],
        after: Sequence[pulumi.Resource],
        identity: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Register the policies first, then the roles that name them, then the objects that log in with the roles.

        ``after`` has to be there before an object of the cluster: the namespace. ``identity`` has to be there before
        the first login: the service account.
        """
        super().__init__(type_tokens.VAULT_ACCESS, f"{child}-vault", None, opts)
        granted = [_policy(policy, self) for policy in policies]
        bound = [_role(role, self, granted) for role in roles]
        connection = [declare(child, o, parent=self, after=after) for o in objects if not o.wait]
        # The operator retries a secret that it cannot log in for only after a pause: everything it needs comes first.
        before_login = [*identity, *bound, *connection] or after
        synced = [declare(child, o, parent=self, after=before_login) for o in objects if o.wait]
        self.resources = (*granted, *bound, *connection, *synced)
        self.register_outputs({})


def _policy(policy: VaultPolicy, parent: pulumi.Resource) -> pulumi.CustomResource:
    return pulumi.CustomResource(
        "vault:index/policy:Policy",
        f"{policy.name}-policy",
        {"name": policy.name, "policy": policy.policy},
        pulumi.ResourceOptions(parent=parent),
    )


def _role(role: VaultRole, parent: pulumi.Resource, after: Sequence[pulumi.Resource]) -> pulumi.CustomResource:
    return pulumi.CustomResource(
        "vault:jwt/authBackendRole:AuthBackendRole",
        f"{role.name}-role",
        {
            "backend": role.mount,
            "roleName": role.name,
            "roleType": "jwt",
            "boundSubject": role.bound_subject,
            "boundAudiences": list(role.bound_audiences),
            # Must be a claim that every token has; the subject is what the role is bound to anyway.
            "userClaim": "sub",
            "tokenPolicies": list(role.policies),
            # Vault's `default` policy comes on top: the operator renews its own token by it, and it opens no secret.
            "tokenTtl": role.token_ttl,
        },
        # Another mount is another path in Vault: the provider cannot move a role.
        pulumi.ResourceOptions(parent=parent, depends_on=list(after) or None),
    )
