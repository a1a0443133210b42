"""A change of versions changes the versions: no comment, quote, blank or line end beside them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app_of_apps.environment.edit_versions import with_versions
from app_of_apps.environment.replace_file import replace_file
from app_of_apps.errors import InvalidInput
from app_of_apps.manifest.source import parse

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
# The last environment.
config:
    app-of-apps:environment:
        name: prod
        versions:   # promoted, not typed
            # The catalog is behind on purpose.
            catalog:   '2.8.3'   # until the sale is over
            orders: 1.13.2

            "mailer" : "1.3"
        children: {catalog: {replicas: 3}}   # 2.8.3 needs three
other: 1.13.2
"""
PIN = "@sha256:" + "ab" * 32


def edited(text: str, **wanted: str) -> str:
    return with_versions(text, "Pulumi.prod.yaml", wanted)


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    pairs = zip(before.split("\n"), after.split("\n"), strict=True)
    return [(old, new) for old, new in pairs if old != new]


def test_only_the_value_of_the_child_changes() -> None:
    assert changed_lines(FILE, edited(FILE, catalog="2.9.0")) == [
        (
            "            catalog:   '2.8.3'   # until the sale is over",
            "            catalog:   '2.9.0'   # until the sale is over",
        )
    ]


def test_each_version_keeps_its_quotes() -> None:
    after = edited(FILE, catalog="3.0", orders="1.14.0", mailer="1.4")
    assert [new.strip() for _, new in changed_lines(FILE, after)] == [
        "catalog:   '3.0'   # until the sale is over",
        "orders: 1.14.0",
        '"mailer" : "1.4"',
    ]


@pytest.mark.parametrize("version", ["1.10", "2024-01-01", "null", "0x10", "012", PIN])
def test_a_version_that_could_be_read_as_something_else_gets_quotes(version: str) -> None:
    assert [new.strip() for _, new in changed_lines(FILE, edited(FILE, orders=version))] == [f'orders: "{version}"']


def test_a_pinned_version_needs_none() -> None:
    assert f"            orders: 1.14.0{PIN}\n" in edited(FILE, orders=f"1.14.0{PIN}")


def test_a_child_without_a_version_gets_one_behind_the_last() -> None:
    assert edited(FILE, storefront="3.1.0") == FILE.replace(
        '"mailer" : "1.3"\n', '"mailer" : "1.3"\n            "storefront": "3.1.0"\n'
    )


def test_a_file_in_one_line_stays_in_one_line() -> None:
    text = '{"config": {"app-of-apps:environment": {"versions": {"api": "1.0", "web": "2.0"}}}}'
    assert edited(text, web="2.1", job="1.1") == text.replace('"2.0"', '"2.1", "job": "1.1"')


def test_a_pinned_version_in_a_flow_mapping_gets_quotes() -> None:
    text = "config: {'app-of-apps:environment': {versions: {api: 1.0.0, web: 2.0.0}}}\n"
    assert edited(text, api=f"1.0.1{PIN}") == text.replace("1.0.0", f'"1.0.1{PIN}"')


def test_an_anchor_that_others_use_is_not_changed_in_secret() -> None:
    text = FILE.replace("orders: 1.13.2", "orders: &both 1.13.2").replace('"1.3"', "*both")
    with pytest.raises(InvalidInput, match=r"Pulumi\.prod\.yaml:7:13: .*without changing something else"):
        edited(text, orders="1.14.0")
    assert edited(text, orders="1.14.0", mailer="1.14.1") == text.replace("&both 1.13.2", "&both 1.14.0").replace(
        "*both", "1.14.1"
    )


def test_a_version_that_stands_on_several_lines_is_left_alone() -> None:
    for spelling in ("|-\n                1.13.2", '"1.1\\\n                3.2"', "\n                1.13.2 "):
        text = FILE.replace("orders: 1.13.2", f"orders: {spelling}")
        try:
            after = edited(text, orders="1.14.0")
        except InvalidInput as error:
            assert "Pulumi.prod.yaml:" in str(error)  # noqa: PT017 - refused, or right
        else:
            assert parse(after, "x").documents[0].data["config"]["app-of-apps:environment"]["versions"] == {
                "catalog": "2.8.3",
                "orders": "1.14.0",
                "mailer": "1.3",
            }


