"""A small parent of a test's own: its files, its stack on the sandbox, and what runs of `pulumi` and `aoa` did."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .audit import Audit, Request

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sandbox import Sandbox

API = "app-of-apps/v1"
RECORD = "parent"  # the last part of the namespace of the release records
UP = ("pulumi", "up", "--yes", "--skip-preview", "--stack", "staging", "--non-interactive")
LIMIT = 180  # seconds after which a command is taken for hung

BEHAVIOUR = "sandbox.app-of-apps/behaviour"
HELD = {"behaviour": "slow", "delay-seconds": "3600"}
"""Pods that run and do not become ready, or do not end, until `World.release` lets them."""

Spec = dict[str, Any]
Key = tuple[str, str, str]  # kind, namespace, name


def service(*, needs: Sequence[str] = (), pods: Mapping[str, str] | None = None, **more: Any) -> Spec:
    """Return a service; `pods` says how its pods behave, as in ``{"behaviour": "slow", "delay-seconds": "3"}``."""
    return _pod_child("service", needs, pods, ports=[{"port": 8080}], **more)


def worker(*, needs: Sequence[str] = (), pods: Mapping[str, str] | None = None, **more: Any) -> Spec:
    return _pod_child("worker", needs, pods, **more)


def migration(*, needs: Sequence[str] = (), pods: Mapping[str, str] | None = None, **more: Any) -> Spec:
    return _pod_child("migration", needs, pods, **more)


def _pod_child(kind: str, needs: Sequence[str], pods: Mapping[str, str] | None, **more: Any) -> Spec:
    args = [f"--sandbox-{key}={value}" for key, value in (pods or {}).items()]
    spec = {"type": kind, "team": "one", "image": "registry.example.com/test/app", "deadline": "40s", **more}
    return {**spec, **({"dependsOn": list(needs)} if needs else {}), **({"args": args} if args else {})}


@dataclass(frozen=True, slots=True)
class Run:
    """One command that has ended, and what the staging cluster was asked for in the meantime."""

    code: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)
    seconds: float
    requests: tuple[Request, ...] = field(default=(), repr=False)

    @property
    def text(self) -> str:
        return self.stdout + self.stderr

    def ready(self, namespace: str) -> dt.datetime:
        """Return when KWOK last reported a pod's state in a namespace: that it was ready, or had succeeded."""
        reports = [
            one.received
            for one in self.requests
            if one.user == "sandbox:kwok" and one.what[:3] == ("patch", "pods/status", namespace) and one.is_write
        ]
        return max(reports)


def run(command: Sequence[str], *, cwd: Path, environ: Mapping[str, str], limit: float = LIMIT) -> Run:
    """Run a command to its end; with all that it has started, when it hangs or the test is interrupted."""
    began = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=limit)
        except BaseException as failure:
            _kill(process.pid)
            failure.add_note("".join(process.communicate()))
            raise
    return Run(process.returncode, stdout, stderr, time.monotonic() - began)


def environment(box: Sandbox, env: str | None = None) -> dict[str, str]:
    """Return the sandbox's environment with the program of the copied checkout: edits meanwhile do not matter."""
    # What a `make` around the tests tells to those below it is not for these.
    values = {name: value for name, value in box.environment(env).items() if not name.startswith(("MAKE", "MFLAGS"))}
    # What a killed process leaves behind goes with the sandbox.
    temporary = box.layout.root / "temporary"
    temporary.mkdir(exist_ok=True)
    return {**values, "PYTHONPATH": str(box.project), "TMPDIR": str(temporary)}


def watched(audit: Audit, command: Sequence[str], *, cwd: Path, environ: Mapping[str, str]) -> Run:
    """Run a command and note what a cluster is asked for meanwhile."""
    mark = audit.mark()
    done = run(command, cwd=cwd, environ=environ)
    return replace(done, requests=tuple(audit.since(mark)))


