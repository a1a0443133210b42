"""What is deployed in an environment, by the record of its last success: one side of a comparison."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from app_of_apps.approval.standing import last_record
from app_of_apps.deploy.status import check_identity
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.errors import Unavailable
from app_of_apps.release.environments import Deployed, DeployedChild, Side

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release


def read_side(settings: Environment, release: Release, *, connect: Callable[[str], KubeReader] = KubeReader) -> Side:
    """Return an environment with what is deployed in it; its cluster is only read.

    Raises WrongEnvironment when the context leads to another cluster, Unavailable when it cannot be asked or its record
    cannot be read.
    """
    with connect(release.cluster.context) as kube:
        check_identity(release, kube)
        record = last_record(kube, release.parent)
    return Side(settings, release, None if record is None else deployed(record))


def deployed(record: Mapping[str, Any]) -> Deployed:
    """Return what the ConfigMap of a release says; raises Unavailable when it cannot be read."""
    data = record.get("data") or {}
    try:
        children = {
            str(name): DeployedChild(str(one["digest"]), one.get("version"))
            for name, one in json.loads(data["children"]).items()
        }
        # Records of before releases had numbers have none.
        return Deployed(int(data.get("number") or 0), str(data["digest"]), str(data["programVersion"]), children)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        about = record.get("metadata") or {}
        msg = f"the record {about.get('namespace')}/{about.get('name')} cannot be read ({type(error).__name__})"
        raise Unavailable(msg) from None
