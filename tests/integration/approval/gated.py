"""A parent in a git repository whose environment staging asks for approvals, and people who give them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tests.integration.program.world import Run, World, watched

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTHOR = "ada@shop.example.com"


@dataclass(slots=True)
class Gated(World):
    """A `World` under version control. `gates` is what the environment's file says, `parent` more of the parent's."""

    gates: dict[str, Any] = field(default_factory=dict)
    parent: dict[str, Any] = field(default_factory=dict)

    def commit(self, author: str = AUTHOR, message: str = "A change") -> str:
        """Write the files and commit them all as somebody; return the commit."""
        self.write()
        if not (self.folder / ".git").exists():
            self._git("init", "-q", "-b", "main")
            (self.folder / ".gitignore").write_text("__pycache__/\n.aoa/\n")
        self._git("add", "-A")
        name = author.partition("@")[0]
        who = ("-c", f"user.name={name}", "-c", f"user.email={author}", "-c", "commit.gpgsign=false")
        self._git(*who, "commit", "-q", "--allow-empty", "-m", message)
        return self._git("rev-parse", "HEAD")

    def write(self) -> None:
        World.write(self)
        self._write("parent.yaml", {**json.loads((self.folder / "parent.yaml").read_text()), **self.parent})
        file = self.folder / "Pulumi.staging.yaml"
        content = yaml.safe_load(file.read_text())
        identity = {"groupsPrefix": "oidc:", "usernamePrefix": "oidc:", "oidcMount": "oidc-staging"}
        content["config"]["app-of-apps:environment"] |= {"gates": self.gates, "identity": identity}
        file.write_text(yaml.safe_dump(content, sort_keys=True))

    def person(self, who: str, *arguments: str) -> Run:
        """Run ``aoa`` as somebody, after a login of theirs and with nothing else."""
        environ = {**self.box.as_person(who, "staging"), "PYTHONPATH": str(self.box.project)}
        return self.as_environ(environ, *arguments)

    def as_environ(self, environ: Mapping[str, str], *arguments: str) -> Run:
        command = [sys.executable, "-m", "app_of_apps", *arguments]
        return watched(self.audit, command, cwd=self.folder, environ=environ)

    def program(self, *arguments: str) -> Run:
        """Run ``aoa`` as the pipeline does, without writing the files again."""
        return self.as_environ(self.environ, *arguments)

    def approves(self, who: str, *more: str) -> Run:
        return self.person(who, "approve", "staging", "--yes", *more)

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()
