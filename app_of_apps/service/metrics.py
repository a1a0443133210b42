"""What the service counts, for Prometheus. Labels are environments, verbs, states and routes, never people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from app_of_apps.service.ledger import Ledger
    from app_of_apps.service.operation import Operation
    from app_of_apps.service.world import World


class Metrics:
    """The figures of one process."""

    def __init__(self, ledger: Ledger, world: World) -> None:
        """Count from nothing."""
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "aoa_http_request_seconds",
            "How long requests took.",
            ("route", "method", "status"),
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
        )
        self.denied = Counter("aoa_denied_total", "What was denied.", ("why",), registry=self.registry)
        self.ended = Counter(
            "aoa_operations_ended_total",
            "Operations that ended, by how.",
            ("environment", "operation", "state"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "aoa_operation_seconds",
            "How long operations ran.",
            ("environment", "operation"),
            registry=self.registry,
            buckets=(5, 10, 20, 40, 80, 160, 320, 640, 1280),
        )
        self.waited = Histogram(
            "aoa_operation_waited_seconds",
            "How long operations waited for their turn.",
            ("environment",),
            registry=self.registry,
            buckets=(0.25, 0.5, 1, 5, 20, 60, 300, 1200),
        )
        self.streams = Gauge("aoa_event_streams", "Readers of live events.", registry=self.registry)
        self.registry.register(_Standing(ledger, world))

    def told(self, operation: Operation) -> None:
        """Count an operation that has begun or ended."""
        if operation.ended is None:
            if operation.started is not None and operation.attempt == 1:
                waited = (operation.started - operation.created).total_seconds()
                self.waited.labels(operation.environment).observe(max(0.0, waited))
            return
        self.ended.labels(operation.environment, operation.operation, str(operation.state)).inc()
        if operation.started is not None:
            took = (operation.ended - operation.started).total_seconds()
            self.seconds.labels(operation.environment, operation.operation).observe(max(0.0, took))

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self.registry)


class _Standing:
    """How things stand when somebody asks."""

    def __init__(self, ledger: Ledger, world: World) -> None:
        self._ledger, self._world = ledger, world

    def collect(self) -> Iterator[Metric]:
        operations = GaugeMetricFamily(
            "aoa_operations", "Operations that wait or run.", labels=["environment", "state"]
        )
        counts = self._ledger.counts()
        for env in self._world.files.rights.environments:
            for state in ("queued", "running"):
                operations.add_metric([env, state], counts.get((env, state), 0))
        yield operations
        children = GaugeMetricFamily("aoa_children", "Children by how they stand.", labels=["environment", "state"])
        reachable = GaugeMetricFamily(
            "aoa_cluster_reachable", "Whether the last look got through.", labels=["environment"]
        )
        for env in self._world.files.rights.environments:
            found, _ = self._world.status(env)
            states = [child["state"] for child in (found or {}).get("children", ())]
            for state in sorted(set(states)):
                children.add_metric([env, state], states.count(state))
            reachable.add_metric([env], float(found is not None and found["error"] is None))
        yield children
        yield reachable
        yield GaugeMetricFamily(
            "aoa_project_valid", "Whether the project's files are valid.", value=float(not self._world.files.problems)
        )
