"""A parent behind a local git server, a forge, and a pipeline's identity that cluster and Vault know."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.issuer import Issuer
from sandbox.person import id_token
from sandbox.vault_client import VaultClient
from tests.integration.pipelines.workflow import Done, allowed, install_python, load, run_job
from tests.integration.program.world import environment, worker
from tests.unit.pipeline.fake_forge import Fake, forge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox import Sandbox
    from tests.integration.conftest import MakeWorld
    from tests.integration.program.world import World

WHO = "cleo"
"""Who the pipeline is for the identity provider: a stand-in for the identity that GitHub gives to a workflow."""
FORGE_TOKEN = "canary-of-the-forge"
REQUEST_TOKEN = "canary-of-the-request"
FORKED = "mallory/shop"
OURS = "example/shop"
MOUNT = "jwt-pipelines"

PROD = """\
config:
  app-of-apps:environment:
    name: prod
    cluster: {context: prod}
    vault: {mounts: {kv: kv-prod, jwt: jwt-prod}}
    versions: {one: 0.9.0, two: 1.0.0}
    promotion: {from: staging, healthyFor: 1s}
"""


@dataclass
class Pipeline:
    """A repository, and what runs for it."""

    box: Sandbox
    world: World
    fake: Fake
    folder: Path
    remote: str
    tokens: str
    """Address of what gives ID tokens, in the words of GitHub's."""
    given: list[str] = field(default_factory=list)
    """Every ID token that was given, to look for."""
    count: int = 0

    @property
    def environ(self) -> dict[str, str]:
        """What a job has before it logs in anywhere: the tools, and no credential."""
        values = environment(self.box)
        for name in ("VAULT_TOKEN", "VAULT_ADDR", "KUBECONFIG", "PULUMI_BACKEND_URL"):
            values.pop(name, None)
        tools = install_python(self.folder)
        return {**values, "PATH": f"{tools}:{values['PATH']}", "HOME": str(self.folder)}

    def push(self, branch: str, message: str) -> None:
        """Commit what the world says now, and push it."""
        self.world.write()
        git(self.world.folder, "add", "--all", ".")
        git(self.world.folder, "commit", "--quiet", "--allow-empty", "-m", message)
        git(self.world.folder, "push", "--quiet", "--force", self.remote, f"HEAD:refs/heads/{branch}")

    def github(self, head: str | None) -> dict[str, str]:
        """Return the variables of GitHub's runner; ``head`` is the repository that a pull request comes from."""
        event: dict[str, Any] = {}
        if head is not None:
            sides = {"head": {"repo": {"full_name": head}}, "base": {"repo": {"full_name": OURS}}}
            event = {"pull_request": {"number": 5, **sides}}
        file = self.folder / "event.json"
        file.write_text(json.dumps(event))
        identity = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": self.tokens,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
        }
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.fake.url,
            "GITHUB_SERVER_URL": "https://forge.example",
            "GITHUB_REPOSITORY": OURS,
            "GITHUB_RUN_ID": "7",
            "GITHUB_ACTOR": "ada",
            "GITHUB_ACTOR_ID": "12",
            "GITHUB_EVENT_PATH": str(file),
            **(identity if head != FORKED else {}),
        }

    def run(self, file: str, branch: str, *, head: str | None = None, **inputs: str) -> dict[str, Done]:
        """Run the jobs of a workflow whose conditions hold, as far as those before succeed."""
        workflow = load(file)
        asked = workflow["on"]["workflow_call"]["inputs"]
        told = {
            "environment": "staging",
            "backend": f"file://{self.box.layout.state}",
            "vault-role": "deploy",
            "kube-audience": "aoa-staging",
            "kube-ca": "clusters/staging-ca.pem",
            **inputs,
        }
        assert {name for name, one in asked.items() if one.get("required")} <= told.keys()
        context = {
            "inputs": {name: told.get(name, one.get("default")) for name, one in asked.items()},
            "github": {
                "token": FORGE_TOKEN,
                "repository": OURS,
                "event": {"pull_request": {"number": 5, "head": {"repo": {"full_name": head}}}},
            },
        }
        found: dict[str, Done] = {}
        for name, job in workflow["jobs"].items():
            if not allowed(job.get("if"), context) or any(one.code for one in found.values()):
                continue
            self.count += 1
            environ = {**self.environ, **self.github(head)}
            where = self.folder / f"run-{self.count}"
            found[name] = run_job(
                workflow, name, context=context, environ=environ, folder=where, remote=self.remote, ref=branch
            )
            self.look_for_canaries(found[name].log, found[name].summary)
            shutil.rmtree(where / "workspace/.git")
        return found

    def look_for_canaries(self, *texts: str) -> None:
        """See to it that no credential is anywhere that somebody reads."""
        kept = [*texts, json.dumps([self.fake.comments, self.fake.issues, self.fake.pulls])]
        kept += [file.read_text(errors="replace") for file in self.folder.rglob("artifacts/*") if file.is_file()]
        for text in kept:
            for canary in (FORGE_TOKEN, REQUEST_TOKEN, *self.given, "hvs."):
                assert canary not in text


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def pipeline(box: Sandbox, make_world: MakeWorld, area: Path) -> Iterator[Pipeline]:
    """The world of all tests here, deployed once; what it changed in cluster and Vault is gone afterwards."""
    world = make_world("piped", {"one": worker(), "two": worker(needs=["one"])})
    folder = area / "pipelines"
    folder.mkdir()
    with forge() as fake, _git_server(folder) as remote, _identity(box), _token_server(box) as (address, given):
        found = Pipeline(box, world, fake, folder, remote, address, given)
        (world.folder / "requirements.txt").write_text("# what the project's own has\n")
        (world.folder / "Pulumi.prod.yaml").write_text(PROD)
        (world.folder / "clusters").mkdir()
        (world.folder / "clusters/staging-ca.pem").write_text(_authority(box))
        (world.folder / ".gitignore").write_text(".venv\nartifacts\n.aoa\n__pycache__\n")
        git(world.folder, "init", "--quiet", "-b", "main")
        found.push("main", "Begin")
        yield found
        assert world.destroy().code == 0


