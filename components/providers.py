"""The one Kubernetes and the one Vault provider of a stack: where they point to, and nothing that opens a door.

The providers' own Python classes copy variables of the environment into the inputs (the Kubernetes one the whole of
``KUBECONFIG``), and inputs are kept in the state. Registered here are exactly the inputs below; credentials and the
kubeconfig's place are found by the provider processes themselves, in the environment of whoever runs the program.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from app_of_apps.environment.settings import Cluster, Vault


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers that every resource of a parent uses."""

    kubernetes: pulumi.ProviderResource
    vault: pulumi.ProviderResource | None

    def all(self) -> list[pulumi.ProviderResource]:
        """Return them in the form that ``ResourceOptions(providers=...)`` takes; one per package, never two."""
        return [self.kubernetes] if self.vault is None else [self.kubernetes, self.vault]


def declare_providers(cluster: Cluster, vault: Vault | None, *, parent: pulumi.Resource | None = None) -> Providers:
    """Register the providers of one environment. ``vault`` is None when no child needs Vault.

    ``clusterIdentifier`` is the cluster's UID, so that a new address of the same cluster replaces nothing and another
    cluster behind the same address replaces everything instead of taking objects for its own.
    """
    kubernetes: dict[str, Any] = {
        "context": cluster.context,
        "clusterIdentifier": cluster.uid,
        # Server-side apply: a create takes over what is already there, and fields of other owners are left alone.
        "enableServerSideApply": "true",
        # Changed configuration is updated in place; pods roll by the checksum in their template.
        "enableConfigMapMutable": "true",
    }
    return Providers(
        _provider("kubernetes", "pulumi-kubernetes", kubernetes, parent),
        None if vault is None else _provider("vault", "pulumi-vault", _vault(vault), parent),
    )


def _vault(vault: Vault) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        "address": vault.address,
        # The caller's token is used as it is: no second one is made that would outlive the run.
        "skipChildToken": "true",
    }
    if vault.namespace is not None:
        inputs["namespace"] = vault.namespace
    return inputs


def _provider(
    package: str, distribution: str, inputs: dict[str, Any], parent: pulumi.Resource | None
) -> pulumi.ProviderResource:
    given = {key: value for key, value in inputs.items() if value is not None}
    options = pulumi.ResourceOptions(parent=parent, version=version(distribution))
    return pulumi.ProviderResource(package, package, given, options)
