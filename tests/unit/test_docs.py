"""What the documents say is true: links, files, commands, exit codes, manifests, and the newcomer's first service."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from app_of_apps import errors
from app_of_apps.cli.main import INTERRUPTED, app, run
from app_of_apps.environment.load import load_environment
from app_of_apps.manifest.load import load_manifest
from app_of_apps.release.resolve import resolve
from tests.example import copy_example

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("examples/**/*.md")])
README = CHECKOUT / "README.md"
# Rooms of the repository: a path that begins with one of them is meant to exist.
ROOMS = "app_of_apps|components|provider|templates|sandbox|toolchain|bench|docs|examples|apps|schema|tests"

documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))


def without_code(text: str) -> str:
    """The text without code blocks, indented ones in lists included."""
    return re.sub(r"^[ ]*```.*?^[ ]*```[ ]*$", "", text, flags=re.MULTILINE | re.DOTALL)


def headings(text: str) -> set[str]:
    """Anchors of a document as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def code_lines(text: str) -> list[str]:
    """Commands in console blocks, prompts taken off and continued lines joined."""
    blocks = re.findall(r"^[ ]*```(?:console|sh|bash)\n(.*?)^[ ]*```", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip().removeprefix("$ ") for line in lines if line.strip().startswith("$ ")]


def inline_code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", without_code(text))


def marked_blocks(text: str, mark: str) -> list[tuple[str, str]]:
    """YAML blocks below a comment `<!-- MARK VALUE -->`: the value and the block's content."""
    pattern = rf"<!-- {mark} ?([^>]*?) -->(?:\s*<!-- [^>]* -->)*\s*^([ ]*)```yaml\n(.*?)^[ ]*```"
    found = re.finditer(pattern, text, re.MULTILINE | re.DOTALL)
    return [(each[1], undented(each[3], len(each[2]))) for each in found]


def undented(block: str, columns: int) -> str:
    return "".join(line[columns:] if line.strip() else "\n" for line in block.splitlines(keepends=True))


@documents
def test_relative_links_lead_to_files_and_headings(document: Path) -> None:
    text = document.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{document.name} links to {target}"
        if anchor:
            assert anchor in headings(file.read_text()), f"{document.name} links to {target}"


@documents
def test_every_file_that_is_named_exists(document: Path) -> None:
    text = document.read_text()
    places = (CHECKOUT, document.parent)
    written_by_the_reader = {file for file, _ in marked_blocks(text, "write to")}
    for name in set(inline_code(text)) - written_by_the_reader:
        if re.fullmatch(rf"(?:{ROOMS})/[\w./*-]*", name):
            assert any(list(place.glob(name.rstrip("/"))) for place in places), f"{document.name} names {name}"


def test_every_page_is_listed_in_the_index_of_the_documentation() -> None:
    index = (CHECKOUT / "docs/index.md").read_text()
    for page in CHECKOUT.glob("docs/*.md"):
        assert page.name == "index.md" or f"]({page.name}" in index, f"docs/index.md does not list {page.name}"


def commands_named(program: str) -> list[tuple[str, list[str]]]:
    """Every use of a program in the documents: where, and its words."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text()
        for line in [*code_lines(text), *inline_code(text)]:
            command = re.split(r"\s+#|\s[|>]|&&", line)[0].strip()
            if command == program or command.startswith(f"{program} "):
                words = shlex.split(command)
                while "--" in words:  # what follows is a command of its own, and may be ours again
                    found.append((document.name, words[1 : words.index("--")]))
                    words = words[words.index("--") + 1 :]
                if words and words[0] == program:
                    found.append((document.name, words[1:]))
    return found


def test_every_make_command_that_is_named_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*)(?:[ a-z-]*):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    named = commands_named("make")
    assert {"up", "test"} <= {word for _, words in named for word in words}
    for document, words in named:
        for word in words:
            if not word.startswith("-") and "preview-" not in word:
                assert word in targets, f"{document} says `make {word}`"


def verbs_named(words: list[str]) -> list[Any]:
    """The commands that these words name, groups followed: `access show`, `up|preview`; empty when one is unknown."""
    commands = typer.main.get_command(app).commands
    for position, word in enumerate(words, 1):
        known = [commands[name] for name in word.split("|") if name in commands]
        if len(known) < len(word.split("|")):
            return []
        if not hasattr(known[0], "commands") or position == len(words):
            return known
        commands = known[0].commands
    return []


def test_every_aoa_command_that_is_named_exists_with_its_options() -> None:
    named = commands_named("aoa")
    assert {"validate", "graph", "render", "status"} <= {words[0] for _, words in named if words}
    for document, words in named:
        if not words or words[0].startswith("-"):
            continue
        verbs = verbs_named([word for word in words if not word.startswith("-")])
        assert verbs, f"{document} says `aoa {' '.join(words)}`"
        known = {option for verb in verbs for each in verb.params for option in [*each.opts, *each.secondary_opts]}
        for option in [word.partition("=")[0] for word in words if word.startswith("--")]:
            assert option in known | {"--help"}, f"{document} says `aoa {' '.join(words)}`"


def test_every_decision_is_listed() -> None:
    index = (CHECKOUT / "docs/adr/README.md").read_text()
    for page in CHECKOUT.glob("docs/adr/[0-9]*.md"):
        assert f"| [{page.name[:4]}]({page.name}) | " in index


def all_exit_codes() -> set[int]:
    """What errors.py and the CLI can end with, zero and interruption included."""
    classes = [errors.AppOfAppsError]
    for each in classes:
        classes += each.__subclasses__()
    return {0, INTERRUPTED, *(each.exit_code for each in classes)}


@pytest.mark.parametrize("name", ["docs/concepts.md", "docs/troubleshooting.md"])
def test_every_exit_code_is_documented_and_no_other(name: str) -> None:
    section = (CHECKOUT / name).read_text().partition("## Exit codes")[2].partition("\n## ")[0]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    assert documented == all_exit_codes()


MANIFESTS = [
    pytest.param(kind, block, id=f"{document.relative_to(CHECKOUT)}-{number}-{kind}")
    for document in DOCUMENTS
    for number, (kind, block) in enumerate(marked_blocks(document.read_text(), "manifest:"), 1)
]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A copy of the example world."""
    return copy_example(tmp_path)


