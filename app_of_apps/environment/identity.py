"""How the API server and Vault of one environment see the identity provider's users and groups."""

from __future__ import annotations

from typing import Annotated

from app_of_apps.manifest.base import Model, matching

Prefix = Annotated[
    str, matching(r"^[^\s\"'\\]*$", "must be a prefix such as `oidc:`, without spaces and quotes", max_length=60)
]

AuthMount = Annotated[
    str, matching(r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", "must be the path of a Vault auth method, such as oidc")
]


class IdentityProvider(Model):
    """The names under which the identity provider's groups arrive. See docs/identity.md for what sets them where."""

    groups_prefix: Prefix
    """What the API server puts before a group's name; `""` where it puts nothing."""
    username_prefix: Prefix = ""
    oidc_mount: AuthMount | None = None
    """The JWT/OIDC auth method where people log in to Vault; absent: nobody gets rights in Vault from this parent."""
