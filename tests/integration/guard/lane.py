"""A parent with two environments, the most powerful credentials that the sandbox has, and ways to mix them up."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.layout import ENVIRONMENTS
from tests.integration.guard.witness import Seen, Witness
from tests.integration.program.world import Run, run, service

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

NAME = "lane"


@dataclass(slots=True)
class Refusal:
    """What a run came to, and what was asked of the clusters and of Vault meanwhile."""

    run: Run
    seen: list[Seen]
    recorded: list[dict[str, Any]]


@dataclass(slots=True)
class Lane:
    """The project; tests change its files and the variables of the process, and `case` puts the files back."""

    box: Sandbox
    folder: Path
    state: Path
    environ: dict[str, str] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: str = ""

    def reset(self) -> None:
        """Both environments as they should be, with the token and the kubeconfig that reach both of them."""
        self.environ = {
            **self.box.environment(),
            "PYTHONPATH": str(self.box.project),
            "AOA_STATE_DIR": str(self.state),
        }
        self.environments = {
            name: {
                "name": name,
                "cluster": {"context": name},
                "vault": {"mounts": {"kv": f"kv-{name}", "jwt": f"jwt-{name}"}},
                "versions": {"api": "1.0.0"},
            }
            for name in ENVIRONMENTS
        }

    def write(self) -> None:
        self.folder.mkdir(exist_ok=True)
        secret = {"TOKEN": {"path": "lane/api", "key": "token"}}
        head = {"apiVersion": "app-of-apps/v1"}
        files: dict[str, Any] = {
            "Pulumi.yaml": {"name": NAME, "runtime": {"name": "python", "options": {"virtualenv": sys.prefix}}},
            "apps/api.yaml": {**head, "kind": "Child", "name": "api", **service(secrets=secret)},
            "parent.yaml": {
                **head,
                "kind": "Parent",
                "name": NAME,
                "teams": {"one": {"contact": "#one"}},
                "children": ["apps/api.yaml"],
            },
        }
        for file, content in files.items():
            (self.folder / file).parent.mkdir(exist_ok=True)
            (self.folder / file).write_text(json.dumps(content, indent=1))
        (self.folder / "__main__.py").write_text("from components.program import run\n\nrun()\n")
        for old in self.folder.glob("Pulumi.*.yaml"):
            old.unlink()
        for name, environment in self.environments.items():
            settings = json.dumps({"app-of-apps:environment": environment})
            (self.folder / f"Pulumi.{name}.yaml").write_text(f"{self.keys}config: {settings}\n")

    def overlay(self, **facts: dict[str, Any]) -> Path:
        """Lay these facts over the environments instead of the sandbox's own, and return the folder."""
        folder = self.folder.parent / "overlay"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, content in facts.items():
            (folder / f"{name}.yaml").write_text(json.dumps(content))
        self.environ["AOA_ENVIRONMENT_OVERLAY_DIR"] = str(folder)
        return folder

    def facts(self, name: str) -> dict[str, Any]:
        """What the sandbox knows of one of its clusters."""
        return json.loads((self.box.layout.overlay / f"{name}.yaml").read_text())

    def kubeconfig(self) -> dict[str, Any]:
        return json.loads(self.box.layout.kubeconfig.read_text())

    def use(self, kubeconfig: dict[str, Any]) -> None:
        file = self.folder.parent / "kubeconfig"
        file.write_text(json.dumps(kubeconfig))
        self.environ["KUBECONFIG"] = str(file)

    def aoa(self, *arguments: str) -> Refusal:
        return self._watched([sys.executable, "-m", "app_of_apps", *arguments])

    def pulumi(self, *arguments: str) -> Refusal:
        return self._watched(["pulumi", *arguments, "--non-interactive"])

    def _watched(self, command: list[str]) -> Refusal:
        log = self.state / "refusals.jsonl"
        before = log.read_text() if log.exists() else ""
        witness = Witness(self.box)
        done = run(command, cwd=self.folder, environ=self.environ)
        after = log.read_text() if log.exists() else ""
        assert after.startswith(before), "refusals are appended, never rewritten"
        return Refusal(done, witness.seen(), [json.loads(line) for line in after[len(before) :].splitlines()])
