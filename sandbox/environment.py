"""The variables under which ``pulumi``, ``kubectl`` and ``vault`` work on a sandbox and on nothing else."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.layout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.layout import Layout
    from sandbox.tools import Tools

_FOREIGN = ("VAULT_", "PULUMI_", "KUBECONFIG", "KUBECACHEDIR", "KUBERNETES_", "AOA_ENVIRONMENT_", "AOA_STATE_")
"""Variables of the caller that would lead a tool somewhere else; none of them is passed on."""


def is_foreign(name: str) -> bool:
    """Whether a variable of this name could lead a tool away from the sandbox."""
    return name.startswith(_FOREIGN)


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without foreign variables."""
    return {name: value for name, value in environ.items() if not is_foreign(name)}


def variables(layout: Layout, tools: Tools, vault_address: str, env: str | None) -> dict[str, str]:
    """Everything except Vault's token. For one `env`, kubeconfig and token know that environment only."""
    folders = [layout.bin, _venv_bin(), *tools.bin_dirs]
    path = [str(folder) for folder in folders]
    rest = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry and entry not in path]
    return {
        "PATH": os.pathsep.join([*path, *rest]),
        "KUBECONFIG": str(layout.env_kubeconfig(env) if env else layout.kubeconfig),
        # kubectl keeps what it learned of a cluster's API in ~/.kube/cache otherwise.
        "KUBECACHEDIR": str(layout.root / "kube-cache"),
        "VAULT_ADDR": vault_address,
        "VAULT_CONFIG_PATH": str(layout.vault / "cli.hcl"),
        "PULUMI_HOME": str(layout.pulumi_home),
        "PULUMI_BACKEND_URL": f"file://{layout.state}",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        # Nothing is downloaded behind one's back, unless the plugins were left to Pulumi.
        **({"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1"} if tools.plugins else {}),
        "PULUMI_ERROR_OUTPUT_STRING": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "AOA_SANDBOX_DIR": str(layout.root),
        "AOA_ENVIRONMENT_OVERLAY_DIR": str(layout.overlay),
        "AOA_STATE_DIR": str(layout.root / "aoa"),
    }


def _venv_bin() -> Path:
    """The running virtual environment's programs, or those of the checkout's."""
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "bin"
    return CHECKOUT / ".venv" / "bin"


def exports(layout: Layout, values: Mapping[str, str]) -> str:
    """Shell lines for ``eval``. Vault's token is read from its file by the shell, so it is not printed."""
    foreign = sorted(name for name in os.environ if is_foreign(name) and name not in values and name != "VAULT_TOKEN")
    lines = [f"unset {' '.join(foreign)}"] if foreign else []
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    token = shlex.quote(str(layout.token()))
    return "\n".join([*lines, f'export VAULT_TOKEN="$(cat {token})"']) + "\n"
