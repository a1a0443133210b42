"""(f) The service under load: readers, streams and queued operations at once, and what a door before the CLI costs."""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from app_of_apps.service.client import Client
from bench.laboratory import CommandFailedError
from bench.measure import Result, Row, timed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.laboratory import Laboratory

READERS, OPERATIONS, SECONDS = 200, 20, 60
_PERSON = "dora"
_PORT = 18940
_PATHS = (
    "/v1/environments",
    "/v1/environments/staging",
    "/v1/environments/prod/graph",
    "/v1/operations?limit=20",
    "/v1/me",
)
_READ, _LATE, _ADDED = 0.1, 2.0, 0.5
"""Seconds that were promised."""


@dataclass(slots=True)
class _Seen:
    """What the readers have seen."""

    reads: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    """Seconds between an event's time and its arrival."""


@dataclass(frozen=True, slots=True)
class _Service:
    url: str
    token: str
    process: subprocess.Popen[bytes]
    project: Path

    def post(self, env: str, operation: str) -> dict[str, Any]:
        """Begin an operation."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.post(
            f"{self.url}/v1/environments/{env}/operations", json={"operation": operation}, headers=headers, timeout=60
        )
        if answer.status_code != httpx.codes.ACCEPTED:
            raise CommandFailedError(answer.text)
        found: dict[str, Any] = answer.json()
        return found

    def wait(self, identity: str) -> dict[str, Any]:
        """Return an operation when it has ended."""
        with Client(self.url, self.token) as client:
            return client.wait(identity).model_dump(mode="json")

    def memory(self) -> int:
        """Resident MiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) // 1024


