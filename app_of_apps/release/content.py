"""What counts as the content of a child and of a release, and the digests that name it.

A child's digest covers what is deployed for it: the merged spec, version and image, shared configuration, chart or
documents. A description, a template's name and where a version came from are told, not deployed, and do not count.

A release's digest covers every child's digest, the parent's labels and teams, access and tenancy, the scope in Vault
and the version of the program. The cluster's and Vault's addresses and identities do not count: they say where the
release goes, the guard compares them with the world, and a sandbox (whose ports and UIDs are its own) must name the
same release as CI does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.release.digest import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app_of_apps.environment.settings import Vault
    from app_of_apps.manifest.base import Model
    from app_of_apps.manifest.parent import Team
    from app_of_apps.manifest.tenancy import Tenancy
    from app_of_apps.release.access import ResolvedAccess
    from app_of_apps.release.model import Release, ResolvedChild

_TOLD = {"description", "template", "version_from", "versionFrom"}
# What a migration says about going back counts as soon as somebody says it: a rollback does what was approved.
_COUNTED_WHEN_SAID = ("compatibleFrom", "down")


def child_content(*, spec: Model, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    """Return the plain data that a child's digest is taken over; ``fields`` are those of ResolvedChild."""
    plain = {name: value for name, value in fields.items() if value}
    said = spec.model_dump(mode="json", by_alias=True, exclude=_TOLD)
    said = {key: value for key, value in said.items() if value is not None or key not in _COUNTED_WHEN_SAID}
    return {"spec": said, **plain}


def child_digest(*, spec: Model, **fields: Any) -> str:  # noqa: ANN401 - JSON values
    """Return ``sha256:<hex>`` over the content of one child."""
    return digest(child_content(spec=spec, **fields))


def resolved_content(child: ResolvedChild) -> dict[str, Any]:
    """Return the plain data that the digest of a resolved child was taken over."""
    fields = {name: getattr(child, name) for name in type(child).model_fields if name not in {"spec", "digest"}}
    return child_content(spec=child.spec, **fields)


def release_digest(*, children: Sequence[ResolvedChild], **content: Any) -> str:  # noqa: ANN401 - fields of Release
    """Return ``sha256:<hex>`` over the content of a release; the order of ``children`` does not count."""
    digests = {child.name: child.digest for child in children}
    return digest({**_outside(**content), "children": digests})


def release_content(release: Release) -> dict[str, Any]:
    """Return the plain data of a release's content outside its children."""
    return _outside(
        parent=release.parent,
        environment=release.environment,
        labels=release.labels,
        teams=release.teams,
        vault=release.vault,
        access=release.access,
        tenancy=release.tenancy,
        program_version=release.program_version,
    )


def _outside(
    *,
    parent: str,
    environment: str,
    labels: Mapping[str, str],
    teams: Mapping[str, Team],
    vault: Vault,
    access: ResolvedAccess,
    tenancy: Tenancy,
    program_version: str,
) -> dict[str, Any]:
    return {
        "parent": parent,
        "environment": environment,
        "labels": dict(labels),
        "teams": {name: team.model_dump(mode="json", exclude={"description"}) for name, team in teams.items()},
        "vault": vault.model_dump(mode="json", by_alias=True, exclude={"address"}),
        "access": access.model_dump(mode="json", by_alias=True),
        "tenancy": tenancy.model_dump(
            mode="json", by_alias=True, exclude={"network": {"ways": {"__all__": {"description"}}}}
        ),
        "programVersion": program_version,
    }
