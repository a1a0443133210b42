"""The sandbox as a whole: bring it up, look at it, take it down."""

from __future__ import annotations

import os
import shutil
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox import (
    bootstrap,
    cluster,
    environment,
    issuer,
    kube,
    lock,
    parts,
    person,
    ports,
    processes,
    pulumi,
    seed,
    tools,
    vault,
)
from sandbox.cluster import Cluster
from sandbox.errors import PartFailedError, SandboxError
from sandbox.files import PRIVATE, read_json, write_json
from sandbox.issuer import Issuer
from sandbox.layout import CHECKOUT, ENVIRONMENTS, Layout
from sandbox.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from sandbox.parts import Outcome, Part
    from sandbox.processes import Process
    from sandbox.tools import Tools


@dataclass(slots=True)
class UpReport:
    """What an ``up`` found and did."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By part."""
    notes: list[str] = field(default_factory=list)
    """What changed besides processes, in words."""
    seconds: float = 0.0

    @property
    def repaired(self) -> list[str]:
        """Parts that had died or did not answer."""
        return sorted(name for name, outcome in self.outcomes.items() if outcome.is_repair)


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One line of the status table. `health` is healthy, unhealthy, outdated or stopped."""

    name: str
    health: str
    pid: int | None
    port: int | None
    uptime: float | None
    """Seconds."""
    memory: int
    """Resident bytes."""
    log: str
    detail: str


def _silent(_: str) -> None:
    return None


class Sandbox:
    """Two clusters, a Vault, a secrets operator per cluster and a place for Pulumi, in one folder.

    Every method can be called again after any interruption. Methods that change something wait for other commands
    on the same folder, and raise `SandboxError` with what to do.
    """

    def __init__(
        self,
        root: Path | str | None = None,
        *,
        project: Path = CHECKOUT,
        say: Callable[[str], None] | None = None,
        find_tools: Callable[[], Tools] = tools.ensure,
    ) -> None:
        """Describe the sandbox in `root` (default: ``$AOA_SANDBOX_DIR``, then ``.sandbox`` of the checkout).

        `project` is the Pulumi project whose stacks ``staging`` and ``prod`` are made; `say` gets progress lines.
        Nothing is read or started yet.
        """
        self.layout = Layout.find(root)
        self.project = project.resolve()
        self._say = say or _silent
        self._find_tools = find_tools
        self._cancelled = threading.Event()

    # -- bringing up ---------------------------------------------------------------------------------------------

    def up(self) -> UpReport:
        """Start what is not running, mend what is broken, configure what is missing; keeps all data."""
        began = time.monotonic()
        found = self._find_tools()
        with lock.held(self.layout.root, self._say):
            try:
                report = self._bring_up(found)
            except PartFailedError as error:
                # Somebody took a port between our look at it and the start: another is found the second time.
                if "address already in use" not in str(error):
                    raise
                report = self._bring_up(found)
        report.seconds = time.monotonic() - began
        return report

    def _bring_up(self, found: Tools) -> UpReport:
        report = UpReport()
        root = self.layout.root
        found.save(root / "tools.json")
        running = {process.part for process in processes.running(root)}
        numbers, moved = ports.settle(root, _port_names(), _with_all_ports(running))
        for name in moved:
            report.notes.append(f"{name}: its port was taken, now {numbers[name]}")
        clusters, server = self._describe(found, numbers)
        provider = Issuer(self.layout, numbers)
        provider.prepare()
        wanted = set(read_json(root / "up.json") or [])
        pool = ThreadPoolExecutor(max_workers=16)
        try:
            run = _Run(root, self._say, self._cancelled, report, wanted, pool)
            pulumi.prepare(self.layout, found, self.project)
            _all([pool.submit(server.prepare), *(pool.submit(each.prepare) for each in clusters)])
            self._write_kubeconfig(clusters)
            issuer_up = pool.submit(run.ensure, provider.part())
            vault_up = pool.submit(self._bring_vault_up, run, server, found)
            trusted = pool.submit(_trust_people, server, provider, issuer_up, vault_up)
            _all(
                [
                    vault_up,
                    trusted,
                    *(pool.submit(self._bring_cluster_up, run, each, server, vault_up) for each in clusters),
                ]
            )
        except BaseException:
            self._cancelled.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            self._cancelled.clear()
            for note in report.notes:
                self._say(note)
        write_json(root / "up.json", sorted(report.outcomes))
        return report

    def _bring_cluster_up(self, run: _Run, each: Cluster, server: Vault, vault_up: Future[Any]) -> None:
        run.ensure(each.etcd())
        run.ensure(each.apiserver())
        managers, players = each.controllers()[:2], each.controllers()[2:]
        early = [run.pool.submit(run.ensure, part) for part in managers]
        if bootstrap.apply(each):
            run.report.notes.append(f"{each.env}: roles, nodes and the operator's CRDs applied")
        bootstrap.mark(each)
        _all([*early, *(run.pool.submit(run.ensure, part) for part in players)])
        bootstrap.write_facts(self.layout, each.env, bootstrap.identity(each), server.address)
        vault_up.result()
        server.trust(each)

    def _bring_vault_up(self, run: _Run, server: Vault, found: Tools) -> None:
        root = self.layout.root
        if server.is_half_initialised():
            processes.stop(root, [process for process in processes.running(root) if process.part == "vault"])
            server.discard_half_initialised(self._say)
        run.ensure(server.part())
        if server.unseal() and "vault" in run.wanted and run.report.outcomes["vault"] is parts.Outcome.RUNNING:
            run.report.notes.append("vault: was sealed, unsealed it")
        server.configure()
        seeds = seed.load()
        with server.root() as client:
            for env in ENVIRONMENTS:
                if count := seed.plant(client, env, seeds[env]):
                    run.report.notes.append(f"vault: made {count} missing secret value(s) in kv-{env}")
        stacks = {
            env: run.pool.submit(
                pulumi.ensure_stack, self.layout, found, self.project, env, self._environment(found, server, env)
            )
            for env in ENVIRONMENTS
        }
        _all(list(stacks.values()))
        for env, made in stacks.items():
            if made.result():
                run.report.notes.append(f"pulumi: stack {env} made, its state encrypted by transit key pulumi-{env}")

    def release_dead_locks(self) -> None:
        """Remove the state backend's locks whose Pulumi was killed, and what it had half written; the others stay."""
        for lock_file in pulumi.dead_locks(self.layout):
            lock_file.unlink(missing_ok=True)
            self._say(f"pulumi: removed the lock of a run that was killed ({lock_file.parent.name})")
        for attributes in pulumi.torn_attributes(self.layout):
            attributes.unlink(missing_ok=True)
            self._say(f"pulumi: removed what a run that was killed had half written ({attributes.name})")

    def _write_kubeconfig(self, clusters: Iterable[Cluster]) -> None:
        places = {each.env: (each.port("kube-apiserver"), self.layout.pki(each.env)) for each in clusters}
        write_json(self.layout.kubeconfig, kube.kubeconfig(places, "admin"), mode=PRIVATE)

    def _describe(self, found: Tools, numbers: dict[str, int]) -> tuple[list[Cluster], Vault]:
        clusters = [Cluster(env, self.layout, numbers, found.paths, found.crds) for env in ENVIRONMENTS]
        return clusters, Vault(self.layout, numbers, found.paths)

    # -- taking down ---------------------------------------------------------------------------------------------

    def down(self) -> list[str]:
        """Stop every process of this sandbox, the stores last; data stays. Returns the names of what ran."""
        root = self.layout.root
        if not root.is_dir():
            return []
        with lock.held(root, self._say):
            return self._take_down()

    def _take_down(self) -> list[str]:
        root = self.layout.root
        (root / "up.json").unlink(missing_ok=True)
        stopped = []
        # An API server waits for its store, a controller for its API server: each after what depends on it.
        for last in (("/etcd", "/kube-apiserver"), ("/etcd",), ()):
            group = [process for process in processes.running(root) if not process.part.endswith(last or ("\0",))]
            for process in processes.stop(root, group):
                self._say(f"{process.part} (pid {process.pid}) did not end when asked to, killed it")
            stopped += [process.part for process in group]
        return stopped

    def reset(self) -> None:
        """Stop everything and remove the sandbox's folder with all data, keys and state."""
        root = self.layout.root
        if not root.exists():
            return
        # A mistyped AOA_SANDBOX_DIR must not cost anybody their files.
        if any(root.iterdir()) and not (root / "lock").exists():
            message = f"{root}: does not look like a sandbox (no file `lock` in it), so nothing was removed."
            raise SandboxError(message)
        with lock.held(root, self._say):
            self._take_down()
            for entry in root.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                elif entry.name != "lock":
                    entry.unlink()
            (root / "lock").unlink()
        root.rmdir()

    # -- looking -------------------------------------------------------------------------------------------------

    def status(self) -> list[PartStatus]:
        """Every part with health, pid, port, uptime, memory and log; asks each part, starts and waits for nothing."""
        known = self._known()
        found: dict[str, Process] = {process.part: process for process in processes.running(self.layout.root)}
        if known is None:
            return []
        clusters, server, _ = known
        every = [server.status_part(), self._issuer().part(), *(part for each in clusters for part in each.parts())]
        with ThreadPoolExecutor(max_workers=16) as pool:
            return list(pool.map(lambda part: _part_status(part, found.get(part.name)), every))

    def environment(self, env: str | None = None) -> dict[str, str]:
        """A complete environment for a subprocess, Vault token included, with nothing of the user's own tools in it.

        For ``staging`` or ``prod``, kubeconfig and token reach that environment only; without `env`, both. Raises
        `SandboxError` before the first ``up``.
        """
        clusters_server_tools = self._known()
        if clusters_server_tools is None or not self.layout.token(env).exists():
            raise SandboxError(self._not_up())
        _, server, found = clusters_server_tools
        return self._environment(found, server, env)

    def exports(self) -> str:
        """The same for a shell: lines for ``eval``, in which Vault's token is read from its file."""
        known = self._known()
        if known is None or not self.layout.token().exists():
            raise SandboxError(self._not_up())
        _, server, found = known
        return environment.exports(self.layout, environment.variables(self.layout, found, server.address, None))

    def as_person(self, name: str, env: str) -> dict[str, str]:
        """A complete environment for a subprocess that acts as one of ``people.yaml``, after a real login.

        The kubeconfig holds the person's ID token and nothing else to log in with, ``VAULT_TOKEN`` is what Vault gave
        for the same token. The file is private, in the sandbox's folder, and overwritten by the next call.
        """
        known = self._known()
        if known is None:
            raise SandboxError(self._not_up())
        clusters, server, found = known
        token = person.id_token(self._issuer(), name, env)
        place = self.layout.root / "people" / f"{name}-{env}.kubeconfig"
        (each,) = [one for one in clusters if one.env == env]
        config = kube.token_kubeconfig(env, each.port("kube-apiserver"), each.authority, name, token)
        write_json(place, config, mode=PRIVATE)
        login = person.vault_login(server.ports["vault"], env, token)
        values = {**environment.variables(self.layout, found, server.address, env), "KUBECONFIG": str(place)}
        return {**environment.scrubbed(os.environ), **values, "VAULT_TOKEN": str(login["client_token"])}

    def id_token(self, name: str, env: str) -> str:
        """The ID token of a real login as one of ``people.yaml``, for one environment's client."""
        if self._known() is None:
            raise SandboxError(self._not_up())
        return person.id_token(self._issuer(), name, env)

    def service_settings(self, listen: str) -> Path:
        """Write the settings of ``aoa serve`` for this sandbox, whose people log in at its identity provider."""
        if self._known() is None:
            raise SandboxError(self._not_up())
        provider = self._issuer()
        login = {
            "issuer": provider.url,
            "audience": issuer.client("staging"),
            "caFile": str(provider.authority),
            "approvals": {env: issuer.client(env) for env in ENVIRONMENTS},
        }
        place = self.layout.root / "service.yaml"
        database = f"sqlite:///{self.layout.root / 'service.db'}"
        write_json(place, {"listen": listen, "login": login, "database": database, "refresh": 2.0}, mode=PRIVATE)
        return place

    def put_secret(self, env: str, path: str, values: dict[str, str]) -> None:
        """Write keys below ``kv-<env>/<path>`` as a new version, keeping the path's other keys."""
        known = self._known()
        if known is None:
            raise SandboxError(self._not_up())
        with known[1].root() as client:
            seed.put(client, env, path, values)

    def _environment(self, found: Tools, server: Vault, env: str | None) -> dict[str, str]:
        values = environment.variables(self.layout, found, server.address, env)
        token = self.layout.token(env).read_text().strip()
        return {**environment.scrubbed(os.environ), **values, "VAULT_TOKEN": token}

    def _known(self) -> tuple[list[Cluster], Vault, Tools] | None:
        """The parts as the last ``up`` described them."""
        found = tools.Tools.load(self.layout.root / "tools.json")
        numbers = read_json(self.layout.root / "ports.json")
        if found is None or numbers is None or not set(_port_names()) <= set(numbers):
            return None
        return (*self._describe(found, numbers), found)

    def _issuer(self) -> Issuer:
        return Issuer(self.layout, read_json(self.layout.root / "ports.json") or {})

    def _not_up(self) -> str:
        return f"{self.layout.root}: there is no sandbox yet. Run `make up` or `python -m sandbox up` first."