@dataclass(slots=True)
class World:
    """A parent with its children, in a project folder and a stack ``staging`` of its own.

    `children`, `versions`, `shared` and `overrides` are what the files say at the next run; tests change them.
    """

    box: Sandbox
    folder: Path
    name: str
    children: dict[str, Spec]
    shared: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    """Further files by path, such as the documents of a child of type ``manifests``."""
    gates: dict[str, Any] = field(default_factory=dict)
    """What the environment's file says under ``gates``."""
    evidence: dict[str, Any] = field(default_factory=dict)
    """What it says under ``evidence``."""
    policy: dict[str, Any] = field(default_factory=dict)
    """What it says under ``policy``."""
    audit: Audit = field(init=False, repr=False)
    _key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self.audit = Audit(self.box)
        self.folder.mkdir(parents=True)
        self._write("Pulumi.yaml", {"name": self.name, "runtime": _runtime()})
        (self.folder / "__main__.py").write_text("from components.program import run\n\nrun()\n")
        init = ["pulumi", "stack", "init", "staging", "--secrets-provider", "hashivault://pulumi-staging"]
        made = run([*init, "--no-select", "--non-interactive"], cwd=self.folder, environ=self.environ)
        assert made.code == 0, made.text
        self._key = (self.folder / "Pulumi.staging.yaml").read_text()

    @property
    def environ(self) -> dict[str, str]:
        return environment(self.box, "staging")

    def namespace(self, child: str) -> str:
        return f"{self.name}-{child}"

    def write(self) -> None:
        """Write parent, children and stack file as they are to be now."""
        for old in (self.folder / "apps").glob("*.yaml"):
            old.unlink()
        for name, spec in self.children.items():
            self._write(f"apps/{name}.yaml", {"apiVersion": API, "kind": "Child", "name": name, **spec})
        for file, content in self.files.items():
            self._write(file, content)
        parent = {
            "apiVersion": API,
            "kind": "Parent",
            "name": self.name,
            "teams": {"one": {"contact": "#one"}, "two": {"contact": "#two"}},
            "config": self.shared,
            "children": [f"apps/{name}.yaml" for name in self.children],
        }
        self._write("parent.yaml", parent)
        versioned = [name for name, spec in self.children.items() if "image" in spec and "versionFrom" not in spec]
        environment = {
            "name": "staging",
            "cluster": {"context": "staging"},
            "vault": {"mounts": {"kv": "kv-staging", "jwt": "jwt-staging"}, "refreshAfter": "5s"},
            "versions": {name: self.versions.get(name, "1.0.0") for name in versioned},
            **({"gates": self.gates} if self.gates else {}),
            **({"evidence": self.evidence} if self.evidence else {}),
            **({"policy": self.policy} if self.policy else {}),
        }
        settings = json.dumps({"app-of-apps:environment": environment})
        (self.folder / "Pulumi.staging.yaml").write_text(f"{self._key}config: {settings}\n")

    def _write(self, file: str, content: object) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n")

    def pulumi(self, *arguments: str, environ: Mapping[str, str] | None = None, write: bool = True) -> Run:
        """Write the files and run ``pulumi`` on the stack; the requests are those of the whole cluster meanwhile."""
        return self._run(["pulumi", *arguments, "--stack", "staging", "--non-interactive"], environ, write=write)

    def aoa(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Run:
        """Write the files and run ``aoa``."""
        return self._run([sys.executable, "-m", "app_of_apps", *arguments], environ)

    def _run(self, command: list[str], environ: Mapping[str, str] | None, *, write: bool = True) -> Run:
        if write:
            self.write()
        return watched(self.audit, command, cwd=self.folder, environ=environ or self.environ)

    @contextlib.contextmanager
    def started(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """Write the files and start a command that the caller ends; whatever is left of it afterwards is killed."""
        self.write()
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            except BaseException as failure:
                _kill(process.pid)
                failure.add_note(process.communicate()[0])
                raise
            finally:
                _kill(process.pid)

    def pulumi_while(self, meanwhile: Callable[[subprocess.Popen[str]], None]) -> Run:
        """Run ``pulumi up`` and do something in the meantime."""
        mark, began = self.audit.mark(), time.monotonic()
        with self.started(*UP) as process:
            meanwhile(process)
            text, _ = process.communicate(timeout=LIMIT)
        return Run(process.returncode, text, "", time.monotonic() - began, tuple(self.audit.since(mark)))

    def up(self) -> Run:
        self.write()
        return watched(self.audit, UP, cwd=self.folder, environ=self.environ)

    def destroy(self) -> Run:
        return self.pulumi("destroy", "--yes", "--skip-preview", "--run-program", write=False)

    def outputs(self) -> dict[str, Any]:
        done = self.pulumi("stack", "output", "--json", write=False)
        assert done.code == 0, done.text
        return json.loads(done.stdout)

    # -- what the program did ------------------------------------------------------------------------------------

    def writes(self, done: Run, child: str | None = None) -> list[Request]:
        """Return the program's own writes in one child's namespace, or in all of the parent."""
        # The tests' own hand is kubectl's; the records of attempts are written by the program's own client.
        others = [one for one in done.requests if not one.agent.startswith(("kubectl/", "python-httpx/"))]
        mine = [one for one in others if one.user == self.audit.admin and one.is_write]
        if child is not None:
            return [one for one in mine if one.namespace == self.namespace(child)]
        return [one for one in mine if one.namespace.startswith(f"{self.name}-")]

    def touched(self, done: Run) -> set[str]:
        """Return the children in whose namespaces the program wrote; the parent's own is called ``parent``."""
        return {one.namespace.removeprefix(f"{self.name}-") for one in self.writes(done)}

    # -- what is there -------------------------------------------------------------------------------------------

    def kubectl(self, *arguments: str) -> str:
        done = run(["kubectl", *arguments], cwd=self.folder, environ=self.environ)
        assert done.code == 0, done.text
        return done.stdout

    def get(self, kinds: str, child: str) -> list[dict[str, Any]]:
        """Return the objects of some kinds in a child's namespace, oldest first."""
        items = json.loads(self.kubectl("get", kinds, "-n", self.namespace(child), "-o", "json"))["items"]
        return sorted(items, key=lambda item: item["metadata"]["creationTimestamp"])

    def held(self, child: str) -> list[str]:
        """Return the names of the child's pods that run and are held, by a template that says `HELD`."""
        return [
            pod["metadata"]["name"]
            for pod in self.get("pods", child)
            if BEHAVIOUR in pod["metadata"].get("annotations", {})
            and pod["status"].get("phase") == "Running"
            and "deletionTimestamp" not in pod["metadata"]
        ]

    def release(self, child: str, process: subprocess.Popen[str]) -> None:
        """Wait until a child has pods that are held, and let them become ready, or end."""
        names = eventually(lambda: self.held(child), process)
        self.kubectl("annotate", "pods", "-n", self.namespace(child), *names, f"{BEHAVIOUR}-")

    def namespaces(self) -> set[str]:
        """Return the children (and ``parent``) whose namespaces exist."""
        label = f"app.kubernetes.io/part-of={self.name}"
        names = self.kubectl("get", "namespaces", "-l", label, "-o", "name").split()
        return {name.removeprefix(f"namespace/{self.name}-") for name in names}

    def objects(self) -> dict[Key, Any]:
        """Return everything wanted of the parent's objects but its evidence, and their identity; not their status."""
        kinds = "deployments,services,configmaps,serviceaccounts,jobs,pods"
        found: dict[Key, Any] = {}
        for item in json.loads(self.kubectl("get", kinds, "--all-namespaces", "-o", "json"))["items"]:
            meta = item["metadata"]
            if not meta["namespace"].startswith(f"{self.name}-") or meta["name"].startswith("evidence-"):
                continue
            wanted = {key: meta.get(key) for key in ("uid", "generation", "labels", "annotations")}
            content = {key: item.get(key) for key in ("spec", "data")}
            found[item["kind"], meta["namespace"], meta["name"]] = wanted | content
        return found

    def records(self) -> dict[str, dict[str, str]]:
        """Return the release records: name → data."""
        items = self.get("configmaps", RECORD)
        return {
            item["metadata"]["name"]: item["data"] for item in items if item["metadata"]["name"].startswith("release-")
        }


def _kill(session: int) -> None:
    """Kill all processes of a session that `run` or `started` began: providers are in groups of their own."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            # A process may end while it is looked at.
            with contextlib.suppress(OSError):
                # The second field is the command in parentheses; the session is the sixth.
                if int((entry / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                    os.kill(int(entry.name), signal.SIGKILL)


def eventually(look: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> Any:
    """Look again and again until there is something to see, and return it; not any longer than a process runs."""
    deadline = time.monotonic() + LIMIT
    while not (found := look()):
        assert process is None or process.poll() is None, "it ended before there was anything to see"
        assert time.monotonic() < deadline, f"nothing to see within {LIMIT} s"
        time.sleep(0.1)
    return found


def _runtime() -> dict[str, Any]:
    return {"name": "python", "options": {"virtualenv": sys.prefix}}
