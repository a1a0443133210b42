"""Which operation the engine runs, read from the command line of an ancestor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.operation import _listed, _process, engine_operation

ROOT = Path(__file__).parents[2]
# What stands in for the engine: a process called pulumi that starts the program through another one.
ENGINE = """
import os, subprocess, sys
ask = [
    os.environ["REAL"],
    "-c",
    "from components.operation import *; print(engine_operation(), engine_goes_on())",
]
subprocess.run([os.environ["REAL"], "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])", *ask], check=True)
"""


@pytest.mark.parametrize(
    ("name", "verb", "told"),
    [
        ("pulumi", "destroy", "destroy True"),
        ("/opt/bin/pulumi", "dn", "destroy True"),
        ("pulumi", "refresh", "refresh False"),
        ("pulumi", "up", "up True"),
        ("pulumi", "preview", "up False"),
        ("something-else", "destroy", "up False"),
    ],
)
def test_the_engines_verb_is_found(tmp_path: Path, name: str, verb: str, told: str) -> None:
    (tmp_path / verb).write_text(ENGINE)
    done = subprocess.run(
        [name, verb, "--stack", "destroy"],
        executable=sys.executable,
        cwd=tmp_path,
        env={**os.environ, "REAL": sys.executable, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == told


def test_a_process_is_told_alike_with_and_without_proc() -> None:
    told = _listed(os.getpid())
    assert told is not None
    assert told[0] == os.getppid()
    if Path("/proc/self/stat").exists():
        assert _process(os.getpid()) is not None
        assert _process(os.getpid())[0] == told[0]


def test_without_such_a_process_it_is_an_update() -> None:
    assert engine_operation(2**22 + 1) == "up"
