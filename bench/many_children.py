"""(c) Many children: create, preview with nothing to do, change of one child; and how time grows with their number."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

from bench import baseline, worlds
from bench.laboratory import ENVIRONMENT
from bench.measure import Result, Row, best_of, exponent, timed

if TYPE_CHECKING:
    from pathlib import Path

    from app_of_apps.release.model import Release
    from bench.laboratory import Laboratory

SIZES = (25, 50, 100, 200)
QUICK_SIZES = (5, 10)
COMPARED = 100
CREATES, PREVIEWS, CHANGES = 2, 3, 2
ONCE_FROM = 200
"""From this size on a create is measured once: it takes minutes."""
_PODS_PER_NODE = 100


def measure(lab: Laboratory, *, quick: bool) -> Result:
    """Run every size, and compare the middle one with kubectl."""
    sizes = QUICK_SIZES if quick else SIZES
    compared = COMPARED if COMPARED in sizes else sizes[-1]
    # Twice the pods: while a Deployment rolls there is one more of each.
    lab.scale_nodes(2 + 2 * max(sizes) // _PODS_PER_NODE)
    result = Result("Many children")
    creates, previews = [], []
    for size in sizes:
        many = _Many(lab, size)
        created, previewed, changed = many.create(), many.preview(), many.change()
        creates.append(created)
        previews.append(previewed)
        result.rows += many.rows(created, previewed, changed, compare=size == compared)
        many.remove()
    names = ", ".join(map(str, sizes))
    result.notes.append(
        f"Each child: Namespace, ServiceAccount, ConfigMap, Deployment of one replica; {worlds.WAVES} waves. "
        f"Time grows with the number of children n as n^{exponent(sizes, creates):.2f} for create and "
        f"n^{exponent(sizes, previews):.2f} for the no-op preview (least squares over the logarithms at {names})."
    )
    return result


class _Many:
    """One size, deployed by Pulumi."""

    def __init__(self, lab: Laboratory, size: int) -> None:
        self.lab, self.size = lab, size
        self.project: Path = worlds.many(lab.folder / f"many-{size}", size)
        lab.make_stack(self.project)
        lab.keep_empty(self.project)
        release = self._release()
        self.parent = release.parent
        self.children = baseline.described(release)["children"]
        self._numbers = itertools.count(100_000)
        self._creates = 1 if size >= ONCE_FROM else CREATES

    def _release(self) -> Release:
        return baseline.release_of(self.project, ENVIRONMENT, self.lab.sandbox.layout.overlay)

    def create(self) -> float:
        """From nothing."""
        (best,) = best_of(self._creates, self._up, before=lambda: self.lab.make_empty(self.project, self.parent))
        return best

    def preview(self) -> float:
        """With nothing to do."""
        (best,) = best_of(PREVIEWS, lambda: self.lab.pulumi(self.project, "preview", "--expect-no-changes"))
        return best

    def change(self) -> float:
        """Another configuration of the last child: a new ConfigMap, and its pods roll."""
        (best,) = best_of(CHANGES, self._up, before=self._touch_last)
        return best

    def _touch_last(self) -> None:
        worlds.write_child(
            self.project,
            f"worker-{self.size - 1:04d}",
            next(self._numbers),
            needs=self.children[-1]["needs"][0],
            wave=worlds.WAVES - 1,
        )

    def _up(self) -> None:
        self.lab.pulumi(self.project, "up", "--yes", "--skip-preview")

    def rows(self, created: float, previewed: float, changed: float, *, compare: bool) -> list[Row]:
        """The lines of the table, with kubectl's times beside ours when asked for."""
        by = self._by_kubectl() if compare else {}
        return [
            Row(f"{self.size} children: {what}", ours, runs, *by.get(what, ()))
            for what, ours, runs in (
                ("create", created, self._creates),
                ("no-op preview", previewed, PREVIEWS),
                ("change of one", changed, CHANGES),
            )
        ]

    def _by_kubectl(self) -> dict[str, tuple[str, float]]:
        lab, objects = self.lab, [item["manifest"] for child in self.children for item in child["objects"]]
        again = partial(baseline.deploy_many, lab, self.children)
        (created,) = best_of(CREATES, again, before=lambda: lab.delete_namespaces(self.parent))
        (seen,) = best_of(PREVIEWS, lambda: baseline.diff(lab, objects))
        changes = []
        for _ in range(CHANGES):
            self._touch_last()
            touched = baseline.described(self._release())["children"]
            changes.append(timed(partial(baseline.deploy_change, lab, touched, touched[-1])))
        return {
            "create": ("kubectl apply + wait", created),
            "no-op preview": ("kubectl diff", seen),
            "change of one": ("kubectl apply of all + rollout status", min(changes)),
        }

    def remove(self) -> None:
        """Leave the cluster as it was."""
        self.lab.make_empty(self.project, self.parent)
