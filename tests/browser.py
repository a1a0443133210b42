"""A real Chromium for tests that look at pages: the machine's own, or Debian's, installed where that can be."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PACKAGES = ("chromium", "fonts-dejavu-core")
# It runs as root in containers, loads nothing from outside and phones nobody.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> Path:
    """Return the browser's program; install Debian's where there is none and we may.

    Raises RuntimeError with what to install where we may not.
    """
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        msg = f"no browser on PATH ({', '.join(_NAMES)}): install one of them, on Debian `apt-get install chromium`"
        raise RuntimeError(msg)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *_PACKAGES]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            msg = f"Debian's chromium cannot be installed: apt-get {command[0]} says {done.stderr.strip()}"
            raise RuntimeError(msg)
    found = shutil.which(_NAMES[0])
    assert found is not None
    return Path(found)


@contextmanager
def browser() -> Iterator[Browser]:
    """Give a browser with a profile of its own, which is gone afterwards."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find(), args=list(_ARGUMENTS))
        try:
            yield chromium
        finally:
            chromium.close()
