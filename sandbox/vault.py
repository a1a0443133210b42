"""The sandbox's Vault: a real server with storage on disk, initialised and unsealed by the sandbox.

It listens on loopback without TLS: everything that could overhear loopback can read the key files as well.
"""

from __future__ import annotations

import http
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox import policies
from sandbox.errors import SandboxError
from sandbox.files import PRIVATE, read_json, write, write_json
from sandbox.issuer import GROUPS_CLAIM, VAULT_ROLE
from sandbox.issuer import client as audience
from sandbox.layout import ENVIRONMENTS
from sandbox.parts import Part, http_probe
from sandbox.vault_client import VaultClient, VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sandbox.cluster import Cluster
    from sandbox.issuer import Issuer
    from sandbox.layout import Layout

PORTS = ("vault", "vault-raft")
_PERIOD = "8760h"


@dataclass(frozen=True, slots=True)
class Vault:
    """The one Vault both environments use, each with mounts of its own."""

    layout: Layout
    ports: Mapping[str, int]
    tools: Mapping[str, Path]

    @property
    def address(self) -> str:
        """``VAULT_ADDR``."""
        return f"http://127.0.0.1:{self.ports['vault']}"

    @property
    def _keys(self) -> Path:
        return self.layout.vault / "keys.json"

    @property
    def _initialising(self) -> Path:
        return self.layout.vault / "initialising"

    def prepare(self) -> None:
        """Write the server's configuration."""
        data = self.layout.vault / "data"
        data.mkdir(parents=True, exist_ok=True)
        own, peer = f"127.0.0.1:{self.ports['vault']}", f"127.0.0.1:{self.ports['vault-raft']}"
        config = {
            # One member of a raft cluster of one; the multiplier is the one that lets it elect itself fastest.
            "storage": {"raft": {"path": str(data), "node_id": "sandbox", "performance_multiplier": 1}},
            "listener": {"tcp": {"address": own, "cluster_address": peer, "tls_disable": True}},
            "api_addr": self.address,
            "cluster_addr": f"https://{peer}",
            "disable_mlock": True,
            "max_lease_ttl": "87600h",
            "log_level": "warn",
        }
        write_json(self.layout.vault / "config.json", config)
        # The CLI's own settings file, so that one in the user's home is not read.
        write(self.layout.vault / "cli.hcl", "")

    def part(self) -> Part:
        """The server. Sealed and not yet initialised count as up: `unseal` follows."""
        config = self.layout.vault / "config.json"
        probe = http_probe(self.ports["vault"], "/v1/sys/health", accept=frozenset({200, 429, 501, 503}))
        argv = (str(self.tools["vault"]), "server", f"-config={config}")
        log, folder = self.layout.log("vault"), self.layout.run("vault")
        return Part("vault", argv, self.ports["vault"], probe, log, folder, inputs=(config,))

    def status_part(self) -> Part:
        """The same part for a status table, where a sealed Vault is not healthy."""
        part = self.part()
        probe = http_probe(self.ports["vault"], "/v1/sys/health")
        return Part(part.name, part.argv, part.port, probe, part.log, part.folder, inputs=part.inputs)

    def discard_half_initialised(self, say: Callable[[str], None]) -> None:
        """Drop storage whose keys were never written down because the run that made it was killed in between.

        Call it only while the server does not run. Nothing is lost: without its keys nobody could ever read it.
        """
        if self._initialising.exists() and not self._keys.exists():
            say("vault: an earlier run was interrupted while initialising it; starting with empty storage")
            data = self.layout.vault / "data"
            shutil.rmtree(data, ignore_errors=True)
            data.mkdir()
            self._initialising.unlink()

    def is_half_initialised(self) -> bool:
        """Whether `discard_half_initialised` has to be called, with the server stopped."""
        return self._initialising.exists() and not self._keys.exists()

    def unseal(self) -> bool:
        """Initialise an empty Vault, unseal a sealed one; return whether it was sealed."""
        with VaultClient(self.ports["vault"]) as client:
            seal = client.read("sys/seal-status") or {}
            if not seal["initialized"]:
                write(self._initialising, "")
                keys = client.write("sys/init", {"secret_shares": 1, "secret_threshold": 1}, method="PUT")
                kept = {"unseal_key": keys["keys_base64"][0], "root_token": keys["root_token"]}
                write_json(self._keys, kept, mode=PRIVATE)
                self._initialising.unlink(missing_ok=True)
            elif not seal["sealed"]:
                self._await_active(client)
                return False
            client.write("sys/unseal", {"key": self._secret("unseal_key")}, method="PUT")
            self._await_active(client)
            return True

    @staticmethod
    def _await_active(client: VaultClient, seconds: float = 30.0) -> None:
        """An unsealed member serves requests once it has elected itself."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if (client.read("sys/health") or {}).get("standby") is False:
                    return
            except VaultError as error:
                if error.status not in {429, 472, 473, 503}:
                    raise
            if time.monotonic() > deadline:
                message = f"Vault is unsealed but has not become active within {seconds:.0f} s; see its log"
                raise SandboxError(message)
            time.sleep(0.05)

    def _secret(self, name: str) -> str:
        keys = read_json(self._keys)
        if keys is None:
            message = (
                f"{self._keys}: missing, and Vault's storage in {self.layout.vault / 'data'} cannot be opened without"
                " it. Put the file back, or run `make reset` to start with empty storage."
            )
            raise SandboxError(message)
        return str(keys[name])

    def root(self) -> VaultClient:
        """A client with the root token, for the sandbox's own work."""
        return VaultClient(self.ports["vault"], self._secret("root_token"))

    def configure(self) -> None:
        """Audit log, engines, markers, state keys, policies and the program's tokens; what is there already stays."""
        with self.root() as client:
            if "file/" not in _data(client, "sys/audit"):
                options = {"file_path": str(self.layout.vault / "audit.log")}
                client.write("sys/audit/file", {"type": "file", "options": options}, method="PUT")
            mounts = _data(client, "sys/mounts")
            if "transit/" not in mounts:
                client.write("sys/mounts/transit", {"type": "transit"})
            for env in ENVIRONMENTS:
                if f"kv-{env}/" not in mounts:
                    client.write(f"sys/mounts/kv-{env}", {"type": "kv", "options": {"version": "2"}})
                marker = f"kv-{env}/metadata/app-of-apps/environment"
                if _data(client, marker).get("custom_metadata") != {"environment": env}:
                    client.write(marker, {"custom_metadata": {"environment": env}})
                self._ensure_keys(client, env)
            people = {env: self._people_mount(client, env) for env in ENVIRONMENTS}
            wanted = {policies.name(env): policies.program((env,), people) for env in ENVIRONMENTS}
            wanted |= {policies.people_name(env): policies.people(env) for env in ENVIRONMENTS}
            wanted[policies.SHELL] = policies.shell(people)
            for name, text in wanted.items():
                path = f"sys/policies/acl/{name}"
                if (client.read(path) or {}).get("data", {}).get("policy") != text:
                    client.write(path, {"policy": text}, method="PUT")
            for scope in (None, *ENVIRONMENTS):
                self._ensure_token(client, scope)

    @staticmethod
    def _ensure_keys(client: VaultClient, env: str) -> None:
        """One key wraps the state's, the other one signs the records."""
        for key, kind in ((f"pulumi-{env}", "aes256-gcm96"), (f"aoa-evidence-{env}", "ed25519")):
            if client.read(f"transit/keys/{key}") is None:
                client.write(f"transit/keys/{key}", {"type": kind})

    @staticmethod
    def _people_mount(client: VaultClient, env: str) -> str:
        """Enable ``oidc-<env>`` and return its accessor, by which Vault tells its logins' groups from others'."""
        mount = f"oidc-{env}"
        if f"{mount}/" not in _data(client, "sys/auth"):
            client.write(f"sys/auth/{mount}", {"type": "jwt"})
        found: Any = _data(client, "sys/auth")[f"{mount}/"]
        return str(found["accessor"])

    def _ensure_token(self, client: VaultClient, env: str | None) -> None:
        """One token per environment, and one for the shell that may do both; renewed on every ``up``."""
        path = self.layout.token(env)
        if path.exists():
            with VaultClient(self.ports["vault"], path.read_text().strip()) as holder:
                try:
                    holder.write("auth/token/renew-self", {})
                except VaultError as error:
                    if error.status != http.HTTPStatus.FORBIDDEN:  # revoked, expired or of an earlier storage
                        raise
                else:
                    return
        wanted = {
            "policies": [policies.name(env) if env else policies.SHELL],
            "period": _PERIOD,
            "display_name": f"aoa-program-{env or 'shell'}",
        }
        answer = client.write("auth/token/create-orphan", wanted)
        write(path, answer["auth"]["client_token"] + "\n", mode=PRIVATE)

    def trust(self, cluster: Cluster) -> None:
        """Let service accounts of `cluster` log in at ``jwt-<env>``; the cluster has to be up."""
        mount = f"jwt-{cluster.env}"
        wanted = {
            "jwks_url": cluster.jwks_url,
            "jwks_ca_pem": cluster.authority.read_text(),
            "bound_issuer": cluster.issuer,
        }
        with self.root() as client:
            if f"{mount}/" not in _data(client, "sys/auth"):
                client.write(f"sys/auth/{mount}", {"type": "jwt"})
            found = (client.read(f"auth/{mount}/config") or {}).get("data", {})
            if {key: found.get(key) for key in wanted} != wanted:
                client.write(f"auth/{mount}/config", wanted)

    def trust_people(self, issuer: Issuer) -> None:
        """Let people log in at ``oidc-<env>``; the issuer has to be up. What they may do follows from their groups."""
        wanted = {
            "oidc_discovery_url": issuer.url,
            "oidc_discovery_ca_pem": issuer.authority.read_text(),
            "bound_issuer": issuer.url,
            "default_role": VAULT_ROLE,
        }
        with self.root() as client:
            for env in ENVIRONMENTS:
                found = _data(client, f"auth/oidc-{env}/config")
                if {key: found.get(key) for key in wanted} != wanted:
                    client.write(f"auth/oidc-{env}/config", wanted)
                role = {
                    "role_type": "jwt",
                    "user_claim": "sub",
                    "groups_claim": GROUPS_CLAIM,
                    # By this an author of a change is known who is called something else in git.
                    "claim_mappings": {"email": "email"},
                    "token_policies": [policies.people_name(env)],
                    "bound_audiences": [audience(env)],
                    "token_no_default_policy": False,
                    "token_ttl": 3600,
                    "token_max_ttl": 3600,
                }
                present = _data(client, f"auth/oidc-{env}/role/{VAULT_ROLE}")
                if {key: present.get(key) for key in role} != role:
                    client.write(f"auth/oidc-{env}/role/{VAULT_ROLE}", role)


def _data(client: VaultClient, path: str) -> dict[str, object]:
    return dict((client.read(path) or {}).get("data") or {})
