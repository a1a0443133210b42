"""Downloads an archive, compares it with a SHA-256 and unpacks it: ``python fetch.py URL SHA256 FOLDER``.

Standard library only: it runs in the image's build, before anything is installed.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

_CHUNK = 1 << 20


def fetch(url: str, sha256: str, folder: Path) -> None:
    """Unpack the archive at an address into a folder; raises ValueError where it is not the one that was meant."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        msg = f"say the SHA-256 of {url}, 64 hexadecimal digits: --build-arg …_SHA256=…"
        raise ValueError(msg)
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as file:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - the builder's own address
            while chunk := answer.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != sha256:
            msg = f"{url} has the SHA-256 {digest.hexdigest()}, not {sha256}; nothing was unpacked"
            raise ValueError(msg)
        file.seek(0)
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=file, mode="r:gz") as archive:
            # Where Python is older than 3.11.4 there is no filter; what is unpacked was held to its digest.
            archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
            archive.extractall(folder)  # noqa: S202 - filtered as above


if __name__ == "__main__":
    try:
        fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    except ValueError as error:
        sys.exit(f"error: {error}")
