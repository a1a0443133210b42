from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolchain.cache import Cache, key, root
from toolchain.catalogue import Binary, Group
from toolchain.errors import CacheError

GROUP = Group("small", (Binary("one", "example.test/one", 3),), ldflags="-X a=b")
GO = "go1.26 linux/amd64"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    (folder / "inner").mkdir(parents=True)
    (folder / "go.mod").write_text("module small\n")
    (folder / "inner" / "go.sum").write_text("sum\n")
    return folder


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"AOA_TOOLCHAIN_CACHE": "/a/b"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/app-of-apps/toolchain"),
        ({"XDG_CACHE_HOME": ""}, str(Path("~/.cache/app-of-apps/toolchain").expanduser())),
        ({}, str(Path("~/.cache/app-of-apps/toolchain").expanduser())),
    ],
)
def test_the_cache_is_outside_the_checkout(environment: dict[str, str], expected: str) -> None:
    assert root(environment) == Path(expected)


def test_the_same_content_has_the_same_key_wherever_it_is(folder: Path, tmp_path: Path) -> None:
    first = key(GROUP, folder, GO)
    assert key(GROUP, folder.rename(tmp_path / "moved"), GO) == first
    assert len(first) == 16


def test_a_changed_file_changes_the_key(folder: Path) -> None:
    before = key(GROUP, folder, GO)
    (folder / "inner" / "go.sum").write_text("other\n")
    assert key(GROUP, folder, GO) != before


def test_bytes_moved_between_files_change_the_key(folder: Path) -> None:
    (folder / "a").write_text("xy")
    (folder / "b").write_text("z")
    before = key(GROUP, folder, GO)
    (folder / "a").write_text("x")
    (folder / "b").write_text("yz")
    assert key(GROUP, folder, GO) != before


def test_a_new_or_renamed_file_changes_the_key(folder: Path) -> None:
    before = key(GROUP, folder, GO)
    (folder / "main.go").write_text("")
    added = key(GROUP, folder, GO)
    (folder / "main.go").rename(folder / "other.go")
    assert len({before, added, key(GROUP, folder, GO)}) == 3


def test_the_recipe_and_the_go_version_are_part_of_the_key(folder: Path) -> None:
    keys = {
        key(GROUP, folder, GO),
        key(GROUP, folder, "go1.27 linux/amd64"),
        key(GROUP, folder, "go1.26 darwin/arm64"),
        key(dataclasses.replace(GROUP, ldflags="-X a=c"), folder, GO),
        key(dataclasses.replace(GROUP, tags="minimal"), folder, GO),
    }
    assert len(keys) == 5


def test_a_better_estimate_does_not_rebuild(folder: Path) -> None:
    quicker = dataclasses.replace(GROUP, binaries=(dataclasses.replace(GROUP.binaries[0], seconds=1),))
    assert key(quicker, folder, GO) == key(GROUP, folder, GO)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    (tmp_path / "cache").mkdir()
    return Cache(tmp_path / "cache")


def publish(cache: Cache, text: str = "binary") -> Path:
    entry = cache.entry(GROUP, "0" * 16)
    with cache.staging(GROUP) as staging:
        output = staging / "output"
        (output / "bin").mkdir(parents=True)
        (output / "bin" / "one").write_text(text)
        cache.publish(output, entry, {"group": "small"})
    return entry


def test_a_published_entry_is_trusted_and_staging_is_gone(cache: Cache) -> None:
    entry = publish(cache)
    assert cache.complete(entry)
    assert cache.damaged(entry) == []
    assert [p.name for p in cache.root.iterdir()] == [entry.name]


@pytest.mark.parametrize("damage", ["no manifest", "half a manifest", "truncated file", "missing file"])
def test_an_incomplete_entry_is_not_trusted_and_is_replaced(cache: Cache, damage: str) -> None:
    entry = publish(cache)
    match damage:
        case "no manifest":
            (entry / "manifest.json").unlink()
        case "half a manifest":
            (entry / "manifest.json").write_text((entry / "manifest.json").read_text()[:20])
        case "truncated file":
            (entry / "bin" / "one").write_text("bin")
        case _:
            (entry / "bin" / "one").unlink()
    assert not cache.complete(entry)
    assert cache.complete(publish(cache, "built again"))
    assert (entry / "bin" / "one").read_text() == "built again"


def test_a_file_changed_in_place_is_found_by_reading_it(cache: Cache) -> None:
    entry = publish(cache)
    (entry / "bin" / "one").write_text("yranib")
    assert cache.complete(entry)
    assert cache.damaged(entry) == ["bin/one"]


def test_what_a_dead_builder_left_is_swept(cache: Cache) -> None:
    litter = cache.root / "staging" / "other-1"
    litter.mkdir(parents=True)
    (litter / "half").write_text("x")
    with cache.staging(GROUP) as staging:
        assert [p.name for p in staging.parent.iterdir()] == [staging.name]


HOLDER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from toolchain.cache import Cache
with Cache(Path(sys.argv[2])).lock(lambda holder: None):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


def hold(cache: Cache, seconds: float) -> subprocess.Popen[str]:
    checkout = str(Path(__file__).parents[3])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, checkout, str(cache.root), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_builder_says_whom_it_waits_for_and_then_goes_on(cache: Cache) -> None:
    told: list[str] = []
    with hold(cache, 1.0) as holder, cache.lock(told.append):
        assert holder.poll() is not None or holder.wait(5) == 0
    assert told == [str(holder.pid)]


def test_a_killed_builder_does_not_keep_the_lock(cache: Cache) -> None:
    with hold(cache, 600) as holder:
        holder.kill()
        holder.wait()
        began = time.monotonic()
        with cache.lock(lambda _: None):
            assert time.monotonic() - began < 5


def test_a_cache_that_cannot_be_written_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="Set AOA_TOOLCHAIN_CACHE"), Cache(tmp_path / "file" / "cache").lock(print):
        pass


def test_the_lock_names_its_holder_only_while_held(cache: Cache) -> None:
    with cache.lock(lambda _: None):
        assert (cache.root / "lock").read_text() == str(os.getpid())
    assert (cache.root / "lock").read_text() == ""
