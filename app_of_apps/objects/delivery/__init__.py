"""How secrets get from Vault into a child's namespace: one module per operator, all behind `Delivery`.

An operator is told where things are and as whom to log in. No value passes through here, whichever operator it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from app_of_apps.objects.delivery import external_secrets, vault_secrets_operator

if TYPE_CHECKING:
    from app_of_apps.manifest.child import PodChild
    from app_of_apps.objects.metadata import Metadata
    from app_of_apps.objects.model import KubernetesObject
    from app_of_apps.release.model import Release

Delivery = Callable[["Release", "PodChild", "Metadata"], "tuple[KubernetesObject, ...]"]
"""Returns the objects of one child, in the group `secrets`; nothing for a child without secrets.

Whatever the operator, the Kubernetes Secrets have the names of `objects.secrets`, keys are those of Vault, and objects
that are healthy only when a Secret is there have `wait`.
"""

DELIVERIES: Final[Mapping[str, Delivery]] = {
    "vault-secrets-operator": vault_secrets_operator.objects,
    "external-secrets": external_secrets.objects,
}
"""Value of `vault: delivery` in the environment's file → how it is done."""


def delivered(release: Release, spec: PodChild, metadata: Metadata) -> tuple[KubernetesObject, ...]:
    """Return what the environment's operator needs to deliver a child's secrets."""
    return DELIVERIES[release.vault.delivery](release, spec, metadata)
