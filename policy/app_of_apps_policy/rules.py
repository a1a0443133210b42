"""Every rule of the pack, in the order in which they are documented."""

from __future__ import annotations

from typing import Final

from app_of_apps_policy import images, inline_secrets, labels, privilege, protection, quotas, scope

RULES: Final = (
    *scope.RULES,
    *inline_secrets.RULES,
    *privilege.RULES,
    *protection.RULES,
    *images.RULES,
    *labels.RULES,
    *quotas.RULES,
)
