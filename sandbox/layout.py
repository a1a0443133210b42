"""Where everything of one sandbox lives: a single folder, ignored by git."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENTS = ("staging", "prod")
FOLDER_VARIABLE = "AOA_SANDBOX_DIR"
CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of the sandbox in `root`, an absolute folder without symbolic links in its path."""

    root: Path

    @staticmethod
    def find(root: Path | str | None = None) -> Layout:
        """The sandbox in `root`, else in ``$AOA_SANDBOX_DIR``, else in ``.sandbox`` of the checkout."""
        return Layout(Path(root or os.environ.get(FOLDER_VARIABLE) or CHECKOUT / ".sandbox").resolve())

    @property
    def kubeconfig(self) -> Path:
        """Both environments, contexts ``staging`` and ``prod``."""
        return self.root / "kubeconfig"

    @property
    def vault(self) -> Path:
        """Vault's configuration, storage, audit log, keys and tokens."""
        return self.root / "vault"

    @property
    def pulumi_home(self) -> Path:
        """``PULUMI_HOME``: plugins and the CLI's own notes."""
        return self.root / "pulumi-home"

    @property
    def state(self) -> Path:
        """The state backend's folder."""
        return self.root / "state"

    @property
    def stacks(self) -> Path:
        """Each stack's encrypted state key and the stack files made from it."""
        return self.root / "stacks"

    @property
    def overlay(self) -> Path:
        """What only this sandbox knows of its environments: ``<env>.yaml``."""
        return self.root / "overlay"

    @property
    def bin(self) -> Path:
        """First on ``PATH``: the ``pulumi`` that keeps the checkout's stack files clean."""
        return self.root / "bin"

    def cluster(self, env: str) -> Path:
        """Everything of one cluster."""
        return self.root / env

    def pki(self, env: str) -> Path:
        """Certificates and keys of one cluster."""
        return self.cluster(env) / "pki"

    def audit_log(self, env: str) -> Path:
        """The API server's audit log, one JSON object per line."""
        return self.cluster(env) / "audit.log"

    def env_kubeconfig(self, env: str) -> Path:
        """One environment alone."""
        return self.cluster(env) / "kubeconfig"

    def token(self, env: str | None = None) -> Path:
        """The program's Vault token for one environment, or the shell's for both."""
        return self.vault / (f"token-{env}" if env else "token")

    def log(self, part: str) -> Path:
        """The log of a part."""
        return self.root / "logs" / f"{part}.log"

    def run(self, part: str) -> Path:
        """Working directory of a part."""
        return self.root / "run" / part
