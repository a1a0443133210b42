"""(b) The first `up` of the example from nothing, against kubectl with the same objects in the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import baseline
from bench.laboratory import ENVIRONMENT
from bench.measure import Result, Row, best_of

if TYPE_CHECKING:
    from bench.laboratory import Laboratory

LIMIT = 2.0


def measure(lab: Laboratory, *, quick: bool) -> Result:
    """Deploy in turns by Pulumi and by kubectl, each time into an empty cluster."""
    lab.keep_empty(lab.shop)
    release = baseline.release_of(lab.shop, ENVIRONMENT, lab.sandbox.layout.overlay)
    children = baseline.described(release)["children"]
    runs = 1 if quick else 3
    plain, with_preview, theirs = best_of(
        runs,
        lambda: lab.pulumi(lab.shop, "up", "--yes", "--skip-preview"),
        lambda: lab.pulumi(lab.shop, "up", "--yes"),
        lambda: baseline.deploy(lab, children),
        before=lambda: lab.make_empty(lab.shop, release.parent),
    )
    kubectl = "kubectl apply + wait"
    result = Result("First `up` of the example")
    limit = f"≤ {LIMIT:g}×"
    result.rows += [
        Row("`pulumi up --skip-preview` from nothing", plain, runs, kubectl, theirs, limit, plain / theirs <= LIMIT),
        Row(
            "`pulumi up` from nothing, its preview included",
            with_preview,
            runs,
            kubectl,
            theirs,
            limit,
            with_preview / theirs <= LIMIT,
        ),
    ]
    result.notes.append(
        "kubectl has no preview, so the first line is the like-for-like one. Both sides wait for the same things: "
        "synced secrets before workloads, healthy workloads before their dependents, in "
        f"{len(baseline.waves(children))} waves. kubectl's side writes Vault's policies and roles by plain requests."
    )
    lab.make_empty(lab.shop, release.parent)
    return result
