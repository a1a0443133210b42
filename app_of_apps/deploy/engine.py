"""Runs one operation of the Pulumi engine on one environment, through the Automation API and the local program.

The engine runs in a session of its own, so that an interruption reaches it once and through us, and it can end what it
has begun. The only module here that imports Pulumi, and the reason why it is imported late.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pulumi import automation
from pulumi.automation._cmd import _parse_and_validate_pulumi_version
from pulumi.automation._env import _SKIP_VERSION_CHECK_VAR
from pulumi.automation._minimum_version import _MINIMUM_VERSION
from pulumi.automation._stack import StackInitMode
from pulumi.automation.errors import create_command_error

from app_of_apps.deploy.events import Event, of_engine
from app_of_apps.deploy.locks import front_variable, held_by
from app_of_apps.deploy.processes import as_nice_as_this
from app_of_apps.deploy.redact import Redactor
from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from semver import VersionInfo

OPERATIONS = ("preview", "up", "refresh", "destroy")
_ENGINE = "pulumi"
# A Vault that takes a request and does not answer: its client would wait for a minute, three times.
_VARIABLES = {
    "PULUMI_SKIP_UPDATE_CHECK": "1",
    "VAULT_CLIENT_TIMEOUT": os.environ.get("VAULT_CLIENT_TIMEOUT", "10s"),
}


class EngineFailed(Exception):
    """The engine ended with an error. ``output`` is its own text, for when its events do not say why.

    ``killed`` says that a signal ended it, so that what it had begun may be more than its events tell.
    """

    def __init__(self, output: str, *, killed: bool = False) -> None:
        """Keep the text."""
        super().__init__(output)
        self.output = output
        self.killed = killed


class Engine:
    """One operation at a time on one stack."""

    def __init__(
        self,
        project: Path,
        stack: str,
        environ: Mapping[str, str] | None = None,
        *,
        version: subprocess.Popen[str] | None = None,
    ) -> None:
        """Find the engine on PATH; raises Unavailable when it is not there.

        ``version`` is a process of `pulumi version` that was started before; without one it is started here.
        """
        self._redact = Redactor()
        self._command = _Command(version)
        self._folder = str(project.resolve())
        self._environ = {**_VARIABLES, **front_variable(), **(environ or {})}
        workspace = _Workspace(work_dir=self._folder, pulumi_command=self._command, env_vars=self._environ)
        self._stack = _Stack.select(stack, workspace)

    def run(
        self,
        operation: str,
        on_event: Callable[[Event], None],
        *,
        options: Mapping[str, Any] | None = None,
        watch: Callable[[automation.EngineEvent], None] | None = None,
    ) -> None:
        """Run an operation to its end and pass its events on, from another thread; to ``watch`` as the engine has them.

        Raises EngineFailed when the engine ends with an error, Unavailable when it cannot start or has no such stack.
        """

        def take(event: automation.EngineEvent) -> None:
            if watch is not None:
                watch(event)
            taken = of_engine(event, self._redact)
            if taken is not None:
                on_event(taken)

        extra: dict[str, Any] = dict(options or {})
        if operation != "preview":
            extra["show_secrets"] = False
        if operation == "destroy":
            # With the program, because its resources have delete hooks; a stack without resources has nothing to run.
            extra["run_program"] = self._has_resources()
        try:
            getattr(self._stack, operation)(on_event=take, color="never", **extra)
        except automation.StackNotFoundError as error:
            name = self._stack.name
            msg = f"there is no stack {name!r} in this state backend; make it: pulumi stack init {name}"
            raise Unavailable(msg) from error
        except automation.ConcurrentUpdateError as error:
            who = held_by(self._command.text) or "another operation"
            msg = f"the stack {self._stack.name!r} is locked by {who}; nothing was touched, wait for its end"
            raise Unavailable(msg) from error
        except automation.CommandError as error:
            raise EngineFailed(self._redact(self._command.text), killed=self._command.killed) from error

    def export(self) -> dict[str, Any]:
        """Return the stack's state as the engine exports it, secrets encrypted; raises EngineFailed."""
        # Not `export_stack`, which asks for secrets in plain text.
        text = self._plainly("stack", "export")
        try:
            return dict(json.loads(text))
        except ValueError as error:
            raise EngineFailed(self._redact(text)) from error

    def replace_state(self, exported: Mapping[str, Any]) -> None:
        """Make what `export` has returned, changed, the stack's state; raises EngineFailed."""
        with tempfile.TemporaryDirectory(prefix="aoa-") as folder:  # mode 0700
            file = Path(folder, "state.json")
            file.write_text(json.dumps(exported))
            self._plainly("stack", "import", "--file", str(file))

    def _plainly(self, *arguments: str) -> str:
        try:
            done = self._command.run([*arguments, "--stack", self._stack.name], self._folder, self._environ)
        except automation.CommandError as error:
            raise EngineFailed(self._redact(self._command.text)) from error
        return done.stdout

    def _has_resources(self) -> bool:
        try:
            return bool(self.export()["deployment"].get("resources"))
        except EngineFailed:  # the operation itself says what is wrong
            return False

    def interrupt(self) -> None:
        """Ask the engine to end: it finishes what it has begun and starts nothing more.

        Asked twice, it stops at once.
        """
        self._command.interrupt()


