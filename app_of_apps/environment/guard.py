"""The check that we are where the environment's file says we are, before anything is read or written there.

In this order, and each step only when the ones before it agree: the stack's name and the variables of the process; the
address and CA of the cluster behind the kubeconfig's context; the UID of the namespace ``kube-system``, which no two
clusters share; the cluster's marker; in Vault the marker of the kv-v2 engine, and that the JWT auth method accepts the
tokens of this cluster. Nothing else is asked, nothing is written, and every refusal leaves a line behind (`refusals`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from app_of_apps.environment import marker
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.environment.refusals import recorded
from app_of_apps.environment.variables import contradictions, without_credentials
from app_of_apps.environment.vault_reader import Forbidden, VaultReader
from app_of_apps.errors import Unavailable, WrongEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app_of_apps.environment.settings import Environment

KUBE_SYSTEM: Final = "/api/v1/namespaces/kube-system"
DISCOVERY: Final = "/.well-known/openid-configuration"


def check_environment(
    settings: Environment,
    *,
    stack: str,
    environ: Mapping[str, str],
    project: Path | None = None,
    connect: Callable[[str], KubeReader] = KubeReader,
    connect_vault: Callable[[str, str | None, Mapping[str, str]], VaultReader] = VaultReader,
) -> None:
    """Raise WrongEnvironment with every mismatch, or Unavailable when the cluster or Vault cannot be asked.

    ``environ`` is the environment of the process, ``project`` the folder under which refusals are recorded (the
    current one if missing). An environment whose identity stands nowhere is refused too: without it nobody would
    notice another cluster behind the same context.
    """
    with recorded(settings.name, stack, project=project or Path(), environ=environ):
        _stop(settings, [*_stack(settings, stack), *contradictions(settings, environ), *_unregistered(settings)])
        with connect(settings.cluster.context) as kube:
            _check_cluster(settings, kube)
            issuer = (kube.get(DISCOVERY) or {}).get("issuer")
        with connect_vault(str(settings.vault.address), settings.vault.namespace, environ) as vault:
            _check_vault(settings, vault, str(issuer or ""))


def check_person(settings: Environment, environ: Mapping[str, str]) -> None:
    """Raise WrongEnvironment with every mismatch that somebody without the program's rights can see.

    That is the variables of the process, the cluster's address and CA, and the marker in Vault; nobody is asked more
    than a member of a team may read. Refusals of this kind leave no line behind: nothing could have been changed.
    """
    _stop(settings, [*contradictions(settings, environ), *_unregistered(settings)])
    with KubeReader(settings.cluster.context) as kube:
        _check_address(settings, kube)
    mount = settings.vault.mounts.kv
    with VaultReader(str(settings.vault.address), settings.vault.namespace, environ) as vault:
        said = (vault.custom_metadata(mount, marker.VAULT_PATH) or {}).get(marker.KEY)
    if said != settings.name:
        _stop(settings, [f"vault.mounts.kv is {mount}, and Vault says that it belongs to {said!r}"])


def _check_address(settings: Environment, kube: KubeReader) -> None:
    """Compare address and CA, without a word to whoever answers there."""
    cluster = settings.cluster
    where = f"context {cluster.context!r}"
    mismatches = []
    if kube.server.rstrip("/") != str(cluster.server).rstrip("/"):
        mismatches.append(_differs("cluster.server", cluster.server, without_credentials(kube.server), where))
    if cluster.ca_sha256 not in kube.ca_sha256:
        found = " ".join(kube.ca_sha256) or "no CA certificate"
        mismatches.append(_differs("cluster.caSha256", cluster.ca_sha256, found, where))
    if not kube.verified:
        mismatches.append(f"{where} says insecure-skip-tls-verify: anybody could answer for the cluster")
    _stop(settings, mismatches)


def _check_cluster(settings: Environment, kube: KubeReader) -> None:
    cluster = settings.cluster
    _check_address(settings, kube)
    namespace = kube.get(KUBE_SYSTEM)
    uid = None if namespace is None else namespace.get("metadata", {}).get("uid")
    if uid is None:
        msg = f"the cluster of context {cluster.context!r} shows no namespace kube-system, so it cannot be identified"
        raise Unavailable(msg)
    if uid != cluster.uid:
        _stop(settings, [_differs("cluster.uid", cluster.uid, str(uid), "the namespace kube-system")])
    said = marker.cluster_marker(kube)
    place = f"ConfigMap {marker.NAMESPACE}/{marker.NAME}"
    if said is None:
        remedy = f"`aoa environment register {settings.name}` writes it"
        _stop(settings, [f"the cluster does not say which environment it is: it has no {place}; {remedy}"])
    elif said != settings.name:
        _stop(settings, [f"the cluster says that it is {said!r} ({place})"])


def _check_vault(settings: Environment, vault: VaultReader, issuer: str) -> None:
    """Compare what the engines of the environment say of themselves, with the token that the providers will use."""
    mounts, mismatches = settings.vault.mounts, []
    try:
        noted = vault.custom_metadata(mounts.kv, marker.VAULT_PATH)
        accepted = vault.bound_issuer(mounts.jwt)
    except Forbidden as error:
        if not vault.token_is_valid():
            raise
        # A token of another environment: it lives, and what identifies this one is closed to it.
        _stop(settings, [f"the token for Vault is not one for this environment: {error}"])
        return
    said = (noted or {}).get(marker.KEY)
    if said is None:
        remedy = f"`aoa environment register {settings.name}` writes it"
        mismatches.append(f"Vault has no marker at {mounts.kv}/metadata/{marker.VAULT_PATH}; {remedy}")
    elif said != settings.name:
        mismatches.append(f"vault.mounts.kv is {mounts.kv}, and Vault says that it belongs to {said!r}")
    if accepted is None:
        mismatches.append(f"vault.mounts.jwt is {mounts.jwt}, and Vault has no JWT auth method there")
    elif not issuer:
        msg = f"the cluster of context {settings.cluster.context!r} does not say who issues its tokens ({DISCOVERY})"
        raise Unavailable(msg)
    elif accepted != issuer:
        accepts = f"tokens of {accepted}" if accepted else "tokens of anybody, because its bound_issuer is not set"
        line = f"vault.mounts.jwt is {mounts.jwt}, which accepts {accepts}; those of this cluster come from {issuer}"
        mismatches.append(line)
    _stop(settings, mismatches)


def _stack(settings: Environment, stack: str) -> list[str]:
    if stack == settings.name:
        return []
    return [f"the stack is {stack!r}, and the environment's file describes {settings.name!r}"]


def _unregistered(settings: Environment) -> list[str]:
    """Name what is missing, and how it gets there."""
    cluster = settings.cluster
    facts = {
        "cluster.server": cluster.server,
        "cluster.uid": cluster.uid,
        "cluster.caSha256": cluster.ca_sha256,
        "vault.address": settings.vault.address,
    }
    missing = [key for key, value in facts.items() if value is None]
    if not missing:
        return []
    remedy = (
        f"it is not registered: its file does not say what tells it from other environments ({', '.join(missing)}). "
        f"`aoa environment register {settings.name}` looks that up in the cluster of context {cluster.context!r}, "
        "shows it to you and writes it down"
    )
    return [remedy]


def _differs(key: str, wanted: str | None, found: str, where: str) -> str:
    return f"{key} is {wanted}, and {where} says {found}"


def _stop(settings: Environment, mismatches: list[str]) -> None:
    if mismatches:
        lines = "".join(f"\n  {line}" for line in mismatches)
        msg = f"this is not the environment {settings.name!r}; nothing was touched:{lines}"
        raise WrongEnvironment(msg)
