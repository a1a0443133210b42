"""Waits until what a namespace holds is healthy at the generation that was asked for. Reads only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from app_of_apps.deploy.facts import CHILD_DIGEST
from app_of_apps.deploy.health import Level, health, rolled_out
from app_of_apps.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app_of_apps.deploy.facts import Reader
    from app_of_apps.deploy.health import Object

_PATHS: Final[Mapping[str, str]] = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "VaultStaticSecret": "/apis/secrets.hashicorp.com/v1beta1/namespaces/{}/vaultstaticsecrets",
    "VaultDynamicSecret": "/apis/secrets.hashicorp.com/v1beta1/namespaces/{}/vaultdynamicsecrets",
    "ExternalSecret": "/apis/external-secrets.io/v1/namespaces/{}/externalsecrets",
}
_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.05, 0.5, 1.4
"""Seconds before the second look, at most between two, and by how much each pause is longer than the one before."""
_LOOK_AT_SOURCE = 2.0
"""Seconds between two looks at what the namespace gets its content from."""
_PATIENCE = 3
"""Looks in a row that find it in trouble before nobody waits for it any longer."""


def settles(
    kube: Reader,
    namespace: str,
    kinds: Sequence[str],
    *,
    deadline: float,
    trouble: Callable[[], str | None] | None = None,
) -> bool:
    """Return True as soon as every object of the kinds in the namespace is healthy, False after `deadline` seconds.

    What was not deployed by us, such as somebody's Deployment for a look at things, holds nobody back.
    A Deployment whose rollout came to its end counts, too: a pod that fell ill later holds nobody back.
    ``trouble`` says what is wrong with what these objects are made from, None when nothing is: waiting for copies of
    secrets is no use while Vault is sealed. Raises Unavailable when that stays so, or when the cluster cannot be asked,
    KeyError for a kind that is not known here.
    """
    paths = {kind: _PATHS[kind].format(namespace) for kind in kinds}
    end = time.monotonic() + deadline
    next_look, in_trouble = time.monotonic() + _LOOK_AT_SOURCE, 0
    pause = _PAUSE
    while True:
        items = [{**item, "kind": kind} for kind, path in paths.items() for item in kube.list(path) if _is_ours(item)]
        if all(health(item).level is Level.HEALTHY or rolled_out(item) for item in items):
            return True
        now = time.monotonic()
        if now >= end:
            return False
        if trouble is not None and now >= next_look:
            said = trouble()
            in_trouble = in_trouble + 1 if said else 0
            if said and in_trouble >= _PATIENCE:
                raise Unavailable(said)
            next_look = time.monotonic() + _LOOK_AT_SOURCE
        time.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def _is_ours(item: Object) -> bool:
    return CHILD_DIGEST in (item["metadata"].get("annotations") or {})
