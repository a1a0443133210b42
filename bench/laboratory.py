"""A sandbox of its own for the measurements, and the commands that are measured on it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app_of_apps.deploy.processes import session_of
from bench.worlds import CHECKOUT, copy_of_example
from sandbox import Sandbox
from sandbox.vault_client import VaultClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ENVIRONMENT = "staging"
OPERATOR_KINDS = "vaultstaticsecrets,vaultauths,vaultconnections"
_LONGEST = 1800


class CommandFailedError(Exception):
    """A command that was to be measured did not do its work, so that its time means nothing."""


class Laboratory:
    """A running sandbox in a temporary folder; `shop` is a copy of the example world whose stacks are made."""

    def __init__(self, folder: Path) -> None:
        """Bring up a sandbox below `folder`."""
        self.folder = folder
        self.shop = copy_of_example(folder / "shop")
        self.sandbox = Sandbox(folder / "sandbox", project=self.shop, say=_progress)
        self.sandbox.up()
        self.environ = self.sandbox.environment(ENVIRONMENT)
        self.environ["PYTHONPATH"] = str(CHECKOUT)
        self.environ["PYTHONDONTWRITEBYTECODE"] = ""
        self._empty: dict[Path, bytes] = {}

    def run(self, *command: str, cwd: Path | None = None, text: str | None = None, ok: Sequence[int] = (0,)) -> str:
        """Run a command of the sandbox's shell and return what it says; raise CommandFailedError when it fails."""
        with subprocess.Popen(
            command,
            cwd=cwd or self.folder,
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, complaint = process.communicate(text, timeout=_LONGEST)
            except BaseException:
                # The engine's plugins have groups of their own and would outlive it.
                for one in session_of(process.pid):
                    one.send(signal.SIGKILL)
                raise
        if process.returncode not in ok:
            tail = "\n".join((said + complaint).strip().splitlines()[-40:])
            message = f"`{' '.join(command)[:200]}` ended with code {process.returncode}:\n{tail}"
            raise CommandFailedError(message)
        return said

    def pulumi(self, project: Path, command: str, *flags: str) -> str:
        """Run a Pulumi operation on the project's stack, without questions and colours."""
        return self.run(
            "pulumi",
            command,
            "--stack",
            ENVIRONMENT,
            "--non-interactive",
            "--color",
            "never",
            "--suppress-outputs",
            *flags,
            cwd=project,
        )

    def make_stack(self, project: Path) -> None:
        """Make the project's stack as the sandbox makes the shop's: state encrypted by Vault's transit key."""
        self.run(
            "pulumi",
            "stack",
            "init",
            ENVIRONMENT,
            "--secrets-provider",
            f"hashivault://pulumi-{ENVIRONMENT}",
            "--non-interactive",
            "--no-select",
            cwd=project,
        )

    def checkpoint(self, project: Path) -> Path:
        """Where the state of the project's stack is kept."""
        name = (project / "Pulumi.yaml").read_text().partition("name: ")[2].partition("\n")[0]
        return self.sandbox.layout.state / ".pulumi/stacks" / name / f"{ENVIRONMENT}.json"

    def keep_empty(self, project: Path) -> None:
        """Remember the state of a stack that has nothing yet."""
        self._empty[project] = self.checkpoint(project).read_bytes()

    def make_empty(self, project: Path, parent: str) -> None:
        """Remove what a parent made in the cluster and forget it in the state. Not measured, so the direct way."""
        self.delete_namespaces(parent)
        self._forget_records(parent)
        self.checkpoint(project).write_bytes(self._empty[project])

    def _forget_records(self, parent: str) -> None:
        """Let Vault forget which record of an attempt was the newest, as if there had never been one."""
        port = json.loads((self.sandbox.layout.root / "ports.json").read_text())["vault"]
        token = json.loads((self.sandbox.layout.vault / "keys.json").read_text())["root_token"]
        with VaultClient(port, token) as client:
            client.write(f"kv-{ENVIRONMENT}/metadata/app-of-apps/evidence/{parent}", {}, method="DELETE")

    def delete_namespaces(self, parent: str) -> None:
        """Delete every namespace of a parent, and wait until they are gone."""
        names = [name for name in self.names("namespaces") if name.startswith(f"{parent}-")]
        if names:
            # The operator's objects have finalizers, and it needs the child's service account to act on them: deleted
            # together with their namespaces they are tried again and again.
            self.run("kubectl", "delete", OPERATOR_KINDS, "--all", "--all-namespaces")
            self.run("kubectl", "delete", "namespace", *names, "--wait=true", "--timeout=600s")

    def names(self, kind: str) -> list[str]:
        """Names of the cluster's objects of a kind that is not namespaced."""
        return self.run("kubectl", "get", kind, "--output", "jsonpath={.items[*].metadata.name}").split()

    def scale_nodes(self, count: int) -> None:
        """Copy the sandbox's first node until there are `count`: a node takes 110 pods."""
        found = self.names("nodes")
        first: dict[str, Any] = json.loads(self.run("kubectl", "get", "node", found[0], "--output", "json"))
        body = {
            "apiVersion": "v1",
            "kind": "List",
            "items": [
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "metadata": {
                        "name": f"bench-{number}",
                        "annotations": first["metadata"].get("annotations", {}),
                        "labels": {**first["metadata"].get("labels", {}), "kubernetes.io/hostname": f"bench-{number}"},
                    },
                    "status": {key: first["status"][key] for key in ("capacity", "allocatable")},
                }
                for number in range(count - len(found))
            ],
        }
        if body["items"]:
            self.run("kubectl", "apply", "--server-side", "--filename", "-", text=json.dumps(body))


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """A laboratory that leaves no process and no file behind, whatever happens in it."""
    folder = Path(tempfile.mkdtemp(prefix="aoa-bench-"))
    box = Sandbox(folder / "sandbox", project=folder)
    try:
        yield Laboratory(folder)
    finally:
        box.down()
        shutil.rmtree(folder, ignore_errors=True)


def _progress(line: str) -> None:
    print(f"  {line}", flush=True)
