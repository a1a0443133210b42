"""Groups of the identity provider in a sandbox's Vault, which knows one alias per group and auth method."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from sandbox.vault_client import VaultClient

if TYPE_CHECKING:
    from sandbox import Sandbox

_OF_A_PARENT = re.compile(r"(staging|prod)_[^_]+_group_.*")


def forget_groups(box: Sandbox) -> None:
    """Remove the groups that parents have made, so that another parent can have them."""
    port = json.loads((box.layout.root / "ports.json").read_text())["vault"]
    token = json.loads((box.layout.vault / "keys.json").read_text())["root_token"]
    with VaultClient(port, token) as client:
        found = client.read("identity/group/name?list=true")
        for name in (found or {}).get("data", {}).get("keys", []):
            if _OF_A_PARENT.fullmatch(name):
                client.write(f"identity/group/name/{name}", {}, method="DELETE")
