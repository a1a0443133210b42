"""Where records are kept: one immutable ConfigMap each in the parent's namespace, and a folder if there is one.

The next number is taken by creating its ConfigMap, which the API server lets only one of two do.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.environment.kube_writer import KubeWriter
from app_of_apps.environment.replace_file import replace_file
from app_of_apps.errors import Unavailable
from app_of_apps.evidence.chain import Link, Signed
from app_of_apps.evidence.record import InCluster
from app_of_apps.objects.metadata import MANAGER
from app_of_apps.objects.record import record_namespace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LABEL: Final = "app-of-apps/evidence"
HEAD: Final = "evidence-head"
_NAME: Final = re.compile(r"evidence-([0-9]{7})")
_REVIEW: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest record, and the attempt that has begun and not ended."""

    link: Link
    open: int | None = None


class RecordStore(KubeWriter):
    """The records of one parent in one cluster. Raises what `KubeReader` raises."""

    def records(self, parent: str) -> list[Signed]:
        """Return every record in the order of its number."""
        items = {one["metadata"]["name"]: one for one in self.list(_folder(parent), labelSelector=f"{LABEL}=record")}
        return [Signed.of(items[name].get("data") or {}) for name in sorted(items) if _NAME.fullmatch(name)]

    def record(self, parent: str, sequence: int) -> Signed | None:
        """Return one record; None when it is not there."""
        found = self.get(f"{_folder(parent)}/{_name(sequence)}")
        return None if found is None else Signed.of(found.get("data") or {})

    def head(self, parent: str) -> Head | None:
        """Return what is noted about the newest record, None when nothing is; records may have followed it."""
        found = self.get(f"{_folder(parent)}/{HEAD}")
        try:
            noted = json.loads((found or {})["data"]["head"])
            return Head(Link(int(noted["sequence"]), str(noted["hash"])), noted.get("open"))
        except (KeyError, ValueError, TypeError):
            return None

    def make_home(self, parent: str, environment: str) -> None:
        """Make the namespace of the parent's records where it is missing; the program declares the rest of it."""
        name = record_namespace(parent)
        metadata = {
            "name": name,
            "labels": {**_labels(parent), "pod-security.kubernetes.io/enforce": "restricted"},
            "annotations": {"app-of-apps/environment": environment},
        }
        self.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def set_head(self, parent: str, head: Head) -> None:
        """Note the newest record."""
        noted = {"sequence": head.link.sequence, "hash": head.link.hash, "open": head.open}
        body = _config_map(HEAD, parent, "head", {"head": json.dumps(noted)})
        self.apply(f"{_folder(parent)}/{HEAD}", body)

    def add(self, parent: str, sequence: int, signed: Signed) -> bool:
        """Keep a record; return False when another one has its number."""
        body = _config_map(_name(sequence), parent, "record", signed.shape())
        return self.create(_folder(parent), {**body, "immutable": True}) is not None

    def whoami(self) -> tuple[InCluster, str]:
        """Return who the API server says this is, and what time it says that it is."""
        answer = self.create_answer(_REVIEW, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
        user: Any = answer.json()["status"]["userInfo"]
        try:
            now = parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
        except (KeyError, ValueError):
            msg = f"cluster {self.context!r} does not say what time it is, and a record needs its time"
            raise Unavailable(msg) from None
        who = InCluster(
            username=str(user.get("username") or ""),
            uid=str(user.get("uid") or ""),
            groups=tuple(sorted(map(str, user.get("groups") or ()))),
        )
        return who, now.strftime(_TIME)


def keep_copy(folder: Path, sequence: int, signed: Signed) -> None:
    """Write a copy of a record into a folder; one that is there already stays.

    Raises Unavailable when the folder cannot be written to, or holds another record of that number.
    """
    file = folder / f"{_name(sequence)}.json"
    content = json.dumps(signed.shape(), ensure_ascii=False, sort_keys=True) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # One that is empty was begun by a run that was killed.
        if file.exists() and (there := file.read_text(encoding="utf-8")):
            if there == content:
                return
            msg = f"{file} holds another record of this number; find out which chain it belongs to, and move it away"
            raise Unavailable(msg)
        file.touch()
        replace_file(file, content)
    except OSError as error:
        msg = f"the copy of a record cannot be kept in {folder}: {error.strerror}"
        raise Unavailable(msg) from error


def moment(time: str) -> datetime:
    """Return the moment that a record's time says, in UTC."""
    return datetime.strptime(time, _TIME).replace(tzinfo=UTC)


def _folder(parent: str) -> str:
    return f"/api/v1/namespaces/{record_namespace(parent)}/configmaps"


def _name(sequence: int) -> str:
    return f"evidence-{sequence:07}"


def _labels(parent: str) -> dict[str, str]:
    return {"app.kubernetes.io/part-of": parent, "app.kubernetes.io/managed-by": MANAGER}


def _config_map(name: str, parent: str, role: str, data: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": record_namespace(parent), "labels": {**_labels(parent), LABEL: role}},
        "data": dict(data),
    }
