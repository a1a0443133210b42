"""The Containerfile, read and not built: there is no container engine where these tests run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
FILE = CHECKOUT / "deploy/Containerfile"


def instructions() -> list[tuple[str, str]]:
    lines = [line for line in FILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def those(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


def arguments() -> dict[str, str | None]:
    found = [rest.partition("=") for rest in those("ARG")]
    return {name: value if sign else None for name, sign, value in found}


def test_every_instruction_is_one():
    known = {"ARG", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "RUN", "STOPSIGNAL", "USER", "WORKDIR"}
    assert {name for name, _ in instructions()} <= known, "ADD takes addresses, VOLUME and CMD are not needed"


def test_everything_that_is_copied_is_there_and_in_the_context():
    allowed = {
        line[1:] for line in (CHECKOUT / "deploy/Containerfile.dockerignore").read_text().splitlines() if line[0] == "!"
    }
    copied = set()
    for rest in those("COPY"):
        words = rest.split()
        if words[0].startswith("--from="):
            assert words[0].removeprefix("--from=") in {"tools", "package"}
            continue
        for source in words[:-1]:
            assert (CHECKOUT / source).exists(), source
            copied.add(source)
    assert copied == allowed


def test_every_stage_begins_with_the_same_base_of_a_fixed_tag():
    stages = those("FROM")
    assert {stage.split()[0] for stage in stages} == {"${BASE}"}
    assert re.fullmatch(r"python:3\.11-slim-bookworm(@sha256:[0-9a-f]{64})?", arguments()["BASE"])


def test_it_ends_as_a_user_with_a_number_that_is_not_root():
    assert [name for name, _ in instructions()][-4:] == ["USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT"]
    assert re.fullmatch(r"[1-9][0-9]{3,}:[1-9][0-9]{3,}", those("USER")[-1])


def test_it_begins_the_service():
    assert those("ENTRYPOINT")[-1].endswith('"aoa", "serve"]')


def test_its_versions_are_those_that_are_tested():
    pinned = dict(line.split("==") for line in (CHECKOUT / "requirements.txt").read_text().splitlines() if "==" in line)
    found = arguments()
    assert found["PULUMI_VERSION"] == pinned["pulumi"]
    assert found["KUBERNETES_PROVIDER_VERSION"] == pinned["pulumi-kubernetes"]
    assert found["VAULT_PROVIDER_VERSION"] == pinned["pulumi-vault"]


def test_each_download_is_held_to_a_digest_that_whoever_builds_has_to_give():
    found = arguments()
    for name in ("PULUMI_SHA256", "KUBERNETES_PROVIDER_SHA256", "VAULT_PROVIDER_SHA256"):
        assert found[name] is None
    for command in those("RUN"):
        assert not re.search(r"\b(curl|wget)\b", command), "fetch.py compares; these do not"


@pytest.mark.parametrize("number", range(3))
def test_its_commands_are_a_shells(number: int):
    done = subprocess.run(["sh", "-n", "-c", those("RUN")[number]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert those("RUN")[number].startswith("set -eu")


def test_the_chart_and_the_image_agree_on_the_user():
    user = those("USER")[-1].split(":")[0]
    for template in ("_names.tpl", "deployment.yaml"):
        text = (CHECKOUT / "deploy/chart/templates" / template).read_text()
        assert set(re.findall(r"runAs(?:User|Group): (\d+)", text)) == {user}
