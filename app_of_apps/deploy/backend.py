"""Where the engine keeps its state and its locks, when it keeps them in files."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping


def locks_folder(project: Path, stack: str, environ: Mapping[str, str]) -> Path | None:
    """Return where the locks of a stack are; None where the state is not in files, or nobody knows where it is."""
    return _place(project, environ, "locks/organization/{}", stack)


def checkpoint(project: Path, stack: str, environ: Mapping[str, str]) -> Path | None:
    """Return the file that a stack's state is in; None as for `locks_folder`. It may not exist."""
    return _place(project, environ, "stacks/{}", f"{stack}.json")


def mend_attributes(state: Path | None) -> None:
    """Remove what the engine's file store keeps beside a state file, where a kill has left it half written.

    The store puts content in its place in one step, and the file ``.attrs`` beside it (its type, a sum that nothing is
    compared with) in two. Without that file everything works; with half of it the engine does not read the state
    ("failed to load checkpoint: EOF"). Somebody who is just writing it loses nothing by this.
    """
    if state is None:
        return
    for suffix in (".attrs", ".bak.attrs"):
        attributes = state.with_name(state.name + suffix)
        with contextlib.suppress(OSError):
            try:
                json.loads(attributes.read_bytes())
            except ValueError:
                attributes.unlink()


def _place(project: Path, environ: Mapping[str, str], folder: str, name: str) -> Path | None:
    settings = _settings(project)
    root, known_as = _folder(_address(settings, environ), project), settings.get("name")
    return root / ".pulumi" / folder.format(known_as) / name if root is not None and known_as else None


def _address(settings: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """Return the address of the backend, found as the engine does: environment, project file, login."""
    named = environ.get("PULUMI_BACKEND_URL") or (settings.get("backend") or {}).get("url")
    if named:
        return str(named)
    home = Path(environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()
    file = Path(environ.get("PULUMI_CREDENTIALS_PATH") or home) / "credentials.json"
    try:
        return str(json.loads(file.read_text()).get("current") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def _folder(address: str, project: Path) -> Path | None:
    if not address.startswith("file://"):
        return None
    path = address.removeprefix("file://").partition("?")[0]
    return (project / Path(path).expanduser()).resolve()


def _settings(project: Path) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load((project / "Pulumi.yaml").read_text())
    except (OSError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}
