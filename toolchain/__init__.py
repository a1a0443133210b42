"""The binaries that this project runs on: taken from PATH where they fit, else built from source.

    import toolchain
    tools = toolchain.ensure(["kubectl", "vault"])
    subprocess.run([tools.path("kubectl"), "version", "--client"])

Standard library only, so that it runs with a bare interpreter before any virtual environment
exists. It imports nothing of the rest of the repository and is never imported by what is deployed.
"""

import sys

# Before any import that an older interpreter cannot parse, and run before anything was installed.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        f"Python 3.11 or later is needed, this is {sys.version.split()[0]} ({sys.executable}).\n"
        "  Install it, or run: python3.11 -m toolchain ..."
    )

from .errors import (
    BuildError,
    CacheError,
    GoMissingError,
    NotReadyError,
    ToolchainError,
    UnknownToolError,
)
from .obtain import Toolchain, ensure

__all__ = [
    "BuildError",
    "CacheError",
    "GoMissingError",
    "NotReadyError",
    "Toolchain",
    "ToolchainError",
    "UnknownToolError",
    "ensure",
]
