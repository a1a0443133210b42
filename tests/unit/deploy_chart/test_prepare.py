"""What the image does before its command, with a shell of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "deploy/prepare.sh"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "plugins/resource-vault-v1").mkdir(parents=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "state/home"),
        "PULUMI_HOME": str(tmp_path / "state/pulumi"),
        "AOA_STATE_DIR": str(tmp_path / "state/aoa"),
        "AOA_SERVICE_PLUGINS": str(tmp_path / "plugins"),
    }


def prepared(environ: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(SCRIPT), *command], env=environ, capture_output=True, text=True, check=False, timeout=30
    )


def test_the_engine_finds_its_providers_in_a_folder_that_can_be_written(environ: dict[str, str]) -> None:
    for _ in range(2):  # a container that is started again finds what was there
        done = prepared(environ, "sh", "-c", 'ls "$PULUMI_HOME/plugins" && touch "$PULUMI_HOME/x" "$HOME/x"')
        assert (done.returncode, done.stdout) == (0, "resource-vault-v1\n"), done.stderr


def test_the_command_takes_the_scripts_place(environ: dict[str, str]) -> None:
    done = prepared(environ, "sh", "-c", "exit 7")
    assert done.returncode == 7


def test_the_token_of_an_agent_is_waited_for(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "token"
    process = subprocess.Popen(
        ["sh", str(SCRIPT), "sh", "-c", 'echo "$VAULT_TOKEN"'],
        env={**environ, "AOA_SERVICE_VAULT_TOKEN_FILE": str(file), "AOA_SERVICE_VAULT_LOOK": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.3)
    file.write_text("first")
    out, _ = process.communicate(timeout=20)
    assert out == "first\n"


def test_without_a_token_it_ends_and_says_where_to_look(environ: dict[str, str], tmp_path: Path) -> None:
    more = {"AOA_SERVICE_VAULT_TOKEN_FILE": str(tmp_path / "none"), "AOA_SERVICE_VAULT_WAIT": "0"}
    done = prepared({**environ, **more}, "true")
    assert done.returncode == 4
    assert "vault-login" in done.stderr


def test_another_token_ends_the_command_in_order(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    command = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); print('on'); sys.stdout.flush()"
    )
    process = subprocess.Popen(
        ["sh", str(SCRIPT), sys.executable, "-c", f"{command}; signal.pause()"],
        env={**environ, "AOA_SERVICE_VAULT_TOKEN_FILE": str(file), "AOA_SERVICE_VAULT_LOOK": "0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "on\n"
        time.sleep(0.5)
        assert process.poll() is None, "the same token ended it"
        file.write_text("second")
        _, err = process.communicate(timeout=20)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert process.returncode == 3
    assert "another Vault token" in err
    assert "second" not in err
