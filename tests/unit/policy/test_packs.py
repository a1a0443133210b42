"""How a pack gets to the engine: as it is, or as a folder that stands for it and names what starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from app_of_apps.environment.settings import PolicyPack
from app_of_apps.errors import InvalidInput, Unavailable
from app_of_apps.policy.packs import options, prepare, search_path

NEVER = SimpleNamespace()  # release and settings are not asked for by a pack of somebody else


def made(folder: Path, about: str, *, requirements: str | None = None) -> Path:
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text(about)
    if requirements is not None:
        (folder / "requirements.txt").write_text(requirements)
    return folder


def ready(folder: Path, **config):
    pack = PolicyPack(path=folder.name, config=config)
    cache = {"AOA_POLICY_CACHE": str(folder.parent / "cache")}
    said: list[str] = []
    (one,) = prepare([pack], NEVER, NEVER, project=folder.parent, say=said.append, environ=cache)
    return one, said


def test_a_pack_in_another_language_is_given_as_it_is(tmp_path):
    folder = made(tmp_path / "theirs", "runtime: nodejs\n")
    one, said = ready(folder, rule="advisory")
    assert (one.pack, said) == (folder, [])
    assert json.loads(one.config.read_text()) == {"rule": "advisory"}
    assert options([one]) == {"policy_packs": [str(folder)], "policy_pack_configs": [str(one.config)]}
    assert options([]) == {}


def test_a_pack_in_python_is_wrapped_and_uses_the_virtual_environment_beside_it(tmp_path):
    folder = made(tmp_path / "ours", "description: x\nruntime: {name: python, options: {virtualenv: venv}}\n")
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    one, said = ready(folder)
    about = json.loads((one.pack / "PulumiPolicy.yaml").read_text())
    assert said == []
    assert about == {
        "description": "x",
        "runtime": {"name": "aoa-python", "options": {"folder": str(folder), "python": str(python)}},
    }
    assert ready(folder)[0] == one


def test_the_program_that_starts_a_pack_becomes_its_interpreter_in_its_folder(tmp_path):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\npwd\necho "$@"\n')
    python.chmod(0o755)
    program = Path(search_path({}).split(":")[0]) / "pulumi-analyzer-policy-aoa-python"
    command = [str(program), "127.0.0.1:1", ".", f"-folder={tmp_path}", f"-python={python}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(tmp_path), "-u -m pulumi.policy 127.0.0.1:1 ."]


def test_what_cannot_be_installed_is_unavailable_and_passes_for_nothing_complete(tmp_path):
    folder = made(tmp_path / "ours", "runtime: python\n", requirements="./nothing-here\n")
    with pytest.raises(Unavailable, match="cannot be installed; nothing was touched"):
        ready(folder)
    assert list((tmp_path / "cache").glob("venv-*/.complete")) == []


@pytest.mark.parametrize(
    ("about", "says"), [("description: x\n", "does not say its runtime"), ("runtime: [", "cannot be read")]
)
def test_a_pack_whose_file_is_wrong_is_invalid(tmp_path, about, says):
    with pytest.raises(InvalidInput, match=says):
        ready(made(tmp_path / "broken", about))


def test_a_pack_in_python_says_what_it_needs(tmp_path):
    with pytest.raises(InvalidInput, match=r"requirements\.txt: cannot be read"):
        ready(made(tmp_path / "bare", "runtime: python\n"))
