"""What both API servers and Vault were asked for by whoever runs the program, from their own audit logs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.layout import ENVIRONMENTS
from tests.integration.program.audit import WRITES, Audit

if TYPE_CHECKING:
    from sandbox import Sandbox

# What the guard asks for, and no more.
IDENTIFYING = {
    ("get", "namespaces", "kube-system"),
    ("get", "configmaps", "app-of-apps-environment"),
    ("get", "", ""),  # /.well-known/openid-configuration
}
IDENTIFYING_IN_VAULT = ("metadata/app-of-apps/environment", "/config", "auth/token/lookup-self")
# Pulumi unwraps the key of its own state before any program runs. Nothing of an environment is changed by that.
STATE_KEYS = ("transit/encrypt/pulumi-", "transit/decrypt/pulumi-")
_READS = frozenset({"read", "list", "help"})


@dataclass(frozen=True, slots=True)
class Seen:
    """One request to one of the three."""

    where: str
    what: str
    mutating: bool
    identifying: bool


class Witness:
    """Reads the audit logs from the moment it is made on."""

    def __init__(self, box: Sandbox) -> None:
        self._audits = {env: Audit(box, env) for env in ENVIRONMENTS}
        self._marks = {env: audit.mark() for env, audit in self._audits.items()}
        self._vault = box.layout.vault / "audit.log"
        # Vault writes its log before it answers: what has been answered is in it.
        self._vault_mark = self._vault.stat().st_size

    def seen(self) -> list[Seen]:
        """Return every request of the program's identities since then, refused ones included."""
        found = []
        for env, audit in self._audits.items():
            for one in audit.since(self._marks[env]):
                if one.user == audit.admin:
                    verb = (one.verb, one.resource, one.name)
                    found.append(Seen(env, " ".join(verb), one.verb in WRITES, verb in IDENTIFYING))
        with self._vault.open("rb") as log:
            log.seek(self._vault_mark)
            lines = [json.loads(line) for line in log.read().splitlines() if line.endswith(b"}")]
        return found + [seen for line in lines if (seen := _vault(line))]

    def mutations(self) -> list[Seen]:
        """Return those that would have changed something."""
        return [one for one in self.seen() if one.mutating]


def _vault(line: dict[str, Any]) -> Seen | None:
    request, name = line["request"], (line.get("auth") or {}).get("display_name", "")
    # Root is the sandbox itself; workloads and the operator log in at jwt-<env>. A token that Vault does not know has
    # no name, and neither has a login.
    if line["type"] != "request" or name == "root" or name.startswith("jwt-") or request["path"].endswith("/login"):
        return None
    path, operation = request["path"], request["operation"]
    if path.startswith(STATE_KEYS):
        return None
    return Seen("vault", f"{operation} {path}", operation not in _READS, path.endswith(IDENTIFYING_IN_VAULT))
