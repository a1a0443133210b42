"""The sandbox's `pulumi`: which commands get a configuration file, and what is in it.

The real program behind it is replaced by one that prints its arguments, which is all that the wrapper decides.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from components.guarded_delete import HOOK
from sandbox import pulumi
from sandbox.layout import Layout
from sandbox.tools import Tools

if TYPE_CHECKING:
    from pathlib import Path

COMMITTED = "# committed\nencryptedkey: of-the-real-stack\nconfig:\n  app-of-apps:environment:\n    name: staging\n"


@dataclass
class Setup:
    layout: Layout
    project: Path

    def run(self, *arguments: str, cwd: Path | None = None, **environ: str) -> list[str]:
        done = subprocess.run(
            [str(self.layout.bin / "pulumi"), *arguments],
            cwd=cwd or self.project,
            env={"PATH": os.defpath, **environ},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    @property
    def file(self) -> Path:
        return self.layout.stacks / "Pulumi.staging.yaml"

    @property
    def added(self) -> list[str]:
        return ["--config-file", str(self.file)]


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    layout = Layout((tmp_path / "box with space").resolve())
    project = (tmp_path / "it's a project").resolve()
    (project / "sub").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: app-of-apps\n")
    (project / "Pulumi.staging.yaml").write_text(COMMITTED)
    real = tmp_path / "real"
    # Asked for the selected stack it names one; otherwise it tells its arguments.
    real.write_text(
        '#!/bin/sh\nif [ "$1 $2" = "stack --show-name" ]; then echo organization/app-of-apps/staging; exit; fi\n'
        'for argument in "$@"; do printf "%s\\n" "$argument"; done\n'
        'if [ -n "${PULUMI_RUN_PROGRAM-}" ]; then echo "run program: $PULUMI_RUN_PROGRAM"; fi\n'
    )
    real.chmod(0o755)
    (layout.stacks / "init").mkdir(parents=True)
    key = layout.stacks / "init/Pulumi.staging.yaml"
    key.write_text("secretsprovider: hashivault://pulumi-staging\nencryptedkey: of-the-sandbox\n")
    pulumi.prepare(layout, Tools({"pulumi": real}, (), tmp_path, {}), project)
    return Setup(layout, project)


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "-s", "staging"),
        ("up", "--stack", "staging", "--yes"),
        ("--stack=staging", "preview", "--diff"),
        ("refresh", "--stack=organization/app-of-apps/staging"),
        ("destroy", "-s", "staging"),
        ("up",),
        ("up", "-m", "preview", "-s", "staging"),
    ],
)
def test_commands_that_read_configuration_get_the_sandboxs_file(setup: Setup, arguments: tuple[str, ...]) -> None:
    assert setup.run(*arguments) == [*arguments, *setup.added]
    text = setup.file.read_text()
    assert text.startswith("secretsprovider: hashivault://pulumi-staging\nencryptedkey: of-the-sandbox\n")
    assert "of-the-real-stack" not in text
    assert "name: staging" in text
    assert (setup.project / "Pulumi.staging.yaml").read_text() == COMMITTED


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "-s", "somebody-elses"),
        ("up", "-s", "staging", "--config-file", "mine.yaml"),
        ("up", "-s", "staging", "--config-file=mine.yaml"),
        ("config", "set", "up", "preview", "-s", "staging"),
        ("stack", "output", "up", "-s", "staging"),
        ("stack", "history", "-s", "staging"),
        ("version",),
        (),
    ],
)
def test_everything_else_passes_through(setup: Setup, arguments: tuple[str, ...]) -> None:
    assert setup.run(*arguments) == list(arguments)


@pytest.mark.parametrize("verb", ["destroy", "down", "dn", "refresh"])
def test_what_holds_a_guarded_resource_is_removed_and_read_with_the_program(setup: Setup, verb: str) -> None:
    assert setup.run(verb, "-s", "staging") == [verb, "-s", "staging", *setup.added]
    state = setup.layout.state / ".pulumi/stacks/app-of-apps/staging.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"resourceHooks": {"BeforeDelete": [HOOK]}}))
    assert setup.run(verb, "-s", "staging")[-1] == "run program: true"
    assert setup.run(verb, "-s", "staging", PULUMI_RUN_PROGRAM="false")[-1] == "run program: false"
    assert setup.run("up", "-s", "staging") == ["up", "-s", "staging", *setup.added]


def test_the_stack_may_come_from_the_environment(setup: Setup) -> None:
    assert setup.run("up", PULUMI_STACK="somebody-elses") == ["up"]
    assert setup.run("up", PULUMI_STACK="staging") == ["up", *setup.added]


def test_the_project_is_found_from_a_folder_in_it_and_from_cwd_flags(setup: Setup, tmp_path: Path) -> None:
    assert setup.run("up", "-s", "staging", cwd=setup.project / "sub")[-2:] == setup.added
    assert setup.run("-C", str(setup.project), "up", "-s", "staging", cwd=tmp_path)[-2:] == setup.added
    assert setup.run(f"--cwd={setup.project}", "up", "-s", "staging", cwd=tmp_path)[-2:] == setup.added


def test_another_project_is_left_alone(setup: Setup, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "Pulumi.yaml").write_text("name: app-of-apps\n")
    assert setup.run("up", "-s", "staging", cwd=other) == ["up", "-s", "staging"]
    assert setup.run("up", "-s", "staging", cwd=tmp_path) == ["up", "-s", "staging"]


def test_removing_a_stack_keeps_the_committed_file(setup: Setup) -> None:
    assert setup.run("stack", "rm", "-s", "staging") == ["stack", "rm", "-s", "staging", "--preserve-config"]


def test_history_is_shown_without_asking_for_a_key(setup: Setup) -> None:
    given = ("stack", "history", "--show-secrets", "--json", "-s", "staging")
    assert setup.run(*given) == ["stack", "history", "--json", "-s", "staging"]


def test_a_change_of_the_committed_file_is_seen_by_the_next_command(setup: Setup) -> None:
    setup.run("up", "-s", "staging")
    (setup.project / "Pulumi.staging.yaml").write_text(COMMITTED.replace("name: staging", "name: changed"))
    setup.run("up", "-s", "staging")
    assert "name: changed" in setup.file.read_text()


def test_locks_are_released_only_when_their_holder_is_gone(tmp_path: Path) -> None:
    import json
    import socket

    layout = Layout(tmp_path)
    folder = layout.state / ".pulumi/locks/organization/app-of-apps/staging"
    folder.mkdir(parents=True)
    gone = subprocess.Popen(["true"])
    gone.wait()
    holders = {
        "dead": (gone.pid, socket.gethostname()),
        "live": (os.getpid(), socket.gethostname()),
        "far": (gone.pid, "x"),
    }
    for name, (pid, host) in holders.items():
        (folder / f"{name}.json").write_text(json.dumps({"pid": pid, "hostname": host}))
    (folder / "broken.json").write_text("{")
    assert [file.stem for file in pulumi.dead_locks(layout)] == ["dead"]


def test_what_was_half_written_beside_a_state_is_found(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    folder = layout.state / ".pulumi/stacks/app-of-apps"
    folder.mkdir(parents=True)
    (folder / "staging.json.attrs").write_text("")
    (folder / "prod.json.attrs").write_text("{}")
    (folder / "staging.json").write_text("")
    assert pulumi.torn_attributes(layout) == [folder / "staging.json.attrs"]
