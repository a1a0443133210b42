"""What `aoa drift` could have found in the example, a credential among it."""

from __future__ import annotations

from typing import Any

from app_of_apps.deploy.drift import Difference, Drift, Thing
from app_of_apps.deploy.drift_compare import FieldDrift, What
from app_of_apps.deploy.drift_owners import Who

CANARY = "canary-value-of-a-credential"


def differs(
    child: str | None, what: What, path: tuple[Any, ...], values: tuple[Any, Any] = (None, None), **more: str
) -> Difference:
    thing = Thing(
        "kubernetes",
        more.get("kind", "Deployment"),
        more.get("namespace", f"shop-{child}"),
        more.get("name", str(child)),
        "apps/v1",
    )
    by = (Who(more["by"], "Update", "2026-11-16T08:00:00Z"),) if "by" in more else ()
    return Difference(child, thing, FieldDrift(what, path, *values, by), mends=True)


PODS = ("spec", "template", "spec", "containers", (("name", "orders"),), "env")
DRIFT = Drift(
    (
        differs("orders", What.CHANGED, ("spec", "replicas"), (2, 5), by="kubectl"),
        differs("orders", What.ADDED, (*PODS, (("name", "DB_PASSWORD"),), "value"), (None, CANARY), by="kubectl-edit"),
        differs("catalog", What.CHANGED, ("data", "CACHE_TTL"), ("60s", "5s"), kind="ConfigMap", by="kubectl-patch"),
        differs("catalog", What.UNDECLARED, (), kind="RoleBinding", name="by-hand", by="kubectl-create"),
        Difference(
            None,
            Thing("vault", "role", "", "shop-left-over"),
            FieldDrift(What.UNDECLARED, (), None, None),
            mends=False,
        ),
    ),
    notes=("orders: another release was begun here and has not become healthy as a whole",),
    unread=("not compared, because it may not be read: Role in shop-mailer",),
)
