"""Run a command that cannot outlive its parent, even when the parent is killed with SIGKILL.

    python3 -I -S leash.py COMMAND ARGUMENT...     (standard input: a pipe the parent holds)

The parent keeps the other end of the pipe and writes nothing. It starts this script in a session of its own, so that
a terminal's Ctrl-C reaches the parent alone, which then closes the pipe. When the pipe closes, because the parent
closed it or because the kernel did after the parent's death, the command's process group gets SIGINT, which Go
answers by stopping its compilers and removing its scratch files, and SIGKILL after a moment for whatever is left.
This works the same on Linux and macOS; PR_SET_PDEATHSIG does not, and reaches only one process.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from contextlib import suppress

_GRACE_SECONDS = 5


def _wait_for_parent(group: int) -> None:
    """Block until standard input closes, then end the process group."""
    while True:
        select.select([sys.stdin.fileno()], [], [])
        if not os.read(sys.stdin.fileno(), 4096):
            break
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGINT)
        threading.Event().wait(_GRACE_SECONDS)
        os.killpg(group, signal.SIGKILL)


def main(command: list[str]) -> int:
    """Run ``command`` and return its exit code, 128 + n when signal n ended it."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    threading.Thread(target=_wait_for_parent, args=(child.pid,), daemon=True).start()
    code = child.wait()
    # A killed `go` leaves compilers behind for a moment; they are in its group.
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
