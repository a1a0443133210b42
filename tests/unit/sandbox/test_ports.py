from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from sandbox import ports
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["vault", "staging/etcd", "prod/etcd"]


def test_ports_are_distinct_free_and_remembered(tmp_path: Path) -> None:
    first, moved = ports.settle(tmp_path, NAMES, set())
    assert moved == []
    assert len(set(first.values())) == len(NAMES)
    assert all(ports.is_free(port) for port in first.values())
    assert ports.settle(tmp_path, NAMES, set()) == (first, [])


def test_a_port_that_somebody_took_moves_and_the_others_stay(tmp_path: Path) -> None:
    first, _ = ports.settle(tmp_path, NAMES, set())
    with socket.create_server(("127.0.0.1", first["vault"])):
        second, moved = ports.settle(tmp_path, NAMES, set())
    assert moved == ["vault"]
    assert second["vault"] != first["vault"]
    assert {name: second[name] for name in NAMES[1:]} == {name: first[name] for name in NAMES[1:]}


def test_a_port_that_is_busy_with_its_own_part_stays(tmp_path: Path) -> None:
    first, _ = ports.settle(tmp_path, NAMES, set())
    with socket.create_server(("127.0.0.1", first["vault"])):
        assert ports.settle(tmp_path, NAMES, {"vault"}) == (first, [])


def test_two_folders_look_in_different_places(tmp_path: Path) -> None:
    found = [ports.settle(tmp_path / name, NAMES, set())[0] for name in ("one", "two")]
    assert not set(found[0].values()) & set(found[1].values())


def test_running_out_of_ports_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    with pytest.raises(SandboxError, match="no free TCP port"):
        ports.settle(tmp_path, NAMES, set())
