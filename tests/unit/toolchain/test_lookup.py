from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from toolchain.catalogue import TOOLS, Tool
from toolchain.errors import UnknownToolError
from toolchain.lookup import Lookup
from toolchain.resolve import Source, plan, select

if TYPE_CHECKING:
    from pathlib import Path

KUBECTL = '#!/bin/sh\nprintf \'{{"clientVersion": {{"gitVersion": "{}"}}}}\\n\'\n'


def tool(name: str) -> Tool:
    return next(tool for tool in TOOLS if tool.name == name)


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_copy_whose_version_fits_is_found(tmp_path: Path) -> None:
    path = script(tmp_path / "bin" / "kubectl", KUBECTL.format("v1.34.0"))
    found = Lookup(tmp_path / "cache", str(path.parent)).find(tool("kubectl"))
    assert found is not None
    assert (found.path, found.version, found.fits) == (path, "1.34.0", True)


def test_a_dispatcher_of_an_older_version_does_not_fit(tmp_path: Path) -> None:
    path = script(tmp_path / "bin" / "kubectl", KUBECTL.format("v1.32.4-dispatcher"))
    found = Lookup(tmp_path / "cache", str(path.parent)).find(tool("kubectl"))
    assert found is not None
    assert (found.version, found.fits) == ("1.32.4-dispatcher", False)


def test_only_the_first_copy_counts(tmp_path: Path) -> None:
    first = script(tmp_path / "old" / "kubectl", KUBECTL.format("v1.20.0"))
    script(tmp_path / "new" / "kubectl", KUBECTL.format("v1.36.0"))
    search = f"{tmp_path / 'old'}{os.pathsep}{tmp_path / 'new'}"
    found = Lookup(tmp_path / "cache", search).find(tool("kubectl"))
    assert found is not None
    assert (found.path, found.fits) == (first, False)


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 3\n", "#!/bin/sh\necho hello\n", "not a program"])
def test_a_copy_that_tells_no_version_does_not_fit(tmp_path: Path, text: str) -> None:
    path = script(tmp_path / "bin" / "kubectl", text)
    found = Lookup(tmp_path / "cache", str(path.parent)).find(tool("kubectl"))
    assert found is not None
    assert (found.version, found.fits) == ("", False)


def test_the_caches_own_links_do_not_stand_in_for_themselves(tmp_path: Path) -> None:
    script(tmp_path / "cache" / "bin-0" / "kubectl", KUBECTL.format("v1.36.3"))
    assert Lookup(tmp_path / "cache", str(tmp_path / "cache" / "bin-0")).find(tool("kubectl")) is None


def test_an_answer_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    text = f"#!/bin/sh\necho x >> {asked}\necho 'Vault v1.19.5'\n"
    path = script(tmp_path / "bin" / "vault", text)
    for _ in range(2):
        lookup = Lookup(tmp_path / "cache", str(path.parent))
        assert lookup.find(tool("vault")) is not None
        lookup.remember()
    assert asked.read_text() == "x\n"
    script(path, text.replace("1.19.5", "1.14.10"))
    found = Lookup(tmp_path / "cache", str(path.parent)).find(tool("vault"))
    assert found is not None
    assert (found.version, found.fits) == ("1.14.10", False)
    assert asked.read_text() == "x\nx\n"


def test_damaged_memory_is_only_forgotten(tmp_path: Path) -> None:
    path = script(tmp_path / "bin" / "vault", "#!/bin/sh\necho 'Vault v1.19.5'\n")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "versions.json").write_text("{")
    assert Lookup(tmp_path / "cache", str(path.parent)).find(tool("vault")) is not None


def decisions(tmp_path: Path, *folders: Path, **environment: str) -> dict[str, Source]:
    go = script(tmp_path / "go" / "go", "#!/bin/sh\necho go version go1.26.1 linux/amd64\n")
    search = os.pathsep.join(map(str, (*folders, go.parent)))
    decided = plan(None, {"PATH": search, "AOA_TOOLCHAIN_CACHE": str(tmp_path / "cache"), **environment})
    return {r.tool.name: r.source for r in decided.resolutions}


@pytest.fixture
def go_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = script(tmp_path / "go" / "go", "#!/bin/sh\necho go version go1.26.1 linux/amd64\n")
    monkeypatch.setenv("PATH", f"{go.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")


@pytest.mark.usefixtures("go_on_path")
def test_pulumi_is_taken_from_path_together_with_its_language_host(tmp_path: Path) -> None:
    folder = tmp_path / "pulumi"
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"):
        script(folder / name, "#!/bin/sh\necho v3.260.1\n")
    sources = decisions(tmp_path, folder)
    assert sources["pulumi"] == sources["pulumi-language-python"] == sources["pulumi-language-python-exec"]
    assert sources["pulumi"] is Source.PATH
    assert sources["pulumi-resource-vault"] is Source.MISSING


@pytest.mark.usefixtures("go_on_path")
def test_a_language_host_is_found_behind_a_link_to_pulumi(tmp_path: Path) -> None:
    folder = tmp_path / "installed"
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"):
        script(folder / name, "#!/bin/sh\necho v3.260.1\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(folder / "pulumi")
    assert decisions(tmp_path, tmp_path / "bin")["pulumi-language-python"] is Source.PATH


@pytest.mark.usefixtures("go_on_path")
def test_pulumi_without_a_language_host_beside_it_is_not_taken(tmp_path: Path) -> None:
    script(tmp_path / "pulumi" / "pulumi", "#!/bin/sh\necho v3.260.1\n")
    sources = decisions(tmp_path, tmp_path / "pulumi")
    assert sources["pulumi"] is Source.MISSING
    assert sources["pulumi-language-python"] is Source.MISSING


@pytest.mark.usefixtures("go_on_path")
def test_plugins_can_be_left_to_pulumi(tmp_path: Path) -> None:
    sources = decisions(tmp_path, AOA_TOOLCHAIN_DOWNLOAD_PLUGINS="1")
    assert {name for name, source in sources.items() if source is Source.DOWNLOAD} == {
        "pulumi-resource-kubernetes",
        "pulumi-resource-vault",
    }


def test_names_of_tools_and_of_groups_can_be_asked_for() -> None:
    assert [tool.name for tool in select(["kubectl"])] == ["kubectl"]
    assert [tool.name for tool in select(["kubernetes"])] == [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubectl",
    ]
    assert [tool.name for tool in select(["pulumi"])] == [
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
    ]


def test_an_unknown_name_says_what_was_perhaps_meant() -> None:
    with pytest.raises(UnknownToolError, match=r"'kubctl'. Did you mean kubectl\?"):
        select(["kubctl"])
