"""What the Pulumi program may do in Vault: declare who reads what, and never read it. And what everybody may: sign."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.layout import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


SHELL = "aoa-program-shell"
"""The policy of the token that people use in the sandbox's shell."""

APPROVALS = "app-of-apps/approvals"
"""Below a kv mount: what people have signed, at ``<parent>/<entity ID>/<nonce>``."""
PERSON_KEY = "aoa-person-"
"""Before the entity's ID in the name of a person's signing key."""


def name(env: str) -> str:
    """Name of the policy that the program's token for `env` carries."""
    return f"aoa-program-{env}"


def program(envs: Sequence[str], people: Mapping[str, str]) -> str:
    """The program's policy for some environments (Vault policy language).

    Policies of children are called ``<environment>_<parent>_<child>``, and Vault's paths have a wildcard at their end:
    those of other environments are out of reach, and so are the program's own. Of secrets the program sees paths,
    versions and key names, no values. `people` maps an environment to the accessor of the auth method where people log
    in to it.

    What Vault cannot be told: which policies a role or a group may be given. Parameters can be held to a pattern only
    when they are single strings, and the policies of a role are a list.
    """
    lines = [
        "# Who reads what: policies of children and of groups.",
        *(_rule(f"{path}/{env}_*", "create", "read", "update", "delete") for path in _POLICY_PATHS for env in envs),
        "# The provider may work with a short-lived child of this token, which has the same policies at most.",
        _rule("auth/token/create", "update"),
    ]
    for env in envs:
        lines += [
            f"# State of stack {env}: wrap and unwrap its data key.",
            _rule(f"transit/encrypt/pulumi-{env}", "update"),
            _rule(f"transit/decrypt/pulumi-{env}", "update"),
            f"# Records of {env}: sign them, and note outside of the cluster which one is the newest.",
            _rule(f"transit/sign/aoa-evidence-{env}", "update"),
            _rule(f"transit/keys/aoa-evidence-{env}", "read"),
            _rule(f"kv-{env}/metadata/app-of-apps/evidence/*", "create", "read", "update"),
            f"# Roles in {env}.",
            _rule(f"auth/jwt-{env}/role/{env}_*", "create", "read", "update", "delete"),
            _rule(f"auth/jwt-{env}/role", "list"),
            _rule(f"auth/jwt-{env}/config", "read"),
            "# Whether a referenced key exists: paths, versions and key names, not values.",
            _rule(f"kv-{env}/metadata", "list"),
            _rule(f"kv-{env}/metadata/*", "read", "list"),
            _rule(f"kv-{env}/subkeys/*", "read"),
            "# What the mounts are.",
            _rule(f"sys/mounts/kv-{env}", "read"),
            _rule(f"sys/mounts/auth/jwt-{env}", "read"),
            _rule(f"sys/auth/jwt-{env}", "read"),
            _rule(f"sys/mounts/auth/oidc-{env}", "read"),
            f"# Groups of people in {env}, by name: paths with IDs would be those of every environment.",
            _rule(f"identity/group/name/{env}_*", "create", "read", "update", "delete"),
            "# What people have signed: the only values that the program reads, and it can neither write nor sign any.",
            _rule(f"kv-{env}/data/{APPROVALS}/*", "read"),
        ]
    accessors = json.dumps([people[env] for env in envs])
    lines += [
        "# Whose signatures these are: people's names, and the public halves of their keys.",
        _rule("identity/entity/id/*", "read"),
        _rule(f"transit/keys/{PERSON_KEY}*", "read"),
        "# Which claim makes somebody a member; only claims of logins to these environments.",
        _rule("identity/lookup/group", "update"),
        'path "identity/group-alias" {',
        '  capabilities = ["create", "update"]',
        '  required_parameters = ["mount_accessor"]',
        f'  allowed_parameters = {{ "mount_accessor" = {accessors}, "name" = [], "canonical_id" = [] }}',
        "}",
    ]
    return "\n".join(lines) + "\n"


def people_name(env: str) -> str:
    """Name of the policy that everybody has who logs in to `env`."""
    return f"aoa-people-{env}"


def people(env: str) -> str:
    """What everybody may who logs in to `env`: make and use a signing key of their own, and keep what they sign.

    Who cannot change their own statement cannot deny it: there is no `update` and no `delete`. Whether a signature
    counts is the gate's to say, from the groups that the identity provider tells. The paths have no glob at their end,
    because a rule with one loses against a rule without.
    """
    own, kept = "{{identity.entity.id}}", f"kv-{env}/data/{APPROVALS}"
    return (
        "\n".join(
            [
                "# One's own signing key, made or found: its type is fixed, and nobody gets it out of Vault.",
                f'path "transit/keys/{PERSON_KEY}{own}" {{',
                '  capabilities = ["create", "update"]',
                '  required_parameters = ["type"]',
                '  allowed_parameters = { "type" = ["ed25519"] }',
                "}",
                _rule(f"transit/sign/{PERSON_KEY}{own}", "update"),
                "# One's own statements are written once; everybody's can be read.",
                _rule(f"{kept}/+/{own}/+", "create", "read"),
                _rule(f"{kept}/+/+/+", "read"),
                _rule(f"kv-{env}/metadata/{APPROVALS}/*", "list"),
                "# Which environment this is.",
                _rule(f"kv-{env}/metadata/app-of-apps/environment", "read"),
            ]
        )
        + "\n"
    )


def shell(people: Mapping[str, str]) -> str:
    """The policy of the shell's token: the program's for both environments, and putting values without reading."""
    lines = ["# What a person does by hand: new values and new versions."]
    for env in ENVIRONMENTS:
        lines += [_rule(f"kv-{env}/data/*", "create", "update", "patch"), _rule(f"kv-{env}/destroy/*", "update")]
    return program(ENVIRONMENTS, people) + "\n".join(lines) + "\n"


_POLICY_PATHS = ("sys/policies/acl", "sys/policy")


def _rule(path: str, *capabilities: str) -> str:
    words = ", ".join(f'"{capability}"' for capability in capabilities)
    return f'path "{path}" {{ capabilities = [{words}] }}'
