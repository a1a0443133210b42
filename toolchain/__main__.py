"""Command line of the toolchain: ``python3 -m toolchain``."""
# ruff: noqa: T201 -- a command line prints

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from . import __doc__ as about
from .cache import LINKS_PREFIX, Cache, root
from .errors import ToolchainError
from .obtain import assemble, ensure
from .resolve import Plan, Source, plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_EXIT_CODES = """\
exit codes: 0 done; 1 something is not built; 2 unknown name or wrong usage; 4 no Go, or the cache
cannot be used; 5 a build failed; 130 or 143 interrupted"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    options = _parser().parse_args(arguments)
    names = options.only.split(",") if options.only else None
    try:
        match options.command:
            case "ensure":
                tools = ensure(names, quiet=options.quiet)
                if not options.quiet:
                    print(f"toolchain: {len(tools.tools)} tools ready; PATH={tools.bin_dir}:$PATH")
            case "status":
                return _status(plan(names), as_json=options.json, verify=options.verify)
            case "paths":
                tools = assemble(plan(names))
                _print_paths({name: str(path) for name, path in tools.tools.items()}, as_json=options.json)
            case "bin":
                print(assemble(plan(names)).bin_dir)
            case _:
                _clean(everything=options.all)
    except ToolchainError as error:
        print(f"toolchain: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("toolchain: interrupted; nothing half-built is kept", file=sys.stderr)
        return 128 + signal.SIGINT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m toolchain",
        description=(about or "").partition("\n")[0],
        epilog=_EXIT_CODES,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    only = argparse.ArgumentParser(add_help=False)
    only.add_argument("--only", metavar="NAME,NAME", help="these tools or groups; default: all")
    text = {
        "ensure": "find or build the tools",
        "status": "say where each tool comes from; exit code 1 if one must be built",
        "paths": "print name=path of each tool; builds nothing",
        "bin": "print the folder to put on PATH; builds nothing",
    }
    for name, summary in text.items():
        command = commands.add_parser(name, parents=[only], help=summary, description=summary)
        if name == "ensure":
            command.add_argument("--quiet", action="store_true", help="no progress")
        if name in {"status", "paths"}:
            command.add_argument("--json", action="store_true", help="for programs")
        if name == "status":
            command.add_argument("--verify", action="store_true", help="also read every built file (SHA-256)")
    summary = "remove what the pinned versions of this checkout no longer use"
    clean = commands.add_parser("clean", help=summary, description=summary)
    clean.add_argument("--all", action="store_true", help="remove everything")
    clean.set_defaults(only=None)
    return parser


def _status(decided: Plan, *, as_json: bool, verify: bool) -> int:
    damaged = {
        group: files
        for group, entry in decided.entries.items()
        if verify and decided.cache.complete(entry) and (files := decided.cache.damaged(entry))
    }
    rows = [
        {
            "tool": r.tool.name,
            "group": r.tool.group,
            "source": "damaged" if r.tool.group in damaged else r.source.value,
            "path": str(r.path) if r.path and r.source is not Source.MISSING else None,
            "onPath": r.found and {"path": str(r.found.path), "version": r.found.version, "fits": r.found.fits},
            "accepts": str(r.tool.fits) if r.tool.fits else None,
        }
        for r in decided.resolutions
    ]
    if as_json:
        print(json.dumps({"cache": str(decided.cache.root), "tools": rows}, indent=2))
    else:
        print(f"cache: {decided.cache.root}")
        for row, resolution in zip(rows, decided.resolutions, strict=True):
            found = resolution.found
            passed_over = (
                f"   (not {found.path}: {found.version or 'version unknown'}, accepted {resolution.tool.fits})"
                if found and not found.fits
                else ""
            )
            print(f"{row['tool']:<28} {row['source']:<9} {row['path'] or '-'}{passed_over}")
    for group, files in damaged.items():
        entry = decided.entries[group]
        print(f"{group}: not what was built: {', '.join(files)}\n  Run: rm -r {entry}", file=sys.stderr)
    return 1 if decided.missing or damaged else 0


def _print_paths(paths: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(paths, indent=2))
    else:
        print("\n".join(f"{name}={path}" for name, path in paths.items()))


def _clean(*, everything: bool) -> None:
    cache = Cache(root())
    if not cache.root.is_dir():
        print(f"nothing to remove: {cache.root} does not exist")
        return
    with cache.lock(lambda holder: print(f"waiting for process {holder}", file=sys.stderr)):
        keep = set() if everything else set(plan(None).entries.values())
        entries = cache.entries()
        links = [entry for entry in entries if entry.name.startswith(LINKS_PREFIX)]
        removed = 0
        # Built folders first: a folder of links is in use while everything that it links to is.
        for entry in [*(e for e in entries if e not in links), *links]:
            in_use = entry in keep if entry not in links else not everything and _resolves(entry)
            if not in_use:
                size = sum(p.lstat().st_size for p in entry.rglob("*") if p.is_file())
                shutil.rmtree(entry)
                removed += 1
                print(f"removed {entry.name} ({size / 1e6:.0f} MB)")
        for litter in ("staging", "logs") if everything else ("staging",):
            shutil.rmtree(cache.root / litter, ignore_errors=True)
        if everything:
            (cache.root / "versions.json").unlink(missing_ok=True)
    print(f"{removed} of {len(entries)} folders removed")


def _resolves(links: Path) -> bool:
    return all(link.exists() for link in links.iterdir())


def _terminated(*_: object) -> NoReturn:
    """Leave by an exception, so that builds are ended and their folders removed on the way."""
    raise SystemExit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
