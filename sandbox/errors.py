"""Errors of the sandbox.

    SandboxError            something of the sandbox cannot go on; the message says what, where and what to do
    ├── PartFailedError          a process ended or never became healthy
    ├── LockedError              another command works on the same sandbox and did not finish in time
    ├── MissingToolError         a binary is neither built nor on PATH
    └── SeedError           the seed file says something that cannot be done

Exit codes of ``python -m sandbox``: 0 done; 1 a `SandboxError`; 2 wrong arguments; 3 ``status`` found a part
that is not healthy; 130 interrupted. ``deploy`` ends with Pulumi's own code.
"""

from __future__ import annotations


class SandboxError(Exception):
    """Something of the sandbox cannot go on."""


class PartFailedError(SandboxError):
    """A process ended or never became healthy."""


class LockedError(SandboxError):
    """Another command works on the same sandbox."""


class MissingToolError(SandboxError):
    """A binary is neither built nor on PATH."""


class SeedError(SandboxError):
    """The seed file says something that cannot be done."""
