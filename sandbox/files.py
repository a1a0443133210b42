"""Writing files so that an interruption leaves the old content or the new, never half of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

PRIVATE = 0o600
"""Mode of everything that grants access: keys, tokens, kubeconfigs."""


def write(path: Path, content: str | bytes, *, mode: int = 0o644) -> bool:
    """Replace `path` in one step and return whether its content changed; an equal file is left alone.

    The data is flushed to disk before the rename: a key that Vault was sealed with must outlive a power cut.
    """
    data = content.encode() if isinstance(content, str) else content
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == data and path.stat().st_mode & 0o777 == mode:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    return True


def write_json(path: Path, value: object, *, mode: int = 0o644) -> bool:
    """Write `value` as indented JSON (which is YAML too); see `write`."""
    return write(path, json.dumps(value, indent=2) + "\n", mode=mode)


def read_json(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """The JSON value in `path`, or ``None`` when there is no such file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def digest(*texts: str, paths: Iterable[Path] = ()) -> str:
    """A short digest over texts and the content of files, for "did anything change" questions only."""
    whole = hashlib.sha256()
    for text in texts:
        whole.update(text.encode() + b"\0")
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            whole.update(path.read_bytes())
        whole.update(b"\0")
    return whole.hexdigest()[:16]
