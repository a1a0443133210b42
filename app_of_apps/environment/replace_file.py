"""Putting a new text in a file's place: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

_NEW: Final = 0o644
"""The mode of a file that was not there."""


def replace_file(file: Path, text: str) -> None:
    """Put ``text`` in the place of ``file``, which keeps its mode or is made; a link keeps leading to it.

    The text is written as it is, its line ends too. Whatever breaks off leaves the file as it was.
    """
    real = file.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
        new.chmod(real.stat().st_mode & 0o777 if real.exists() else _NEW)
        new.replace(real)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
