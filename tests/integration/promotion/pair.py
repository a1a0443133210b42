"""One parent in two environments of the sandbox: files that people write by hand, in a git repository."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.integration.program.world import environment, run

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox
    from tests.integration.program.world import Run

NAME = "pair"
HEAD = "apiVersion: app-of-apps/v1\n"
_IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")


class StubRegistry:
    """Stands in for an image registry on this machine, and says so; it has every tag that begins with 1."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            server_version = "StubRegistry/0 (a test's stand-in, no registry)"

            def do_HEAD(self) -> None:
                stub.asked.append(self.path)
                known = self.path.rpartition("/")[2].startswith("1")
                self.send_response(200 if known else 404)
                self.send_header("Docker-Content-Digest", stub.digest)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.digest = "sha256:" + "ab" * 32
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Pair:
    """The project. `pods` are arguments for the pods of ``api``, in both environments."""

    box: Sandbox
    folder: Path
    host: str
    pods: list[str] = field(default_factory=list)
    environments = ("staging", "prod")

    @classmethod
    def make(cls, box: Sandbox, folder: Path, registry: StubRegistry) -> Pair:
        made = cls(box, folder, registry.host)
        folder.mkdir(parents=True)
        runtime = {"name": "python", "options": {"virtualenv": sys.prefix}}
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": NAME, "runtime": runtime}) + "\n")
        (folder / "__main__.py").write_text("from components.program import run\n\nrun()\n")
        (folder / ".gitignore").write_text("__pycache__/\n.app-of-apps/\n")
        for env in made.environments:
            init = ("stack", "init", env, "--secrets-provider", f"hashivault://pulumi-{env}", "--no-select")
            done = made.run("pulumi", *init, "--non-interactive")
            assert done.code == 0, done.text
        made.write_manifest()
        made.write_environment("staging", "api: 1.0.0")
        made.write_environment(
            "prod", "api: '1.0.0'    # by hand", promotion="promotion: {from: staging, healthyFor: 1s}"
        )
        made.git("init", "-q", "-b", "main")
        made.commit("First")
        return made

    def write_manifest(self) -> None:
        (self.folder / "parent.yaml").write_text(
            f"{HEAD}kind: Parent\nname: {NAME}\nteams: {{one: {{contact: '#one'}}}}\n"
            "children: [api.yaml, schema.yaml, web.yaml]\n"
        )
        common = f"team: one\ndeadline: 30s\nimage: {self.host}/{NAME}/app\n"
        api = f"name: api\ntype: service\n{common}dependsOn: [schema]\nports: [{{port: 8080}}]\n"
        api += f"args: {json.dumps(self.pods)}\n" if self.pods else ""
        schema = f"name: schema\ntype: migration\n{common}versionFrom: api\n"
        for name, spec in {"api": api, "schema": schema, "web": f"name: web\ntype: worker\n{common}"}.items():
            (self.folder / f"{name}.yaml").write_text(f"{HEAD}kind: Child\n{spec}")

    def write_environment(self, env: str, api: str, *, promotion: str = "", more: str = "") -> None:
        """Write a stack file; what the engine keeps in it stays at its beginning."""
        file = self.file(env)
        kept = file.read_text().partition("config:")[0]
        lines = [
            "config:",
            "  app-of-apps:environment:",
            f"    name: {env}",
            f"    cluster: {{context: {env}}}",
            f"    vault: {{mounts: {{kv: kv-{env}, jwt: jwt-{env}}}}}",
            "    versions:   # children that have one",
            f"      {api}",
            "      web: 1.0.0",
            *(f"    {line}" for line in (promotion, more) if line),
        ]
        file.write_text(kept + "\n".join(lines) + "\n")

    def file(self, env: str) -> Path:
        return self.folder / f"Pulumi.{env}.yaml"

    def run(self, *command: str) -> Run:
        return run(command, cwd=self.folder, environ=environment(self.box))

    def up(self, env: str) -> Run:
        return self.run("pulumi", "up", "--yes", "--skip-preview", "--stack", env, "--non-interactive")

    def aoa(self, *arguments: str) -> Run:
        return self.run(sys.executable, "-m", "app_of_apps", *arguments)

    def git(self, *arguments: str) -> str:
        done = self.run("git", *_IDENTITY, *arguments)
        assert done.code == 0, done.text
        return done.stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)

    def promote(self, *arguments: str) -> tuple[Run, dict[str, Any]]:
        """Run ``aoa promote`` and return what it did and its children by name."""
        done = self.aoa("promote", "staging", "prod", "--output", "json", *arguments)
        shape = json.loads(done.stdout) if done.stdout else {"children": []}
        return done, {**shape, "children": {one["name"]: one for one in shape["children"]}}

    def records(self, env: str) -> list[dict[str, Any]]:
        """Return the chain of evidence of an environment, oldest first."""
        get = ("kubectl", "--context", env, "get", "configmaps", "-n", f"{NAME}-parent", "-o", "json")
        found = self.run(*get, "-l", "app-of-apps/evidence=record")
        assert found.code == 0, found.text
        return [json.loads(one["data"]["record"]) for one in json.loads(found.stdout)["items"]]