def _authority(box: Sandbox) -> str:
    config = json.loads(box.layout.kubeconfig.read_text())
    cluster = next(one["cluster"] for one in config["clusters"] if one["name"].endswith("staging"))
    data = cluster.get("certificate-authority-data")
    return base64.b64decode(data).decode() if data else Path(cluster["certificate-authority"]).read_text()


@contextmanager
def _git_server(folder: Path) -> Iterator[str]:
    """Serve a bare repository on loopback; everybody may push."""
    bare = folder / "served/shop.git"
    bare.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(bare)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["git", "daemon", "--reuseaddr", "--export-all", "--enable=receive-pack", "--listen=127.0.0.1"]
    command += [f"--port={port}", f"--base-path={bare.parent}", str(bare.parent)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        try:
            _await_port(port)
            yield f"git://127.0.0.1:{port}/shop.git"
        finally:
            subprocess.run(["pkill", "-TERM", "-P", str(daemon.pid)], check=False)  # git's own wrapper starts it
            daemon.terminate()


def _await_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def _identity(box: Sandbox) -> Iterator[None]:
    """Let the pipeline's identity in: a role in Vault, and all rights in the cluster that the program needs."""
    issuer = _issuer(box)
    with _root(box) as vault:
        vault.write(f"sys/auth/{MOUNT}", {"type": "jwt"})
        vault.write(
            f"auth/{MOUNT}/config",
            {
                "oidc_discovery_url": issuer.url,
                "oidc_discovery_ca_pem": issuer.authority.read_text(),
                "bound_issuer": issuer.url,
            },
        )
        role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["aoa-staging"], "token_ttl": 600}
        bound = {"bound_claims": {"sub": WHO}, "token_policies": ["aoa-program-staging"]}
        vault.write(f"auth/{MOUNT}/role/deploy", {**role, **bound})
        vault.write(f"auth/{MOUNT}/role/strange", {**role, **bound, "bound_claims": {"sub": "somebody else"}})
    binding = ["clusterrolebinding", "pipelines-of-tests"]
    kubectl = ["kubectl", "--context", "staging"]
    made = [*kubectl, "create", *binding, "--clusterrole=cluster-admin", f"--user=oidc:{WHO}"]
    subprocess.run(made, env=box.environment("staging"), capture_output=True, check=True)
    try:
        yield
    finally:
        subprocess.run([*kubectl, "delete", *binding], env=box.environment("staging"), capture_output=True, check=True)
        with _root(box) as vault:
            vault.write(f"sys/auth/{MOUNT}", {}, method="DELETE")


@contextmanager
def _token_server(box: Sandbox) -> Iterator[tuple[str, list[str]]]:
    """Give ID tokens as GitHub does to a workflow that may have one; the tokens are the identity provider's own."""
    given: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.headers.get("authorization") != f"Bearer {REQUEST_TOKEN}":
                self.send_error(401)
                return
            token = id_token(_issuer(box), WHO, "staging")
            given.append(token)
            content = json.dumps({"value": token}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/token?api-version=1", given
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _ports(box: Sandbox) -> Mapping[str, int]:
    found: dict[str, int] = json.loads((box.layout.root / "ports.json").read_text())
    return found


def _issuer(box: Sandbox) -> Issuer:
    return Issuer(box.layout, _ports(box))


def _root(box: Sandbox) -> VaultClient:
    token = json.loads((box.layout.vault / "keys.json").read_text())["root_token"]
    return VaultClient(_ports(box)["vault"], token)