@dataclass(slots=True)
class _Run:
    """What the steps of one ``up`` share."""

    root: Path
    say: Callable[[str], None]
    cancelled: threading.Event
    report: UpReport
    wanted: set[str]
    pool: ThreadPoolExecutor

    def ensure(self, part: Part) -> None:
        began = time.monotonic()
        outcome = parts.ensure(self.root, part, wanted=part.name in self.wanted, cancelled=self.cancelled)
        self.report.outcomes[part.name] = outcome
        if outcome is not parts.Outcome.RUNNING:
            self.say(f"{part.name}: {outcome} ({time.monotonic() - began:.1f} s)")


def _trust_people(server: Vault, provider: Issuer, *after: Future[Any]) -> None:
    for each in after:
        each.result()
    server.trust_people(provider)


def _all(futures: list[Future[Any]]) -> None:
    """Wait for all, raising the first failure as soon as it happens."""
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()


def _port_names() -> list[str]:
    return [*vault.PORTS, *issuer.PORTS, *(f"{env}/{name}" for env in ENVIRONMENTS for name in cluster.PORTS)]


def _with_all_ports(running: set[str]) -> set[str]:
    """Names of ports that are busy because their own part runs; a part may have several, named after it."""
    return {name for name in _port_names() if name in running or name.rpartition("-")[0] in running}


def _part_status(part: Part, process: Process | None) -> PartStatus:
    health, detail = parts.state(process, part)
    return PartStatus(
        name=part.name,
        health=health,
        pid=process.pid if process else None,
        port=part.port,
        uptime=process.uptime if process else None,
        memory=process.memory if process else 0,
        log=str(part.log),
        detail=detail,
    )
