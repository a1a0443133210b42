"""What can go wrong in the toolchain, and the exit code of each.

    ToolchainError          1   base class, never raised itself
    ├── NotReadyError       1   a path was asked for that nobody has built yet
    ├── UnknownToolError    2   a name that the catalogue does not list
    ├── GoMissingError      4   something must be built and there is no usable Go
    ├── CacheError          4   the cache folder cannot be used
    └── BuildError          5   Go (or what it built) failed; the message has the log's end

An interrupted run ends with 130 (SIGINT) or 143 (SIGTERM), as a shell would report it.
"""

from __future__ import annotations


class ToolchainError(Exception):
    """Base of every error that this package raises on purpose; its text is meant for people."""

    exit_code = 1


class UnknownToolError(ToolchainError):
    """A tool or group was named that does not exist."""

    exit_code = 2


class GoMissingError(ToolchainError):
    """Something has to be built, but Go is absent or older than a module asks for."""

    exit_code = 4


class BuildError(ToolchainError):
    """A build failed; nothing of it is in the cache."""

    exit_code = 5


class NotReadyError(ToolchainError):
    """A tool was asked for that is neither on PATH nor in the cache."""

    exit_code = 1


class CacheError(ToolchainError):
    """The cache folder cannot be created, written or locked."""

    exit_code = 4
