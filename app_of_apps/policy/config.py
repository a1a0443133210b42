"""What the repository's own policy pack is told about an environment. Pure: release and settings in, JSON out.

The pack works without any of this on every program of Pulumi; what only the manifest knows makes it exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app_of_apps.manifest.child import ChartChild, ManifestsChild
from app_of_apps.manifest.literal_secrets import resembles, texts
from app_of_apps.release.deletions import KEEPS_DATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release

PackConfig = dict[str, Any]
"""Rule → its level, or its settings, as ``--policy-pack-config`` has them."""

RECORDS: Final = "parent"
"""The last part of the name of the namespace that holds the records."""


def environment_config(release: Release, settings: Environment) -> PackConfig:
    """Return the configuration of the repository's pack for one environment."""
    home = f"{release.parent}-{RECORDS}"
    wrapped = [one.namespace for one in release.children if isinstance(one.spec, ChartChild | ManifestsChild)]
    mounts = settings.vault.mounts
    people = [settings.identity.oidc_mount] if settings.identity is not None and settings.identity.oidc_mount else []
    vault: dict[str, Any] = {"mounts": [mounts.kv, mounts.jwt, *mounts.dynamic.values(), *people]}
    if settings.vault.address is not None:
        vault["address"] = settings.vault.address
    config: PackConfig = {
        "environment-cluster": {"context": settings.cluster.context},
        "environment-namespace": {"prefix": f"{release.parent}-"},
        "environment-mark": {"environment": settings.name},
        "environment-vault": {"environment": settings.name, **vault},
        "secret-literal": {"allowed": sorted(set(_allowed(release)))},
        "pod-security": {"baseline": wrapped if release.tenancy.wrapped_pods == "baseline" else []},
        "data-protected": {"kinds": [*(["Namespace"] if settings.protected else []), *sorted(KEEPS_DATA)]},
        "image-digest": {"required": settings.images.pinned},
        # No team owns the records, and no pod runs beside them.
        "required-annotations": {"except": [home]},
        "namespace-quota": {"except": [home]},
    }
    if settings.lane.images:
        config["image-registry"] = {"allowed": list(settings.lane.images)}
    if release.tenancy.quota is None:
        config["namespace-quota"] = "disabled"
    return config


def merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> PackConfig:
    """Return a configuration with what a stack file says on top: a level, or single settings of a rule."""
    found: PackConfig = dict(base)
    for rule, said in own.items():
        before = found.get(rule)
        if before is None or (isinstance(before, str) and isinstance(said, str)):
            found[rule] = said
        else:
            found[rule] = {**_settings(before), **_settings(said)}
    return found


def _settings(said: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"enforcementLevel": said} if isinstance(said, str) else dict(said)


def _allowed(release: Release) -> Iterator[str]:
    """Yield names whose values look like secrets and are none: somebody said so in the files, or they were refused."""
    for child in release.children:
        for _, name, text in texts(child.model_dump(mode="json", by_alias=True), ()):
            if resembles(name, text):
                yield name
