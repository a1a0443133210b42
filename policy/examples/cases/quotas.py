"""No child can take what the others need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cases.parts import deployment, pod, thing

if TYPE_CHECKING:
    from cases.parts import Case


def _in(namespace: str, case: Case) -> Case:
    token, inputs, options = case
    return token, {**inputs, "metadata": {**inputs["metadata"], "namespace": namespace}}, options


def _limits(namespace: str, **defaults: dict[str, str]) -> Case:
    return thing("v1", "LimitRange", namespace, spec={"limits": [{"type": "Container", **defaults}]})


def _namespace(name: str) -> Case:
    token, inputs, _ = thing("v1", "Namespace", None, name=name)
    return token, inputs, {"protect": True}


def _asks(**resources: Any) -> Case:
    return deployment(pod({"resources": resources}))


CASES = {
    "namespace-quota": {
        "pass": [
            _namespace("shop-with-quota"),
            thing("v1", "ResourceQuota", "shop-with-quota", spec={"hard": {"pods": "20"}}),
        ],
        "fail": [_namespace("shop-without-quota")],
    },
    "container-requests": {
        "pass": [
            _in("shop-limited", _asks(limits={"memory": "64Mi"})),
            _limits("shop-limited", defaultRequest={"cpu": "50m", "memory": "64Mi"}),
        ],
        "fail": [_asks(requests={"cpu": "50m"}), _asks(limits={"memory": "64Mi"})],
    },
    "container-memory-limit": {
        "pass": [
            _in("shop-capped", _asks(requests={"cpu": "50m", "memory": "64Mi"})),
            _limits("shop-capped", default={"memory": "64Mi"}),
        ],
        "fail": [_asks(requests={"cpu": "50m", "memory": "64Mi"})],
    },
}
