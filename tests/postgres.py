"""A real PostgreSQL for tests: the machine's own server, or Debian's, in a folder that is gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Postgres:
    """A server that runs, with one database for each name asked for."""

    folder: Path
    programs: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, name: str) -> str:
        """Return the address of a database, which is made when it is not there."""
        asked = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "aoa"]
        subprocess.run([self.programs / "createdb", *asked, name], check=False, capture_output=True)
        return f"postgresql://aoa@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [self.programs / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-c", "fsync=off"]
        more = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *more], stderr=log, stdout=log, **_as_other())
        deadline = time.monotonic() + 30
        while subprocess.run(
            [self.programs / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port)], check=False, capture_output=True
        ).returncode:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server at once."""
        if self.process is not None:
            self.process.send_signal(3)  # SIGQUIT: immediate shutdown
            self.process.wait(30)
            self.process = None


def find() -> Path:
    """Return the folder of the server's programs; install Debian's where there is none and we may.

    Raises RuntimeError with what to install where we may not.
    """
    if found := _there():
        return found
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        msg = "no PostgreSQL server (initdb, postgres): install one, on Debian `apt-get install postgresql`"
        raise RuntimeError(msg)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "postgresql"]):
        subprocess.run(["apt-get", "-qq", *command], env=environ, capture_output=True, check=True)
    found = _there()
    assert found is not None
    return found


def _there() -> Path | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in (*debian, Path(shutil.which("initdb") or "x").parent):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


def _as_other() -> dict[str, int]:
    """The server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    other = pwd.getpwnam("nobody")
    return {"user": other.pw_uid, "group": other.pw_gid}


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Give a server that is gone afterwards."""
    programs = find()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="aoa-postgres-"))
    try:
        if os.geteuid() == 0:
            other = pwd.getpwnam("nobody")
            os.chown(folder, other.pw_uid, other.pw_gid)
        command = [programs / "initdb", "-D", folder / "data", "-U", "aoa", "-A", "trust", "--no-sync", "-E", "UTF8"]
        subprocess.run(command, check=True, capture_output=True, **_as_other())
        found = Postgres(folder, programs, port)
        found.start()
        try:
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(folder)
