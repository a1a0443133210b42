"""A release as its record in the cluster keeps it: packed into the ConfigMap, and read back with its digest checked."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import zlib
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from app_of_apps.errors import Refused
from app_of_apps.release.content import child_digest, release_digest
from app_of_apps.release.digest import canonical_json
from app_of_apps.release.model import Release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.release.model import ResolvedChild

KEY: Final = "release.json.gz"
"""The key in the ConfigMap's binaryData."""
LARGEST: Final = 700 * 1024
"""Bytes, packed; a ConfigMap takes a mebibyte in all."""
_LARGEST_UNPACKED: Final = 64 * 1024 * 1024


def packed_release(release: Release) -> dict[str, str]:
    """Return the binaryData that keeps a release; nothing for one that is too large for a ConfigMap.

    Equal releases give equal bytes: canonical JSON, packed without a time.
    """
    content = canonical_json(release.model_dump(mode="json", by_alias=True))
    packed = gzip.compress(content, mtime=0)
    return {KEY: base64.b64encode(packed).decode()} if len(packed) <= LARGEST else {}


def stored_release(configmap: Mapping[str, Any]) -> Release:
    """Return the release that a record keeps.

    Raises Refused when the record keeps none, or one that is not what its digests name: a record that was tampered
    with, or made by a version of the program with another idea of a release.
    """
    name = str(configmap["metadata"]["name"])
    data = configmap.get("data") or {}
    packed = (configmap.get("binaryData") or {}).get(KEY)
    if packed is None:
        msg = f"{name} does not keep its content (too large, or made by an earlier version); nothing was touched"
        raise Refused(msg)
    try:
        release = Release.model_validate_json(_unpacked(packed))
    except (ValidationError, ValueError, zlib.error, EOFError, OSError) as error:
        msg = f"{name} keeps a content that cannot be read ({type(error).__name__}); nothing was touched{_by(data)}"
        raise Refused(msg) from None
    if release.digest != data.get("digest") or not _is_named_truly(release):
        msg = f"the content of {name} is not what its digest names; nothing was touched{_by(data)}"
        raise Refused(msg)
    return release


def _unpacked(text: str) -> bytes:
    try:
        packed = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError from error
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        content = stream.read(_LARGEST_UNPACKED + 1)
    if len(content) > _LARGEST_UNPACKED:
        raise ValueError
    return content


def _is_named_truly(release: Release) -> bool:
    fields = {name: getattr(release, name) for name in Release.model_fields if name not in {"cluster", "digest"}}
    return all(map(_child_is_named_truly, release.children)) and release_digest(**fields) == release.digest


def _child_is_named_truly(child: ResolvedChild) -> bool:
    fields = {name: getattr(child, name) for name in type(child).model_fields if name not in {"spec", "digest"}}
    return child_digest(spec=child.spec, **fields) == child.digest


def _by(data: Mapping[str, Any]) -> str:
    version = data.get("programVersion")
    return f"; it was made by version {version} of the program" if version else ""
