"""The example's parent under another name, deployed to both environments."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.issuer import PREFIX
from tests.integration.identity.people import ENVIRONMENTS, GROUPS, PARENT, Login, Shop
from tests.integration.program.world import environment, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import Sandbox

_DEPLOYED: list[Shop] = []


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Remove the example after the last test of this folder.

    A group of the identity provider has one alias on an auth method, so no other parent could have it meanwhile.
    """
    if nextitem is not None and Path(__file__).parent in nextitem.path.parents:
        return
    while _DEPLOYED:
        found = _DEPLOYED.pop()
        for env in ENVIRONMENTS:
            removal = ("destroy", "--run-program", "--yes", "--skip-preview", "--non-interactive", "--stack", env)
            command = ["pulumi", *removal]
            gone = run(command, cwd=found.folder, environ=environment(found.box, env))
            assert gone.code == 0, gone.text


@pytest.fixture(scope="session")
def shop(box: Sandbox, area: Path) -> Shop:
    """The example, deployed to staging and prod."""
    folder = area / "projects" / "identity"
    folder.mkdir(parents=True)
    source = box.project
    for name in ("__main__.py", "apps"):
        (shutil.copytree if (source / name).is_dir() else shutil.copy)(source / name, folder / name)
    (folder / "parent.yaml").write_text(
        (source / "parent.yaml").read_text().replace("\nname: shop\n", f"\nname: {PARENT}\n")
    )
    project = (source / "Pulumi.yaml").read_text().splitlines()
    lines = [line if not line.startswith("name:") else f"name: {PARENT}" for line in project]
    (folder / "Pulumi.yaml").write_text("\n".join(lines) + "\n")
    for env in ENVIRONMENTS:
        init = ["pulumi", "stack", "init", env, "--secrets-provider", f"hashivault://pulumi-{env}", "--no-select"]
        made = run([*init, "--non-interactive"], cwd=folder, environ=environment(box, env))
        assert made.code == 0, made.text
        key = (folder / f"Pulumi.{env}.yaml").read_text()
        (folder / f"Pulumi.{env}.yaml").write_text(key + (source / f"Pulumi.{env}.yaml").read_text())
    found = Shop(box, folder)
    _DEPLOYED.append(found)
    for env in ENVIRONMENTS:
        done = found.up(env)
        assert done.code == 0, done.text
    assert PREFIX == "oidc:"
    return found


@pytest.fixture(scope="session")
def logins(box: Sandbox, shop: Shop) -> Iterator[dict[tuple[str, str], Login]]:  # noqa: ARG001 - its groups are there then
    """Everybody in every environment, logged in."""
    found = {(who, env): Login(box, who, env) for who in GROUPS for env in ENVIRONMENTS}
    yield found
    for login in found.values():
        login.close()
