"""The command: `python -m bench`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import changed_preview, first_up, machine, many_children, noop_preview, service_load, table, validation
from bench.laboratory import CommandFailedError, laboratory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Result

DOCUMENT = Path(__file__).resolve().parent.parent / "docs/benchmarks.md"
NAMES = ("noop", "preview", "up", "many", "validate", "service")
_ON_SANDBOX = {
    "up": first_up.measure,
    "preview": changed_preview.measure,
    "noop": noop_preview.measure,
    "many": many_children.measure,
    "service": service_load.measure,
}


def main() -> int:
    """Run what was asked for, print one table, and keep the figures of what was measured in full."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, smaller sizes, nothing saved")
    parser.add_argument("--only", default="", metavar="A,B", help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--no-save", action="store_true", help="leave docs/benchmarks.md alone")
    arguments = parser.parse_args()
    wanted = [name for name in arguments.only.split(",") if name] or list(NAMES)
    if unknown := sorted(set(wanted) - set(NAMES)):
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    # Asked to end, it ends as after Ctrl-C: the sandbox is taken down and its folder removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    save = not arguments.quick and not arguments.no_save
    found: dict[str, Result] = {}
    failures: dict[str, CommandFailedError] = {}
    for name, outcome, facts in _measure(wanted, quick=arguments.quick):
        if isinstance(outcome, CommandFailedError):
            failures[name] = outcome
            continue
        found[name] = outcome
        if save:
            DOCUMENT.write_text(table.replaced(DOCUMENT.read_text(), name, table.markdown(outcome, facts)))
    print(table.plain([found[name] for name in NAMES if name in found]))
    if save and found:
        print(f"\nsaved in {DOCUMENT.relative_to(DOCUMENT.parent.parent)}")
    for name, error in failures.items():
        print(f"\n{name} was not measured: {error}", file=sys.stderr)
    return 1 if failures else 0


def _measure(wanted: list[str], *, quick: bool) -> Iterator[tuple[str, Result | CommandFailedError, dict[str, str]]]:
    """Yield each measurement as soon as it is done: its name, its result or what went wrong, and the machine."""
    if "validate" in wanted:
        _say("validate …")
        facts = machine.describe(os.environ)
        yield "validate", validation.measure(os.environ, quick=quick), facts
    on_sandbox = [name for name in _ON_SANDBOX if name in wanted]
    if not on_sandbox:
        return
    _say("a sandbox of its own …")
    with laboratory() as lab:
        for name in on_sandbox:
            _say(f"{name} …")
            facts = machine.describe(lab.environ)
            try:
                outcome: Result | CommandFailedError = _ON_SANDBOX[name](lab, quick=quick)
            except CommandFailedError as error:
                outcome = error
            yield name, outcome, facts


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
