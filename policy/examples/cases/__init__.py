"""The examples: rule → `pass` and `fail` → resources. The ones that pass keep to every rule."""

from __future__ import annotations

from cases import images, inline_secrets, labels, privilege, protection, quotas, scope

CASES = {
    **scope.CASES,
    **inline_secrets.CASES,
    **privilege.CASES,
    **protection.CASES,
    **images.CASES,
    **labels.CASES,
    **quotas.CASES,
}