class _Command(automation.PulumiCommand):
    """The engine as a process of its own session, whose output is kept."""

    def __init__(self, version: subprocess.Popen[str] | None) -> None:
        found = shutil.which(_ENGINE)
        if found is None:
            msg = f'`{_ENGINE}` is not on PATH; install Pulumi, or use the sandbox\'s shell: eval "$(make -s env)"'
            raise Unavailable(msg)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._interrupted = False
        self.text = ""
        self.killed = False
        try:
            if version is None:
                super().__init__()
            else:
                self.command, self.version = _ENGINE, _told(version)
        except (subprocess.CalledProcessError, OSError, automation.InvalidVersionError) as error:
            msg = f"{found} cannot be used: {error}"
            raise Unavailable(msg) from error

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> automation.CommandResult:
        command = [self.command, "--non-interactive", *args]
        environ = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        with subprocess.Popen(
            command,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process:
            as_nice_as_this(process.pid)
            with self._lock:
                self._process = process
                if self._interrupted:  # before anybody knew of the process
                    process.send_signal(signal.SIGINT)
            texts: dict[str, list[str]] = {"stdout": [], "stderr": []}

            def read(stream: IO[str], key: str, callback: Callable[[str], Any] | None) -> None:
                for line in stream:
                    texts[key].append(line.rstrip("\n"))
                    if callback:
                        callback(line.rstrip("\n"))

            readers = [
                threading.Thread(target=read, args=(process.stdout, "stdout", on_output)),
                threading.Thread(target=read, args=(process.stderr, "stderr", on_error)),
            ]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
            code = process.wait()
        self._process = None
        self.killed = code < 0
        stdout, stderr = "\n".join(texts["stdout"]), "\n".join(texts["stderr"])
        self.text = f"{stdout}\n{stderr}".strip()
        result = automation.CommandResult(stdout=stdout, stderr=stderr, code=code)
        if code != 0:
            raise create_command_error(result)
        return result

    def interrupt(self) -> None:
        with self._lock:
            self._interrupted = True
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)


def _told(version: subprocess.Popen[str]) -> VersionInfo | None:
    """Return the version that a process of `pulumi version` tells, checked as the Automation API checks it."""
    text, _ = version.communicate()
    if version.returncode:
        raise subprocess.CalledProcessError(version.returncode, _ENGINE)
    opt_out = os.environ.get(_SKIP_VERSION_CHECK_VAR) is not None
    return _parse_and_validate_pulumi_version(_MINIMUM_VERSION, text.strip().removeprefix("v"), opt_out)


class _Workspace(automation.LocalWorkspace):
    """A workspace that leaves alone which stack the user has selected; every command names its stack."""

    def select_stack(self, stack_name: str) -> None:
        """Do nothing: a missing stack is found by the operation itself."""


class _Stack(automation.Stack):
    """A stack that asks for nothing beside the operation."""

    @classmethod
    def select(cls, stack_name: str, workspace: automation.Workspace) -> _Stack:
        return cls(stack_name, workspace, StackInitMode.SELECT)

    def outputs(self) -> dict[str, automation.OutputValue]:
        """Return nothing: the outputs would be fetched with all secrets in plain text."""
        return {}

    def info(self, show_secrets: bool | None = None) -> automation.UpdateSummary:  # noqa: ARG002, FBT001 - the base's signature
        """Return a placeholder: what happened is known from the events, and asking takes a process of its own."""
        return automation.UpdateSummary("update", datetime.now(UTC), "", {}, {}, "succeeded")
