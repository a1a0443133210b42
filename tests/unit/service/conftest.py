"""A service in a process of its own in front of the example, with an issuer on loopback and no cluster behind it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from app_of_apps.service.client import Client
from tests.example import copy_example
from tests.unit.service.issuer import AUDIENCE, FakeIssuer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
AGENTS = """\
  agents:
    copilot:
      owner: platform
      subject: bot
      environments: [staging]
      may: [preview, propose]
      callsPerHour: 100000
      previewsPerHour: 2
      proposalsPerDay: 3
    narrow: {owner: platform, group: bots, environments: [staging], children: [catalog], callsPerHour: 3}

children:
"""
PEOPLE = {
    "dora": ["platform-admins", "engineering"],
    "ada": ["team-storefront"],
    "emil": ["auditors"],
    "gus": [],
    "everybody": ["platform-admins", "auditors", "engineering"],
    "bot": [],
}


@pytest.fixture(scope="session")
def issuer() -> Iterator[FakeIssuer]:
    found = FakeIssuer()
    yield found
    found.close()


def copy_project(folder: Path) -> Path:
    """Copy the example, with two agents."""
    parent = copy_example(folder) / "parent.yaml"
    text = parent.read_text()
    assert text.count("\nservice:\n") == 1
    assert text.count("\n\nchildren:\n") == 1
    parent.write_text(text.replace("\n\nchildren:\n", f"\n{AGENTS}"))
    return folder


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Served:
    """A service that runs."""

    url: str
    project: Path
    issuer: FakeIssuer
    process: subprocess.Popen[bytes]
    log: Path

    def token(self, who: str = "dora", **more: object) -> str:
        return self.issuer.token(who, PEOPLE.get(who, []), preferred_username=who, **more)

    def client(self, who: str = "dora") -> Client:
        return Client(self.url, self.token(who), timeout=30)

    def get(self, path: str, who: str = "dora", **more: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(who)}", **more.pop("headers", {})}
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=30, **more)

    def post(self, path: str, body: object = None, who: str = "dora", **more: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(who)}", **more.pop("headers", {})}
        return httpx.post(f"{self.url}{path}", json=body, headers=headers, timeout=30, **more)


@contextmanager
def serving(
    project: Path, issuer: FakeIssuer, *, environ: dict[str, str] | None = None, **settings: object
) -> Iterator[Served]:
    port = free_port()
    config = {
        "listen": f"127.0.0.1:{port}",
        "login": {"issuer": issuer.url, "audience": AUDIENCE},
        "refresh": 0.5,
        "requestsPerMinute": 1_000_000,
        **settings,
    }
    file, log = project / f"service-{port}.yaml", project / f"service-{port}.log"
    file.write_text(json.dumps(config))
    values = {**os.environ, "KUBECONFIG": str(project / "no-kubeconfig"), "AOA_SERVICE_GRACE": "1", **(environ or {})}
    values.pop("AOA_SERVER", None)
    command = [sys.executable, "-m", "app_of_apps", "serve", "--project", str(project), "--config", str(file)]
    with log.open("wb") as written, subprocess.Popen(command, cwd=ROOT, env=values, stderr=written) as process:
        try:
            _await(f"http://127.0.0.1:{port}/readyz", process, log)
            yield Served(f"http://127.0.0.1:{port}", project, issuer, process, log)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


@pytest.fixture(scope="session")
def served(issuer: FakeIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = copy_project(tmp_path_factory.mktemp("service") / "project")
    with serving(project, issuer) as found:
        yield found
        assert "Traceback" not in found.log.read_text()