@pytest.mark.parametrize("text", ["config: {}\n", "config:\n  app-of-apps:environment:\n    versions: {}\n", "a: [\n"])
def test_a_file_without_versions_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^Pulumi\.prod\.yaml:\d"):
        edited(text, api="1.0.0")


def test_a_file_is_replaced_whole_with_its_mode_and_line_ends(tmp_path: Path) -> None:
    file, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    file.write_bytes(b"a: 1\r\n")
    file.chmod(0o640)
    link.symlink_to(file)
    replace_file(link, "a: 2\r\n")
    assert link.is_symlink()
    assert file.read_bytes() == b"a: 2\r\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_a_file_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    replace_file(tmp_path / "new.yaml", "a: 1\n")
    assert (tmp_path / "new.yaml").read_text() == "a: 1\n"


# --- any file ---------------------------------------------------------------------------------------------------------

NAMES = ["api", "api-2", "no", "web", "null", "x9", "catalog"]
versions = st.one_of(
    st.sampled_from(
        ["1.0.0", "1.10", "v1", "no", "null", "2024-01-01", "0b1", "_", "1e3", PIN, f"1.0{PIN}", "A" * 128]
    ),
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,9}", fullmatch=True),
)
quotes = st.sampled_from(['"', "'"])
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff"), max_size=8)
comments = st.one_of(st.just(""), texts.map(lambda text: f"  # {text}"))
between = st.lists(
    st.one_of(st.just(""), texts.map(lambda text: f"   # {text}"), st.just("      # api: 1.0.0")), max_size=2
)


@st.composite
def files(draw: st.DrawFn) -> tuple[list[str], dict[str, tuple[int, str]]]:
    """Draw a stack file as pieces, and for each child the index of the piece that is its version, and its quote."""
    indent = " " * draw(st.integers(1, 5))
    pieces = [f"# {draw(texts)}\nencryptionsalt: 'v1:api: 1.0.0'\nconfig:\n  app-of-apps:environment:\n    versions:"]
    places: dict[str, tuple[int, str]] = {}
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    flow = draw(st.booleans())
    pieces.append(" {" if flow else draw(comments))
    for name in names:
        key, quote = draw(quotes), draw(quotes)
        start = f"{key}{name}{key}:{' ' * draw(st.integers(1, 3))}"
        if flow:
            pieces.append(", " if places else "")
        else:
            pieces.append("".join(f"\n{line}" for line in draw(between)) + f"\n    {indent}")
        pieces += [start, f"{quote}{draw(versions)}{quote}"]
        places[name] = (len(pieces) - 1, quote)
        pieces.append("" if flow else draw(comments))
    pieces.append("}" if flow else "")
    pieces.append(
        f"{draw(comments)}\n    children: {{api: {{replicas: 1}}}}\nlast: {draw(quotes).join(['', 'x', ''])}\n"
        if flow
        else "\n    name: prod\n"
    )
    return pieces, places


@settings(deadline=None)
@given(files(), st.data())
@example((["config:\n  app-of-apps:environment:\n    versions:\n      api: ", '"1"', ""], {"api": (1, '"')}), None)
def test_every_other_byte_of_any_file_stays(
    file: tuple[list[str], dict[str, tuple[int, str]]], data: st.DataObject | None
) -> None:
    pieces, places = file
    chosen = st.dictionaries(st.sampled_from(sorted(places)), versions)
    wanted = data.draw(chosen) if data else {"api": "2"}
    expected = list(pieces)
    for name, version in wanted.items():
        at, quote = places[name]
        expected[at] = f"{quote}{version}{quote}"
    assert with_versions("".join(pieces), "x.yaml", wanted) == "".join(expected)


@settings(deadline=None)
@given(files(), versions)
def test_a_child_is_added_to_any_file_without_touching_the_others(
    file: tuple[list[str], dict[str, tuple[int, str]]], version: str
) -> None:
    before = "".join(file[0])
    after = with_versions(before, "x.yaml", {"added": version})
    found = parse(after, "x.yaml").documents[0].data["config"]["app-of-apps:environment"]["versions"]
    assert list(found)[-1] == "added"
    assert found["added"] == version
    position = next(index for index, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    rest = len(before) - position
    assert after[:position] + after[len(after) - rest :] == before
