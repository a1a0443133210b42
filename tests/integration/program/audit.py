"""What an API server's audit log says was asked of it, and by whom: the witness that nothing else was touched."""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.kube import KubeClient
from sandbox.layout import ENVIRONMENTS

if TYPE_CHECKING:
    from sandbox import Sandbox

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request that the API server has answered."""

    user: str
    agent: str
    verb: str
    resource: str
    """With the subresource: ``deployments/status``."""
    namespace: str
    """Of a namespace itself, its own name."""
    name: str
    received: dt.datetime
    answered: dt.datetime
    code: int
    dry: bool

    @property
    def is_write(self) -> bool:
        """Whether the request changed something."""
        return self.verb in WRITES and not self.dry and self.code < 400

    @property
    def what(self) -> tuple[str, str, str, str]:
        """Verb, resource, namespace, name."""
        return self.verb, self.resource, self.namespace, self.name


class Audit:
    """Reads one cluster's log from a point in time on."""

    def __init__(self, box: Sandbox, env: str = "staging") -> None:
        self._log = box.layout.audit_log(env)
        self._pki = box.layout.pki(env)
        self._port = json.loads((box.layout.root / "ports.json").read_text())[f"{env}/kube-apiserver"]
        self.admin = f"{env}-admin"
        """Who the program is, and whoever else uses the kubeconfig."""
        assert env in ENVIRONMENTS

    def mark(self) -> int:
        """Return a place in the log behind everything that was answered before."""
        self._settle()
        return self._log.stat().st_size

    def since(self, mark: int) -> list[Request]:
        """Return everything answered between a mark and now, in the order of receipt."""
        self._settle()
        with self._log.open("rb") as log:
            log.seek(mark)
            lines = log.read().splitlines()
        found = [_request(json.loads(line)) for line in lines if line.endswith(b"}")]
        return sorted(found, key=lambda request: request.received)

    def _settle(self) -> None:
        """Ask for something unmistakable and wait until it is in the log."""
        word = uuid.uuid4().hex
        size = self._log.stat().st_size
        with KubeClient(self._port, self._pki, "bootstrap") as client:
            client.get(f"/api/v1/namespaces/default/configmaps/{word}")
        deadline = time.monotonic() + 10
        while True:
            with self._log.open("rb") as log:
                log.seek(size)
                if word.encode() in log.read():
                    return
            assert time.monotonic() < deadline, "the audit log does not move"
            time.sleep(0.01)


def _request(event: dict[str, Any]) -> Request:
    about = event.get("objectRef") or {}
    resource, sub = about.get("resource", ""), about.get("subresource")
    name = about.get("name", "")
    return Request(
        user=event["user"]["username"],
        agent=event.get("userAgent", ""),
        verb=event["verb"],
        resource=f"{resource}/{sub}" if sub else resource,
        namespace=name if resource == "namespaces" else about.get("namespace", ""),
        name=name,
        received=dt.datetime.fromisoformat(event["requestReceivedTimestamp"]),
        answered=dt.datetime.fromisoformat(event["stageTimestamp"]),
        code=(event.get("responseStatus") or {}).get("code", 0),
        dry="dryRun=" in event["requestURI"],
    )
