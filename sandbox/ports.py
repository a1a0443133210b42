"""Free loopback ports, found once and remembered, so that addresses survive ``down`` and ``up``."""

from __future__ import annotations

import hashlib
import socket
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError
from sandbox.files import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

# Below the kernel's range for outgoing connections (32768 and up): a port remembered over `down` is not taken by a
# passing connection in between.
_FIRST, _LAST = 20000, 32000


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def settle(folder: Path, names: Iterable[str], in_use: Collection[str]) -> tuple[dict[str, int], list[str]]:
    """Give every name a port and return ports and the names whose remembered port had to change.

    `in_use` are the names whose part is running: their port is busy because of themselves. The search starts at a
    place derived from the folder, so that sandboxes started at the same moment look in different places.
    """
    path = folder / "ports.json"
    remembered: dict[str, int] = read_json(path) or {}
    ports = {name: remembered[name] for name in names if name in remembered}
    moved = []
    seed = int.from_bytes(hashlib.sha256(str(folder).encode()).digest()[:4], "big")
    candidate = _FIRST + seed % (_LAST - _FIRST)
    for name in names:
        if name in ports and (name in in_use or is_free(ports[name])):
            continue
        if name in ports:
            moved.append(name)
        for _ in range(_LAST - _FIRST):
            candidate = candidate + 1 if candidate < _LAST else _FIRST
            if candidate not in ports.values() and is_free(candidate):
                break
        else:
            message = f"no free TCP port on 127.0.0.1 between {_FIRST} and {_LAST}. Stop some servers and try again."
            raise SandboxError(message)
        ports[name] = candidate
    write_json(path, ports)
    return ports, moved
