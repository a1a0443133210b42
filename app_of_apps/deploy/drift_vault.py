"""Compares what a release grants in Vault with what stands there: policies, roles, groups. Pure.

Vault does not say who changed them; its audit device does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.drift_compare import FieldDrift, What

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.objects.access import VaultGroup
    from app_of_apps.objects.model import VaultPolicy, VaultRole

_STANZA: Final = re.compile(r'path\s+"([^"]+)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]\s*\}')
_COMMENT: Final = re.compile(r"^\s*(?:#|//).*$", re.MULTILINE)

# What a role of a JWT auth method says when nobody has said anything; zeros and empty lists say nothing anyway.
_ROLE_DEFAULTS: Final[Mapping[str, tuple[Any, ...]]] = {
    "bound_claims_type": ("string",),
    "token_type": ("default", "default-service"),
    "callback_mode": ("client",),
}
# The names that older versions of Vault have for the fields beginning with `token_`.
_ROLE_ALIASES: Final = frozenset({"policies", "ttl", "max_ttl", "period", "num_uses", "bound_cidrs"})


def compare_policy(wanted: VaultPolicy, there: Mapping[str, Any] | None) -> Iterator[FieldDrift]:
    """Yield what differs in a policy, path by path where its text can be taken apart."""
    if there is None:
        yield FieldDrift(What.MISSING, (), None, None)
        return
    text = str(there.get("policy", ""))
    before, after = _rules(wanted.policy), _rules(text)
    if before is None or after is None:
        if wanted.policy.split() != text.split():
            yield FieldDrift(What.CHANGED, ("policy",), wanted.policy, text)
        return
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            yield FieldDrift(What.REMOVED, ("policy", path), before[path], None)
        elif before.get(path) != after[path]:
            yield FieldDrift(What.CHANGED, ("policy", path), before.get(path), after[path])


def _rules(text: str) -> dict[str, list[str]] | None:
    """Return path → capabilities; None where a policy says anything else or speaks of a path twice."""
    text = _COMMENT.sub("", text)
    found = _STANZA.findall(text)
    if _STANZA.sub("", text).strip() or len({path for path, _ in found}) != len(found):
        return None
    return {path: sorted(word.strip().strip('"') for word in words.split(",") if word.strip()) for path, words in found}


def compare_role(wanted: VaultRole, there: Mapping[str, Any] | None) -> Iterator[FieldDrift]:
    """Yield what differs in a role of a JWT auth method, whatever widens it included."""
    if there is None:
        yield FieldDrift(What.MISSING, (), None, None)
        return
    declared: dict[str, Any] = {
        "role_type": "jwt",
        "bound_subject": wanted.bound_subject,
        "bound_audiences": sorted(wanted.bound_audiences),
        "user_claim": "sub",
        "token_policies": sorted(wanted.policies),
        "token_ttl": wanted.token_ttl,
    }
    for name, value in declared.items():
        found = there.get(name)
        if (sorted(found or ()) if isinstance(value, list) else found) != value:
            yield FieldDrift(What.CHANGED, (name,), value, found)
    for name in sorted(there.keys() - declared.keys() - _ROLE_ALIASES):
        if there[name] and there[name] not in _ROLE_DEFAULTS.get(name, ()):
            yield FieldDrift(What.CHANGED, (name,), None, there[name])


def compare_group(wanted: VaultGroup, there: Mapping[str, Any] | None, accessor: str | None) -> Iterator[FieldDrift]:
    """Yield what differs in a group: whose it is, what it may do, which claim of which login makes members."""
    if there is None:
        yield FieldDrift(What.MISSING, (), None, None)
        return
    alias: Mapping[str, Any] = there.get("alias") or {}
    declared: dict[str, tuple[Any, Any]] = {
        "type": ("external", there.get("type")),
        "policies": ([wanted.policy.name], sorted(there.get("policies") or ())),
        "alias.name": (wanted.alias, alias.get("name")),
        "alias.mount_accessor": (accessor, alias.get("mount_accessor")),
    }
    for name, (value, found) in declared.items():
        if found != value:
            yield FieldDrift(What.CHANGED, tuple(name.split(".")), value, found)
    # Members of an external group are those whose login brought the claim: Vault keeps them itself.
    for name in ("member_group_ids", "parent_group_ids"):
        if there.get(name):
            yield FieldDrift(What.CHANGED, (name,), None, there[name])
