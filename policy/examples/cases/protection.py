"""What holds data is not deleted by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cases.parts import deployment, thing

if TYPE_CHECKING:
    from cases.parts import Case

CLAIM = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
RETAINED = {"annotations": {"app-of-apps/retained": "true"}}


def _with(case: Case, **options: bool) -> Case:
    token, inputs, _ = case
    return token, inputs, options


CASES = {
    "data-protected": {
        "pass": [
            _with(thing("v1", "PersistentVolumeClaim", name="protected", **CLAIM), protect=True),
            _with(
                thing("v1", "PersistentVolumeClaim", name="retained", metadata=RETAINED, **CLAIM), retain_on_delete=True
            ),
            _with(deployment(kind="StatefulSet"), protect=True),
        ],
        "fail": [thing("v1", "PersistentVolumeClaim", **CLAIM), deployment(kind="StatefulSet")],
    },
}
