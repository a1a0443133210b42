"""Files below the parent manifest's folder, and none outside of it."""

# ruff: noqa: PTH118, PTH120 - paths stay text here: 500 files are located one by one
from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Outside(ValueError):
    """A reference leads out of the folder; the message says how."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The parent manifest's folder. ``shown`` is how messages name it, ``real`` has no symlink in it."""

    shown: str
    real: str

    @classmethod
    def of(cls, parent_file: Path) -> Folder:
        """Return the folder of a parent manifest."""
        shown = os.path.dirname(parent_file)
        return cls(shown, os.path.realpath(shown or "."))

    def locate(self, reference: str, beside: str = "") -> tuple[str, str]:
        """Return the real path of a reference and its path relative to the folder.

        ``beside`` is the file that the reference stands in, itself relative to this folder. Raises Outside for an
        absolute path and for one that leads out of the folder by `..` or by a symlink.
        """
        if reference.startswith("/") or "\0" in reference:
            msg = "must be relative to this file" if reference[0] == "/" else "is no path"
            raise Outside(msg)
        relative = os.path.normpath(os.path.join(os.path.dirname(beside), reference))
        if relative.split(os.sep, 1)[0] == os.pardir:
            msg = "leads out of the parent manifest's folder"
            raise Outside(msg)
        real = os.path.realpath(os.path.join(self.real, relative))
        if real != self.real and not real.startswith(self.real.rstrip(os.sep) + os.sep):
            msg = "is a symlink that leads out of the parent manifest's folder"
            raise Outside(msg)
        return real, relative

    def name(self, relative: str) -> str:
        """Return how messages name a file of the folder."""
        return os.path.join(self.shown, relative) if self.shown else relative
