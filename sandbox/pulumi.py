"""Pulumi in the sandbox: a home of its own, state on disk, stacks whose state is encrypted by the sandbox's Vault."""

from __future__ import annotations

import contextlib
import json
import shlex
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError
from sandbox.files import read_json, write, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.layout import Layout
    from sandbox.tools import Tools

_WRAPPER = Path(__file__).parent / "pulumi_wrapper.sh"
_FALLBACK_NAME = "app-of-apps"


def project_name(project: Path) -> str:
    """The name in ``Pulumi.yaml`` of the folder `project`."""
    try:
        lines = (project / "Pulumi.yaml").read_text().splitlines()
    except FileNotFoundError:
        return _FALLBACK_NAME
    for line in lines:
        key, _, value = line.partition(":")
        if key == "name":
            return value.split("#")[0].strip().strip("'\"")
    message = f"{project / 'Pulumi.yaml'}: has no line `name: ...`"
    raise SandboxError(message)


def prepare(layout: Layout, tools: Tools, project: Path) -> None:
    """Make ``PULUMI_HOME`` with the plugins, the state folder and the ``pulumi`` of the sandbox's shell."""
    layout.state.mkdir(parents=True, exist_ok=True)
    for name, source in tools.plugins.items():
        # A real folder with links in it: the CLI does not look into a plugin folder that is a link.
        folder = layout.pulumi_home / "plugins" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in source.iterdir():
            link = folder / file.name
            if not link.is_symlink() or link.readlink() != file:
                link.unlink(missing_ok=True)
                link.symlink_to(file)
    values = {
        "REAL": tools.paths["pulumi"],
        "PROJECT": project,
        "STACKS": layout.stacks,
        "STATES": layout.state / ".pulumi" / "stacks" / project_name(project),
    }
    script = _WRAPPER.read_text()
    for key, value in values.items():
        script = script.replace(f"@{key}@", shlex.quote(str(value)))
    write(layout.bin / "pulumi", script, mode=0o755)


def ensure_stack(layout: Layout, tools: Tools, project: Path, env: str, environ: Mapping[str, str]) -> bool:
    """Make the stack `env` with its state key wrapped by Vault's ``pulumi-<env>``; return whether it was missing.

    It is made from a scratch project of the same name, so that the CLI writes the wrapped key there and not into
    the committed ``Pulumi.<env>.yaml``.
    """
    name = project_name(project)
    scratch = layout.stacks / "init"
    key = scratch / f"Pulumi.{env}.yaml"
    checkpoint = layout.state / ".pulumi" / "stacks" / name / f"{env}.json"
    if checkpoint.exists() and key.exists() and "encryptedkey:" in key.read_text():
        return False
    write_json(scratch / "Pulumi.yaml", {"name": name, "runtime": "python"})
    if checkpoint.exists():
        if _restore_key(checkpoint, key):
            return True
        # Made by a run that was interrupted before it had noted the key, so nothing has been deployed with it.
        _pulumi(tools, scratch, environ, "stack", "rm", "--yes", "--stack", env, "--preserve-config")
    provider = f"hashivault://pulumi-{env}"
    try:
        _pulumi(tools, scratch, environ, "stack", "init", "--stack", env, "--secrets-provider", provider, "--no-select")
    except SandboxError as error:
        # The engine of a run that was killed goes on by itself, and may have made the stack meanwhile.
        if "already exists" not in str(error):
            raise
        return ensure_stack(layout, tools, project, env, environ)
    return True


def dead_locks(layout: Layout) -> list[Path]:
    """Lock files in the state folder whose holder, a process of this machine, no longer runs."""
    found = []
    for file in (layout.state / ".pulumi" / "locks").glob("**/*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            holder = json.loads(file.read_bytes())
            if holder["hostname"] == socket.gethostname() and not Path(f"/proc/{int(holder['pid'])}").exists():
                found.append(file)
    return found


def torn_attributes(layout: Layout) -> list[Path]:
    """Files beside the stacks' states that a kill has left half written; the engine reads no such state."""
    found = []
    for file in (layout.state / ".pulumi" / "stacks").glob("**/*.attrs"):
        with contextlib.suppress(OSError):
            try:
                json.loads(file.read_bytes())
            except ValueError:
                found.append(file)
    return found


def _restore_key(checkpoint: Path, key: Path) -> bool:
    """Take the wrapped key from a stack's own state; return whether it is there."""
    deployment = (read_json(checkpoint) or {}).get("checkpoint", {}).get("latest") or {}
    provider = (deployment.get("secrets_providers") or {}).get("state") or {}
    if not provider.get("encryptedkey"):
        return False
    write(key, f"secretsprovider: {provider['url']}\nencryptedkey: {provider['encryptedkey']}\n")
    return True


def _pulumi(tools: Tools, folder: Path, environ: Mapping[str, str], *arguments: str) -> None:
    command = [str(tools.paths["pulumi"]), *arguments, "--non-interactive"]
    result = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if result.returncode:
        words = (result.stderr or result.stdout).strip()
        message = f"`pulumi {' '.join(arguments)}` ended with code {result.returncode}: {words}"
        raise SandboxError(message)
