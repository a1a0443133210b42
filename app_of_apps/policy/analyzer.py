"""Starts a policy pack in its own virtual environment; the engine finds this program on PATH by its name.

An engine whose language host cannot run packs looks for ``pulumi-analyzer-policy-<runtime>`` where the pack's runtime
has no language host at all, and starts it with its own address, ``.`` and one argument ``-<name>=<value>`` for each
option of the runtime. `packs` writes such a pack: it names this program's runtime, and where the real pack is.
"""

from __future__ import annotations

import os
import sys

RUNTIME = "aoa-python"


def main() -> None:
    """Become the pack's interpreter."""
    address, _, *rest = sys.argv[1:]
    options = dict(one.removeprefix("-").split("=", 1) for one in rest if one.startswith("-") and "=" in one)
    os.chdir(options["folder"])
    os.execv(options["python"], [options["python"], "-u", "-m", "pulumi.policy", address, "."])  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
