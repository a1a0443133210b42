"""No secret value passes through the program, its state, its logs or its diffs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from app_of_apps.manifest.literal_secrets import resembles, texts
from app_of_apps_policy.kubernetes import at, group_of, kind_of, objects
from app_of_apps_policy.model import Rule, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps_policy.model import Config, Seen

GROUP: Final = "no inline secrets"
_IN_STATE: Final = {
    "vault:generic/secret:Secret": "writes a secret to Vault",
    "vault:kv/secret:Secret": "writes a secret to Vault",
    "vault:kv/secretV2:SecretV2": "writes a secret to Vault",
    "random:index/randomPassword:RandomPassword": "makes a password",
    "tls:index/privateKey:PrivateKey": "makes a private key",
}


def _object(seen: Seen, _: Config) -> Iterator[str]:
    for found in objects(seen):
        if kind_of(found) == "Secret" and group_of(found) == "":
            for key in ("data", "stringData"):
                if found.get(key):
                    yield at((key,), "a Secret with values in it: they stand in the program and in its state")


def _literal(seen: Seen, config: Config) -> Iterator[str]:
    allowed = frozenset(config.get("allowed") or ())
    if seen.type.startswith("vault:"):
        found = [_decoded(dict(seen.props))]
    else:
        # The values of a Secret are refused as such, whatever they look like.
        found = [
            {key: one for key, one in each.items() if kind_of(each) != "Secret" or key not in {"data", "stringData"}}
            for each in objects(seen)
        ]
    for one in found:
        for loc, name, text in texts(one, ()):
            what = resembles(name, text)
            if what and name not in allowed:
                yield at(loc, f"the value looks like {what}")


def _decoded(props: dict[str, object]) -> dict[str, object]:
    """Return the inputs of a Vault resource with what stands in them as JSON."""
    for key in ("dataJson", "data_json"):
        if isinstance(text := props.get(key), str):
            try:
                props[key] = json.loads(text)
            except ValueError:
                continue
    return props


def _in_state(seen: Seen, _: Config) -> Iterator[str]:
    if what := _IN_STATE.get(seen.type):
        yield f"this resource {what}, and the value is part of the stack's state"


RULES: Final = (
    Rule(
        id="secret-object",
        group=GROUP,
        says="No Secret is declared with its values.",
        why="Base64 is no encryption: the value stands in the source or the state, and in everything made of them.",
        mend="Keep the value in Vault and declare a VaultStaticSecret or an ExternalSecret.",
        severity="critical",
        check=_object,
    ),
    Rule(
        id="secret-literal",
        group=GROUP,
        says="No text looks like a credential: a token's form, or a password by its name.",
        why="A value in a variable, a ConfigMap or an argument is read by everybody who can see the object.",
        mend="Refer to a secret (`valueFrom: secretKeyRef`); if it is none, add the name beside it to `allowed`.",
        severity="critical",
        check=_literal,
        settings={
            "allowed": names("Names of variables and keys whose values are no secrets, whatever they look like.")
        },
    ),
    Rule(
        id="secret-in-state",
        group=GROUP,
        says="No resource makes a secret or writes one to Vault.",
        why="Its value is kept in the stack's state, and whoever reads the state has it.",
        mend="Write secrets to Vault by hand or by the system that owns them; let the program refer to them.",
        severity="high",
        check=_in_state,
    ),
)
