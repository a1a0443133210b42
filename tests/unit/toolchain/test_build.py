from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    # Types only; the fixtures come from conftest.py by name.
    from conftest import World  # type: ignore[import-not-found]


def run(world: World, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        world.command(*arguments), env=world.environment(**extra), capture_output=True, text=True, check=False
    )


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    try:  # a zombie is gone, only not yet collected by whoever adopted it
        return b") Z " not in status.read_bytes()
    except OSError:
        return not status.parent.parent.is_dir()


def eventually(true: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_what_is_missing_is_built_once_and_then_found_at_once(world: World) -> None:
    first = run(world, "ensure")
    assert first.returncode == 0, first.stderr
    lines = first.stderr.splitlines()
    assert lines[0].startswith("toolchain: building 2, about ")
    assert lines[0].endswith(": one, two")
    assert "[1/2] one: started" in first.stderr
    assert "[2/2] two: done in" in first.stderr
    assert "2 tools ready" in first.stdout
    second = run(world, "ensure")
    assert (second.returncode, second.stderr) == (0, "")
    assert len(world.record.read_text().splitlines()) == 2

    (entry,) = world.entries()
    assert (world.cache / entry / "crds" / "thing.yaml").is_file()
    bin_dir = run(world, "bin").stdout.strip()
    assert sorted(p.name for p in Path(bin_dir).iterdir()) == ["one", "two"]
    assert subprocess.run([f"{bin_dir}/one"], capture_output=True, text=True, check=True).stdout == "one v1.2.3\n"
    assert sorted(p.name for p in world.cache.iterdir() if p.is_dir()) == [Path(bin_dir).name, "logs", entry]


def test_the_users_go_settings_do_not_reach_the_build(world: World) -> None:
    result = run(
        world, "ensure", GOFLAGS="-mod=mod", GOOS="plan9", GOEXPERIMENT="x", CGO_ENABLED="1", GOTOOLCHAIN="auto"
    )
    assert result.returncode == 0, result.stderr
    call = json.loads(world.record.read_text().splitlines()[0])
    environment = call["environment"]
    scratch = environment.pop("GOTMPDIR")
    assert scratch.startswith(str(world.cache / "staging"))
    assert environment == {
        "CGO_ENABLED": "0",
        "GOENV": "off",
        "GOFLAGS": "",
        "GOPROXY": "https://modules.example.test",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    assert {"-trimpath", "-buildvcs=false", "-mod=readonly"} <= set(call["arguments"])
    assert call["cwd"].startswith(str(world.cache / "staging"))


def test_a_failing_build_shows_its_last_lines_its_log_and_what_to_do(world: World) -> None:
    result = run(world, "ensure", FAKE_GO_MODE="fail", FAKE_GO_LAST="write /x: no space left on device")
    assert result.returncode == 5
    assert "could not build one (group small)" in result.stderr
    assert "    main.go:3:1: undefined: thing" in result.stderr
    assert "[1/2] one: stopped after" in result.stderr
    log = world.cache / "logs" / "small.log"
    assert f"Log: {log}" in result.stderr
    assert "undefined: thing" in log.read_text()
    assert "What to do: Free disk space" in result.stderr
    assert world.entries() == []
    assert not (world.cache / "staging").exists()


@pytest.mark.parametrize(
    ("last", "advice"),
    [
        ("dial tcp: lookup modules.example.test: no such host", "check the network and GOPROXY"),
        ("verifying x@v1: checksum mismatch", "Do not work around it"),
        ("compile: signal: killed", "ran out of memory"),
        ("exit status 2", "Read the log"),
    ],
)
def test_the_remedy_fits_the_cause(world: World, last: str, advice: str) -> None:
    assert advice in run(world, "ensure", FAKE_GO_MODE="fail", FAKE_GO_LAST=last).stderr


def test_a_binary_that_tells_another_version_is_not_kept(world: World) -> None:
    result = run(world, "ensure", FAKE_TOOL_SAYS="one v1.2.4")
    assert result.returncode == 5
    assert "`one version` should tell 1.2.3" in result.stderr
    assert world.entries() == []


def test_a_failed_build_succeeds_when_run_again(world: World) -> None:
    assert run(world, "ensure", FAKE_GO_MODE="fail").returncode == 5
    assert run(world, "ensure").returncode == 0


@pytest.mark.parametrize(
    ("sent", "code", "swept"),
    [(signal.SIGINT, 130, True), (signal.SIGTERM, 143, True), (signal.SIGKILL, -signal.SIGKILL, False)],
)
def test_an_interrupted_build_ends_its_processes_and_leaves_nothing_that_is_trusted(
    world: World, sent: signal.Signals, code: int, *, swept: bool
) -> None:
    builder = subprocess.Popen(
        world.command("ensure"),
        env=world.environment(FAKE_GO_MODE="hang"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert eventually(lambda: world.compiler.exists() and bool(world.compiler.read_text()))
        go = json.loads(world.record.read_text())["pid"]
        compiler = int(world.compiler.read_text())
        assert alive(go)
        assert alive(compiler)
    finally:
        builder.send_signal(sent)
    assert builder.wait(20) == code
    gone = eventually(lambda: not alive(go) and not alive(compiler))
    for pid in () if gone else (go, compiler):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert gone
    assert world.entries() == []
    assert (world.cache / "staging").exists() is not swept
    assert run(world, "paths").returncode == 1

    again = run(world, "ensure")
    assert again.returncode == 0, again.stderr
    assert not (world.cache / "staging").exists()
    assert len(world.entries()) == 1


def test_two_builds_at_once_build_once(world: World) -> None:
    slow = world.path / "go"
    slow.write_text(slow.read_text().replace("    target.write_text", "    time.sleep(1)\n    target.write_text"))
    first = subprocess.Popen(
        world.command("ensure"), env=world.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert eventually(world.record.exists)
    second = run(world, "ensure")
    assert first.wait(20) == 0
    assert second.returncode == 0
    assert f"process {first.pid} is building in" in second.stderr
    assert "building 2" not in second.stderr
    assert len(world.record.read_text().splitlines()) == 2


def test_a_file_cut_short_is_built_again(world: World) -> None:
    assert run(world, "ensure").returncode == 0
    (entry,) = world.entries()
    (world.cache / entry / "bin" / "two").write_text("")
    assert run(world, "status").returncode == 1
    assert run(world, "ensure").returncode == 0
    assert run(world, "status", "--verify").returncode == 0


def test_a_changed_pin_is_built_beside_the_old_one_and_clean_removes_the_old(world: World) -> None:
    assert run(world, "ensure").returncode == 0
    (old,) = world.entries()
    module = world.root / "modules" / "small" / "go.mod"
    module.write_text(module.read_text() + "\nrequire example.test/other v1.0.0\n")
    assert run(world, "ensure").returncode == 0
    assert len(world.entries()) == 2
    in_use = run(world, "bin").stdout.strip()
    cleaned = run(world, "clean")
    assert cleaned.returncode == 0
    assert f"removed {old}" in cleaned.stdout
    assert old not in world.entries()
    assert Path(in_use).is_dir()
    assert run(world, "status").returncode == 0
    assert run(world, "clean", "--all").returncode == 0
    assert world.entries() == []


def test_tools_on_path_are_used_and_nothing_is_built(world: World) -> None:
    for name in ("one", "two"):
        (world.path / name).write_text("#!/bin/sh\necho one v1.9.0\n")
        (world.path / name).chmod(0o755)
    result = run(world, "paths")
    assert result.returncode == 0
    assert result.stdout.splitlines() == [f"one={world.path / 'one'}", f"two={world.path / 'two'}"]
    assert run(world, "ensure").stderr == ""
    assert not world.record.exists()


def test_without_go_the_message_says_what_to_install(world: World) -> None:
    (world.path / "go").unlink()
    result = run(world, "ensure")
    assert result.returncode == 4
    assert "Go is needed to build one, two, and there is no `go` on PATH" in result.stderr
    assert "Install Go 1.26.0 or later" in result.stderr


def test_a_go_that_is_too_old_is_named_with_what_is_needed(world: World) -> None:
    result = run(world, "ensure", FAKE_GO_VERSION="go1.25.9")
    assert result.returncode == 4
    assert "Go 1.25.9 at" in result.stderr
    assert "small/go.mod asks for Go 1.26.0" in result.stderr
    assert world.entries() == []


def test_asking_for_paths_never_builds(world: World) -> None:
    result = run(world, "paths")
    assert result.returncode == 1
    assert "not built yet: small" in result.stderr
    assert "python3 -m toolchain ensure" in result.stderr
    assert not world.record.exists()


def test_an_unknown_name_is_a_usage_error(world: World) -> None:
    result = run(world, "ensure", "--only", "tow")
    assert result.returncode == 2
    assert "Did you mean two?" in result.stderr


def test_quiet_says_nothing(world: World) -> None:
    result = run(world, "ensure", "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
