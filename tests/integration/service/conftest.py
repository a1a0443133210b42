"""A service in front of a parent on the sandbox, whose people log in at the sandbox's identity provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app_of_apps.service.client import Client
from tests.integration.approval.gated import Gated
from tests.integration.program.world import service, worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox import Sandbox

VIEW = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
ACCESS = {
    "roles": {"looks": {"kubernetes": [VIEW]}, "runs": {"includes": ["looks"]}, "audits": {"includes": ["looks"]}},
    "environments": {
        "staging": {
            "grants": [
                {"group": "platform-admins", "role": "runs", "all": True},
                {"group": "auditors", "role": "audits", "all": True},
                {"group": "team-storefront", "role": "looks", "children": ["site"]},
            ]
        }
    },
}
SERVICE = {
    "roles": {"runs": ["preview", "deploy", "rollback"], "audits": ["evidence"]},
    "agents": {
        "copilot": {
            "owner": "one",
            "subject": "gus",
            "environments": ["staging"],
            "children": ["site"],
            "may": ["preview", "propose"],
        }
    },
}


@dataclass(slots=True)
class Served:
    """A service that runs, and the parent behind it."""

    world: Gated
    url: str
    log: Path
    process: subprocess.Popen[bytes]
    tokens: dict[str, str]

    def token(self, who: str) -> str:
        if who not in self.tokens:
            self.tokens[who] = self.world.box.id_token(who, "staging")
        return self.tokens[who]

    def client(self, who: str = "dora") -> Client:
        return Client(self.url, self.token(who), timeout=60)

    def aoa(self, *arguments: str, who: str = "dora") -> subprocess.CompletedProcess[str]:
        environ = {**self.world.environ, "AOA_SERVER": self.url, "AOA_TOKEN": self.token(who)}
        command = [sys.executable, "-m", "app_of_apps", *arguments]
        return subprocess.run(
            command, cwd=self.world.folder, env=environ, capture_output=True, text=True, check=False, timeout=180
        )


def settings(world: Gated, port: int, **more: Any) -> Path:
    """Write the settings of a service in front of a parent."""
    provider = world.box._issuer()
    login = {"issuer": provider.url, "audience": "aoa-staging", "caFile": str(provider.authority)}
    login |= more.pop("login", {})
    content = {"listen": f"127.0.0.1:{port}", "login": login, "refresh": 1.0, "lease": 4.0, **more}
    file = world.folder.parent / f"{world.folder.name}-service-{port}.yaml"
    file.write_text(json.dumps(content))
    return file


@contextmanager
def serving(world: Gated, port: int, environ: dict[str, str] | None = None, **more: Any) -> Iterator[Served]:
    """Start a service and end it."""
    file = settings(world, port, **more)
    log = file.with_suffix(".log")
    # The sandbox's identity provider knows confidential clients alone, and takes any secret.
    values = {**world.environ, "AOA_SERVICE_GRACE": "20", "AOA_SERVICE_CLIENT_SECRET": "any", **(environ or {})}
    command = [sys.executable, "-m", "app_of_apps", "serve", "--config", str(file)]
    with log.open("ab") as written:
        process = subprocess.Popen(command, cwd=world.folder, env=values, stderr=written, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200:
                    break
            except httpx.HTTPError:
                pass
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield Served(world, f"http://127.0.0.1:{port}", log, process, {})
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def make_world(box: Sandbox, area: Path, name: str, **more: Any) -> Gated:
    """Return a parent with a worker and a service that needs it, committed."""
    children = {"db": worker(), "site": service(needs=["db"])}
    world = Gated(box, area / "projects" / name, name, children, parent={"access": ACCESS, "service": SERVICE}, **more)
    world.commit()
    return world


@pytest.fixture(scope="module")
def served(box: Sandbox, area: Path, port: int) -> Iterator[Served]:
    with serving(make_world(box, area, "served"), port) as found:
        yield found
        assert "Traceback" not in found.log.read_text()


@pytest.fixture(scope="session")
def port() -> int:
    return 18440 + os.getpid() % 500 * 2