def measure(lab: Laboratory, *, quick: bool) -> Result:
    """Begin operations on four stacks, read for a while, and compare one operation with the same command."""
    seconds = 15 if quick else SECONDS
    other = _second_project(lab)
    with ExitStack() as stack:
        services = [
            stack.enter_context(_serving(lab, project, _PORT + n)) for n, project in enumerate((lab.shop, other))
        ]
        ours, theirs = _latency(lab, services[0], runs=3 if quick else 10)
        before = [one.memory() for one in services]
        begun = [
            (one, one.post(env, "preview")["id"])
            for _ in range(OPERATIONS // 4)
            for one in services
            for env in ("staging", "prod")
        ]
        seen = _Seen()
        asyncio.run(_read(services, begun, seen, seconds))
        after = [one.memory() for one in services]
        states = [one.wait(identity)["state"] for one, identity in begun]
    return _told(seen, (ours, theirs), (before, after), states, seconds=seconds, runs=3 if quick else 10)


def _told(
    seen: _Seen,
    times: tuple[float, float],
    memory: tuple[list[int], list[int]],
    states: list[str],
    *,
    seconds: int,
    runs: int,
) -> Result:
    result = Result("The service under load")
    p95, lag = statistics.quantiles(seen.reads, n=100)[94], max(seen.lags, default=0.0)
    (ours, theirs), (before, after) = times, memory
    reads = f"95th percentile of {len(seen.reads)} reads"
    result.rows += [
        Row(reads, p95, 1, limit=f"≤ {_READ} s, no error", met=p95 <= _READ and not seen.errors),
        Row("Latest event on a stream", lag, 1, limit=f"≤ {_LATE} s", met=lag <= _LATE),
        Row(
            "One preview by way of the service",
            ours,
            runs,
            "`aoa preview`",
            theirs,
            f"≤ {_ADDED} s more",
            ours - theirs <= _ADDED,
        ),
    ]
    count = len(states)
    result.notes += [
        (
            f"{READERS} readers, each once a second for {seconds} s, and {count} streams, while {count} previews over "
            "four stacks ran and waited."
        ),
        (
            f"Errors: {len(seen.errors)}{f' (first: {seen.errors[0]})' if seen.errors else ''}. Previews ended: "
            f"{', '.join(f'{states.count(one)} {one}' for one in sorted(set(states)))}."
        ),
        f"Median of the reads: {statistics.median(seen.reads) * 1000:.0f} ms. Events: {len(seen.lags)}.",
        (
            f"The service adds {(ours - theirs) * 1000:.0f} ms to an operation. Resident memory of the two services: "
            f"{before} MiB before, {after} MiB after."
        ),
    ]
    return result


def _latency(lab: Laboratory, service: _Service, *, runs: int) -> tuple[float, float]:
    """Return the least seconds of a preview by way of the service and of the command alone, which take turns."""

    def direct() -> None:
        lab.run(sys.executable, "-m", "app_of_apps", "preview", "staging", "--format", "json", cwd=lab.shop)

    def through() -> None:
        ended = service.wait(service.post("staging", "preview")["id"])
        if ended["state"] != "succeeded":
            raise CommandFailedError(ended["message"])

    ours, theirs = [], []
    for _ in range(runs):
        theirs.append(timed(direct))
        ours.append(timed(through))
    return min(ours), min(theirs)


async def _read(services: list[_Service], begun: list[tuple[_Service, str]], seen: _Seen, seconds: float) -> None:
    end = time.monotonic() + seconds
    readers = [_reader(services[n % len(services)], n, seen, end) for n in range(READERS)]
    streams = [_stream(one, identity, seen, end) for one, identity in begun]
    await asyncio.gather(*readers, *streams)


class _Connection:
    """HTTP/1.1 to one service, kept alive. A client library took more of this machine's two cores than the service."""

    def __init__(self, service: _Service) -> None:
        self._host, self._port = service.url.removeprefix("http://").split(":")
        self._token = service.token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, more: str = "") -> tuple[int, dict[str, str], asyncio.StreamReader]:
        """Send a request and return status, headers and what the body is read from."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, int(self._port))
        reader, writer = self._streams
        head = f"GET {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nAuthorization: Bearer {self._token}\r\n"
        writer.write(f"{head}{more}\r\n".encode())
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        return int(first.split()[1]), headers, reader

    async def read(self, path: str) -> tuple[int, bytes]:
        """Return status and body of a page."""
        status, headers, reader = await self.ask(path)
        return status, await reader.readexactly(int(headers["content-length"]))

    def close(self) -> None:
        """Close it, if it is open."""
        if self._streams is not None:
            self._streams[1].close()


async def _reader(service: _Service, number: int, seen: _Seen, end: float) -> None:
    connection = _Connection(service)
    await asyncio.sleep(number / READERS)
    turn = number
    while time.monotonic() < end:
        began = time.perf_counter()
        try:
            status, body = await connection.read(_PATHS[turn % len(_PATHS)])
            if status != httpx.codes.OK:
                seen.errors.append(f"HTTP {status} {body[:200]!r}")
        except (OSError, EOFError, ValueError, KeyError) as error:
            seen.errors.append(type(error).__name__)
            return
        took = time.perf_counter() - began
        seen.reads.append(took)
        turn += 1
        await asyncio.sleep(max(0.0, 1.0 - took))
    connection.close()


async def _stream(service: _Service, identity: str, seen: _Seen, end: float) -> None:
    connection = _Connection(service)
    opened = time.time()
    try:
        status, _, reader = await connection.ask(f"/v1/operations/{identity}/events", "Accept: text/event-stream\r\n")
        if status != httpx.codes.OK:
            seen.errors.append(f"stream: HTTP {status}")
        while time.monotonic() < end and (line := await reader.readline()) and line != b"event: end\n":
            if line.startswith(b"data: ") and b"time" in line:
                happened = json.loads(line[6:])["time"]
                if happened > opened:
                    seen.lags.append(time.time() - happened)
    except (OSError, EOFError, ValueError) as error:
        seen.errors.append(f"stream: {type(error).__name__}")
    finally:
        connection.close()


def _second_project(lab: Laboratory) -> Path:
    """Copy the shop under another name, with stacks of its own."""
    other = lab.folder / "market"
    shutil.copytree(lab.shop, other, symlinks=True)
    for name in ("parent.yaml", "Pulumi.yaml"):
        file = other / name
        lines = ["name: market" if line.startswith("name: ") else line for line in file.read_text().splitlines()]
        file.write_text("\n".join(lines) + "\n")
    environ = _both(lab)
    for env in ("staging", "prod"):
        command = ["pulumi", "stack", "init", env, "--secrets-provider", f"hashivault://pulumi-{env}", "--no-select"]
        text = (other / f"Pulumi.{env}.yaml").read_text()
        done = subprocess.run(
            [*command, "--non-interactive"], cwd=other, env=environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CommandFailedError(done.stderr)
        key = (other / f"Pulumi.{env}.yaml").read_text()
        if "encryptedkey" in key and "encryptedkey" not in text:
            lines = [line for line in key.splitlines() if line.startswith(("encryptedkey", "secretsprovider"))]
            (other / f"Pulumi.{env}.yaml").write_text("\n".join(lines) + "\n" + text)
    return other


def _both(lab: Laboratory) -> dict[str, str]:
    return {**lab.sandbox.environment(), "PYTHONPATH": lab.environ["PYTHONPATH"]}


@contextmanager
def _serving(lab: Laboratory, project: Path, port: int) -> Iterator[_Service]:
    settings = json.loads(lab.sandbox.service_settings(f"127.0.0.1:{port}").read_text())
    database = f"sqlite:///{lab.folder / f'service-{port}.db'}"
    file = lab.folder / f"service-{port}.yaml"
    file.write_text(
        json.dumps({**settings, "database": database, "requestsPerMinute": 1_000_000, "refresh": 5.0, "workers": 2})
    )
    command = [sys.executable, "-m", "app_of_apps", "serve", "--config", str(file)]
    environ = {**_both(lab), "AOA_SERVICE_GRACE": "1"}
    with subprocess.Popen(command, cwd=project, env=environ, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            while True:
                if process.poll() is not None:
                    message = "the service ended"
                    raise CommandFailedError(message)
                try:
                    if httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK:
                        break
                except httpx.HTTPError:
                    pass
                time.sleep(0.1)
            yield _Service(url, lab.sandbox.id_token(_PERSON, "staging"), process, project)
        finally:
            process.terminate()
            process.wait(60)
