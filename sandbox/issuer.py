"""The sandbox's identity provider: one OpenID Connect issuer for both environments, each with a client of its own."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.layout import CHECKOUT
from sandbox.parts import Part, http_probe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.layout import Layout

PORTS = ("issuer",)
PEOPLE = Path(__file__).parent / "people.yaml"
PREFIX = "oidc:"
"""What the API servers put before the names of users and groups; Pulumi.<environment>.yaml says the same."""
GROUPS_CLAIM = "groups"

VAULT_ROLE = "people"
"""The role of ``oidc-<env>`` that a login to Vault takes; what it may do follows from the groups alone."""


def client(env: str) -> str:
    """The audience of one environment's tokens: a login for staging is none for prod."""
    return f"aoa-{env}"


@dataclass(frozen=True, slots=True)
class Issuer:
    """The identity provider of a sandbox."""

    layout: Layout
    ports: Mapping[str, int]

    @property
    def url(self) -> str:
        """``iss`` of people's tokens."""
        return f"https://127.0.0.1:{self.ports['issuer']}"

    @property
    def authority(self) -> Path:
        """The certificate that the issuer's own is signed by, PEM."""
        return self._pki / "ca.crt"

    @property
    def _pki(self) -> Path:
        return self.layout.root / "issuer/pki"

    def prepare(self) -> None:
        """Make the certificates, once."""
        if not self._pki.is_dir():
            from sandbox import pki  # noqa: PLC0415 - only a first `up` needs it

            pki.create_server(self._pki, "sandbox-issuer")

    def part(self) -> Part:
        """The process. It reads no file of the checkout but the code and the list of people."""
        certificate, key = self._pki / "server.crt", self._pki / "server.key"
        port = self.ports["issuer"]
        return Part(
            name="issuer",
            argv=(sys.executable, "-m", "sandbox.issuer_server", str(port), str(certificate), str(key), str(PEOPLE)),
            port=port,
            probe=http_probe(port, "/.well-known/openid-configuration", authority=self.authority),
            log=self.layout.log("issuer"),
            folder=self.layout.run("issuer"),
            environ={"PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"},
            inputs=(PEOPLE, certificate, Path(__file__).with_name("issuer_server.py")),
        )

    def authentication(self, env: str) -> str:
        """The API server's AuthenticationConfiguration: whom it believes besides certificates and service accounts."""
        mapping: dict[str, Any] = {
            "username": {"claim": "sub", "prefix": PREFIX},
            "groups": {"claim": GROUPS_CLAIM, "prefix": PREFIX},
        }
        configuration = {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "jwt": [
                {
                    "issuer": {
                        "url": self.url,
                        "audiences": [client(env)],
                        "certificateAuthority": self.authority.read_text(),
                    },
                    "claimMappings": mapping,
                }
            ],
        }
        return json.dumps(configuration, indent=2) + "\n"
