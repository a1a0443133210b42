"""Brings back what was declared: the same release through the same program, over what was changed outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.drift_read import path_of
from app_of_apps.deploy.facts import CHILD_DIGEST
from app_of_apps.deploy.repair import OPERATION, REPAIR
from app_of_apps.deploy.run import operate
from app_of_apps.environment.kube_writer import KubeWriter
from app_of_apps.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from app_of_apps.deploy.drift import Difference, Tolerated
    from app_of_apps.deploy.drift_deployed import Deployed
    from app_of_apps.deploy.progress import Row
    from app_of_apps.deploy.run import Told
    from app_of_apps.release.model import Release

ENVIRON: Final[Mapping[str, str]] = {
    # What somebody else has written over is taken back; without this the API server refuses with a conflict.
    "PULUMI_K8S_ENABLE_PATCH_FORCE": "true",
    OPERATION: REPAIR,
}


def mark(release: Release, left: Iterable[Difference]) -> None:
    """Make the engine write objects again in which it does not notice a difference.

    Its provider compares no more items of a list than were declared, so one that was appended is invisible to it. An
    annotation of ours that says something else is not, and with it the whole object is written as declared. Raises
    Unavailable when the cluster cannot be written to.
    """
    with KubeWriter(release.cluster.context) as kube:
        for thing in dict.fromkeys(one.thing for one in left if one.mends and one.thing.where == "kubernetes"):
            path = path_of(kube, thing)
            if path is not None and kube.get(path) is not None:
                kube.annotate(path, {CHILD_DIGEST: "differs"})


def mend(
    deployed: Deployed,
    current: Release,
    project: Path,
    spent: Iterable[Tolerated],
    *,
    show: Callable[[tuple[Row, ...]], None],
    say: Callable[[str], None],
) -> Told:
    """Run the deployed release again, after a look at what is really there; return what there is to tell.

    ``spent`` are Jobs that have ended and are gone: they do not run a second time. Raises
    Refused when the working tree holds another release: a repair is no way to deploy something new.
    """
    release = deployed.release
    if release.digest != current.digest:
        msg = (
            f"the working tree is not what {release.environment} runs ({deployed.record}); nothing was touched. Check "
            f"out what was deployed and run again, or deploy what is here: aoa up {release.environment}"
        )
        raise Refused(msg)
    options: dict[str, Any] = {"refresh": True}
    if exclude := [_resource(one) for one in spent]:
        options["exclude"] = exclude
    return operate("up", release, project, show=show, say=say, options=options, environ=ENVIRON)


def _resource(job: Tolerated) -> str:
    """Return the pattern of a Job's URN. Its logical name begins with the child's and ends with its own."""
    return f"**$kubernetes:batch/v1:{job.thing.kind}::{job.child}-*{job.thing.name}"
