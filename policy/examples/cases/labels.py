"""Every object says what it belongs to."""

from __future__ import annotations

from cases.parts import deployment, thing


def _without(*names: str, key: str) -> tuple[str, dict[str, object], dict[str, object]]:
    token, inputs, options = thing("v1", "ConfigMap", data={"COLOUR": "blue"})
    for name in names:
        del inputs["metadata"][key][name]
    return token, inputs, options


CASES = {
    "required-labels": {
        "pass": [deployment()],
        "fail": [_without("app.kubernetes.io/part-of", "app.kubernetes.io/name", key="labels")],
    },
    "required-annotations": {"pass": [deployment()], "fail": [_without("app-of-apps/team", key="annotations")]},
    "stable-selector": {
        "pass": [deployment()],
        "fail": [
            deployment(selector={"matchLabels": {"app.kubernetes.io/version": "1.2.3"}}),
            thing("v1", "Service", spec={"selector": {"app.kubernetes.io/version": "1.2.3"}, "ports": [{"port": 80}]}),
        ],
    },
}
