"""What stands, by its records in the cluster: the last release, the rules it was deployed under, used statements."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from pydantic import ValidationError

from app_of_apps.approval.check import Question, Standing
from app_of_apps.environment.settings import Gates
from app_of_apps.errors import Unavailable
from app_of_apps.objects.record import record_namespace
from app_of_apps.release.digest import canonical_json
from app_of_apps.release.provenance import DIRTY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from app_of_apps.approval.gate import Action
    from app_of_apps.environment.settings import Environment
    from app_of_apps.objects.model import KubernetesObject
    from app_of_apps.release.model import Release

RULES: Final = "gates"
"""The key in a release record's data under which the rules stand that the release was deployed under."""
_COMMIT: Final = "app-of-apps/git-commit"


_NAME: Final = re.compile(r"release-(?:([0-9]+)-)?[0-9a-f]{12}")
_CHAIN: Final = "app-of-apps/evidence=record"


class Reader(Protocol):
    """The part of a cluster's reader that is needed here; each raises Forbidden and Unavailable."""

    def get(self, path: str, **query: str) -> dict[str, Any] | None:
        """Return an object, None when there is none."""

    def list(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return all items at a list path."""

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names of the items of a list, without reading the items."""


def last_record(kube: Reader, parent: str) -> dict[str, Any] | None:
    """Return the ConfigMap of the last release that succeeded; None when there is none.

    Records without a number are of the time before there were any; among them the youngest counts.
    """
    where = f"/api/v1/namespaces/{record_namespace(parent)}/configmaps"
    found = {name: int(match[1] or 0) for name in kube.names(where) if (match := _NAME.fullmatch(name))}
    last = [name for name, number in found.items() if number == max(found.values())]
    records = [one for name in last if (one := kube.get(f"{where}/{name}")) is not None]
    return max(records, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), default=None)


def chain(kube: Reader, parent: str) -> tuple[Mapping[str, Any], ...]:
    """Return every record of the chain of evidence, oldest first. Signatures are not checked here."""
    where = f"/api/v1/namespaces/{record_namespace(parent)}/configmaps"
    items = {str(one["metadata"]["name"]): one for one in kube.list(where, labelSelector=_CHAIN)}
    return tuple(json.loads(items[name]["data"]["record"]) for name in sorted(items))


def question_of(settings: Environment, release: Release, kube: Reader, *, action: Action = "up") -> Question:
    """Return what the gate is asked about ``release``, with what the records in the cluster say."""
    record = last_record(kube, release.parent)
    standing = standing_of(record) if record is not None else None
    digest = standing.digest if standing is not None and action == "destroy" else release.digest
    question = Question(settings, release.parent, digest, standing, action)
    if not question.is_gated:
        return question
    records = chain(kube, release.parent)
    return replace(question, used=used_nonces(records), gone=action == "up" and was_removed(records))


def standing_of(record: Mapping[str, Any]) -> Standing:
    """Return the release that a record's ConfigMap tells of.

    Raises Unavailable when its rules cannot be read: a release is not let through because a record is broken.
    """
    data, about = record.get("data") or {}, record["metadata"]
    rules = data.get(RULES)
    try:
        gates = None if rules is None else Gates.model_validate_json(rules)
    except ValidationError as error:
        msg = (
            f"the record {about['namespace']}/{about['name']} holds rules that cannot be read "
            f"({error.error_count()} problems), so the gate stays shut; nothing was touched"
        )
        raise Unavailable(msg) from None
    commit = (about.get("annotations") or {}).get(_COMMIT)
    if commit is not None and commit.endswith(DIRTY):
        commit = None  # nobody knows whose changes came on top of it
    return Standing(str(data["digest"]), commit, gates)


def with_rules(objects: Sequence[KubernetesObject], gates: Gates) -> tuple[KubernetesObject, ...]:
    """Return a release's record with the rules that it was deployed under; `standing_of` reads them back."""
    text = canonical_json(gates.model_dump(mode="json", by_alias=True)).decode()

    def added(one: KubernetesObject) -> KubernetesObject:
        if one.manifest["kind"] != "ConfigMap":
            return one
        return replace(one, manifest={**one.manifest, "data": {**one.manifest["data"], RULES: text}})

    return tuple(map(added, objects))


def was_removed(records: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the last thing that succeeded, by records of the chain, was to remove everything."""
    last = [one["operation"] for one in records if one["kind"] == "ended" and one.get("result") == "succeeded"][-1:]
    return last == ["destroy"]


def used_nonces(records: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the nonces of statements that records of the chain, oldest first, have used up.

    A statement is used up when an attempt that it counted for has succeeded, or when an attempt with another release
    has begun since. So a failed attempt can be repeated with what was approved, and nothing comes back later.
    """
    used: set[str] = set()
    open_: dict[int, tuple[str, set[str]]] = {}
    for record in records:
        if record["kind"] == "began":
            digest = str((record.get("release") or {}).get("digest"))
            for sequence, (other, nonces) in list(open_.items()):
                if other != digest:
                    used |= nonces
                    del open_[sequence]
            open_[int(record["sequence"])] = (digest, set(_nonces(record)))
        elif record["kind"] == "ended" and record.get("result") == "succeeded" and record.get("attempt") in open_:
            used |= open_.pop(int(record["attempt"]))[1]
    return frozenset(used)


def _nonces(record: Mapping[str, Any]) -> Iterable[str]:
    for one in (*(record.get("approvals") or ()), record.get("breakGlass")):
        if one:
            payload = one["payload"]
            yield str((json.loads(payload) if isinstance(payload, str) else payload)["nonce"])
