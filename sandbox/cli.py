"""``python -m sandbox``: the sandbox's commands. Results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from sandbox import report
from sandbox.errors import SandboxError, SeedError
from sandbox.layout import ENVIRONMENTS
from sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NEXT = """
Try next:
  eval "$(make -s env)"          pulumi, kubectl, vault and aoa of this shell work on the sandbox
  aoa graph                      who waits for whom
  pulumi preview -s staging      after you have changed a version in Pulumi.staging.yaml
  make serve                     one page for all of it: http://127.0.0.1:8440"""

OK, NO, INVALID, UNAVAILABLE, FAILED, INTERRUPTED = 0, 1, 2, 4, 5, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `sandbox.errors` for what the codes mean."""
    options = _parser().parse_args(arguments)
    box = Sandbox(options.dir, say=_tell)
    try:
        command: Callable[[Sandbox, argparse.Namespace], int] = options.run
        return command(box, options)
    except SeedError as error:
        _tell(f"error: {error}")
        return INVALID
    except SandboxError as error:
        _tell(f"error: {error}")
        return UNAVAILABLE
    except KeyboardInterrupt:
        _tell("interrupted; run the same command again to go on")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _tell(text: str) -> None:
    """Progress and errors."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _print(text: str) -> None:
    """Results."""
    sys.stdout.write(text + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__.splitlines()[0])
    parser.add_argument("--dir", help="the sandbox's folder (default: $AOA_SANDBOX_DIR, then .sandbox of the checkout)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[Sandbox, argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(run=run)
        return command

    add("up", _up, "start what is not running, mend what is broken; data stays")
    add("down", _down, "stop everything; data stays")
    add("reset", _reset, "stop everything and remove all data, keys and state")
    status = add("status", _status, "health, pid, port, uptime, memory and log of every part")
    status.add_argument("--output", choices=("table", "json"), default="table")
    add("env", _env, 'lines for `eval "$(...)"`: pulumi, kubectl and vault then work on the sandbox')
    logs = add("logs", _logs, "the end of a part's log")
    logs.add_argument("part", help="as `status` names it, for example staging/kube-apiserver")
    logs.add_argument("-n", "--lines", type=int, default=50)
    logs.add_argument("-f", "--follow", action="store_true", help="keep printing what is added")
    put = add("vault-put", _vault_put, "set one key of a secret; the value is read from stdin")
    put.add_argument("env", choices=ENVIRONMENTS)
    put.add_argument("path", help="below the environment's kv mount, for example orders/database")
    put.add_argument("key")
    person = add("as", _as, "run a command as a member of a team, after a login at the sandbox's identity provider")
    person.add_argument("person", help="one of sandbox/people.yaml, for example ben")
    person.add_argument("env", choices=ENVIRONMENTS)
    person.add_argument("command", nargs="+", metavar="COMMAND", help="after --, for example -- kubectl get pods -A")
    service = add("service", _service, "write the settings of `aoa serve` for this sandbox and print their file")
    service.add_argument("--listen", default="127.0.0.1:8440", help="address and port (default: %(default)s)")
    add("next", _next, "what to try next")
    deploy = add("deploy", _deploy, "`pulumi up` for each environment in order, stopping at the first failure")
    deploy.add_argument("envs", nargs="*", metavar="ENV", help=f"default: {' '.join(ENVIRONMENTS)}")
    return parser


def _up(box: Sandbox, _: argparse.Namespace) -> int:
    done = box.up()
    if done.repaired:
        _tell(f"repaired: {', '.join(done.repaired)}")
    _tell(f"sandbox is up: {len(done.outcomes)} parts healthy ({done.seconds:.1f} s)")
    return OK


def _down(box: Sandbox, _: argparse.Namespace) -> int:
    stopped = box.down()
    _tell(f"sandbox is down: {len(stopped)} processes stopped, data kept")
    return OK


def _reset(box: Sandbox, _: argparse.Namespace) -> int:
    box.reset()
    _tell(f"removed {box.layout.root}")
    return OK


def _status(box: Sandbox, options: argparse.Namespace) -> int:
    lines = box.status()
    if options.output == "json":
        _print(json.dumps([asdict(line) for line in lines], indent=2))
    else:
        _print(report.table(lines, color=sys.stdout.isatty() and not os.environ.get("NO_COLOR")))
    return OK if lines and all(line.health == "healthy" for line in lines) else NO


def _env(box: Sandbox, _: argparse.Namespace) -> int:
    _print(box.exports().rstrip("\n"))
    return OK


def _service(box: Sandbox, options: argparse.Namespace) -> int:
    _print(str(box.service_settings(options.listen)))
    return OK


def _logs(box: Sandbox, options: argparse.Namespace) -> int:
    log = box.layout.log(options.part)
    known = sorted(line.name for line in box.status())
    if options.part not in known or not log.exists():
        message = f"{options.part}: no such part or no log yet; parts are: {', '.join(known) or 'none before `up`'}"
        raise SandboxError(message)
    follow = ["-F"] if options.follow else []
    tail = shutil.which("tail") or "tail"
    return subprocess.run([tail, "-n", str(options.lines), *follow, str(log)], check=False).returncode


def _vault_put(box: Sandbox, options: argparse.Namespace) -> int:
    if sys.stdin.isatty():
        _tell("value (end with Ctrl-D):")
    value = sys.stdin.read().removesuffix("\n")
    if not value:
        _tell("error: stdin was empty; the value is read from there")
        return INVALID
    box.put_secret(options.env, options.path, {options.key: value})
    _tell(f"kv-{options.env}/{options.path}: {options.key} set")
    return OK


def _as(box: Sandbox, options: argparse.Namespace) -> int:
    environ = box.as_person(options.person, options.env)
    program = shutil.which(options.command[0], path=environ["PATH"])
    if program is None:
        _tell(f"error: {options.command[0]} is not on PATH")
        return INVALID
    return subprocess.run([program, *options.command[1:]], env=environ, check=False).returncode


def _next(_: Sandbox, __: argparse.Namespace) -> int:
    _tell(_NEXT)
    return OK


def _deploy(box: Sandbox, options: argparse.Namespace) -> int:
    box.release_dead_locks()
    if not (box.project / "Pulumi.yaml").exists():
        message = f"{box.project / 'Pulumi.yaml'}: there is no Pulumi project to deploy"
        raise SandboxError(message)
    unknown = sorted(set(options.envs) - set(ENVIRONMENTS))
    if unknown:
        _tell(f"error: no such environment: {', '.join(unknown)}; there are {', '.join(ENVIRONMENTS)}")
        return INVALID
    for env in options.envs or ENVIRONMENTS:
        command = ["pulumi", "up", "--yes", "--skip-preview", "--suppress-outputs", "--stack", env]
        _tell(f"$ {' '.join(command)}")
        environ = box.environment(env)
        # Found by the child's PATH: the sandbox's own `pulumi`, see docs/sandbox.md.
        code = subprocess.run([str(box.layout.bin / "pulumi"), *command[1:]], cwd=box.project, env=environ, check=False)
        if code.returncode:
            _tell(f"error: {env} failed (pulumi ended with {code.returncode}); later environments were not touched")
            return FAILED
    return OK