def test_the_documents_show_manifests() -> None:
    assert {"child", "environment"} <= {parameter.values[0] for parameter in MANIFESTS}


@pytest.mark.parametrize(("kind", "block"), MANIFESTS)
def test_a_manifest_in_the_documents_is_valid(kind: str, block: str, world: Path) -> None:
    content = yaml.safe_load(block)
    if kind == "child":
        name = content["name"]
        (world / f"apps/{name}.yaml").write_text(block)
        with (world / "parent.yaml").open("a") as parent:
            if f"apps/{name}.yaml" not in (world / "parent.yaml").read_text():
                parent.write(f"  - apps/{name}.yaml\n")
        assert load_manifest(world / "parent.yaml").children[name].team == content["team"]
    elif kind == "parent":
        for child in content["children"]:
            file = world / child
            file.write_text(
                f"apiVersion: app-of-apps/v1\nkind: Child\nname: {file.stem}\ntype: worker\n"
                f"team: {next(iter(content['teams']))}\nimage: registry.example.com/x\n"
            )
        (world / "parent.yaml").write_text(block)
        assert load_manifest(world / "parent.yaml").parent.name == content["name"]
    else:
        name = content["config"]["app-of-apps:environment"]["name"]
        (world / f"Pulumi.{name}.yaml").write_text(block)
        assert load_environment(name, world).settings.name == name


def test_the_readmes_own_service_is_added_in_its_steps(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = README.read_text()
    for file, block in marked_blocks(readme, "write to"):
        (world / file).write_text(block)
    for file, block in marked_blocks(readme, "append to"):
        (world / file).write_text((world / file).read_text() + block)
    for where, block in marked_blocks(readme, "insert below"):
        line, files = re.fullmatch(r'"(.+)" in (.+)', where).groups()
        for file in files.split(", "):
            text = (world / file).read_text()
            assert text.count(f"{line}\n") == 1
            (world / file).write_text(text.replace(f"{line}\n", f"{line}\n{block}"))
    monkeypatch.chdir(world)
    before = set(load_manifest(CHECKOUT / "parent.yaml").children)
    manifest = load_manifest(world / "parent.yaml")
    assert set(manifest.children) - before == {"reviews"}
    for environment in ("staging", "prod"):
        release = resolve(manifest, load_environment(environment, world))
        assert release.child("reviews").image == "registry.example.com/shop/reviews:1.0.0"
    lines = [line for line in code_lines(readme) if line.startswith(("aoa validate", "aoa render"))]
    assert len(lines) >= 2
    for line in lines:
        assert run(shlex.split(line, comments=True)[1:]) == 0
    rendered = CliRunner().invoke(app, ["render", "staging"]).output
    assert "namespace: shop-reviews" in rendered


def test_outputs_in_the_readme_are_of_the_kind_they_claim() -> None:
    readme = README.read_text()
    below = readme.partition("<!-- output: aoa graph -->")[2]
    shown = below.partition("```console\n")[2].partition("```")[0]
    drawn = CliRunner().invoke(app, ["graph", "--project", str(CHECKOUT)]).output
    assert shown.removeprefix("$ aoa graph\n").strip() == drawn.strip()
