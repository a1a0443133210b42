"""What an operation was in the middle of when it was killed, and how the next one goes on from there.

The engine notes each step in the state before it begins it. Killed, it leaves the note, and of what happened in the
world it knows nothing: the next `pulumi up` repeats what the program still declares, and forgets the rest. Three things
would go wrong that way when the files say something else by then. An object that was created is in no state, so nobody
would ever remove it. An object that was changed is in the state as it was before, so going back to that would change
nothing. And an object that was replaced, and not yet deleted, would be deleted although it is declared again. All is
put right in the state here, before the next operation begins:

* created in Kubernetes, and still declared: it gets into the state as it is there, with the name under which the
  provider has applied it. Created a second time it would have another name, and with other content than the first time
  the API server refuses that as a conflict of two owners;
* created, and declared no longer: it gets into the state as something to be deleted;
* created in Vault, and still declared: the note goes, because writing it again takes over what is there;
* updated: it is marked as not fully initialised, which makes the engine apply what is declared once more;
* replaced, and declared again: it and its replacement change places;
* deleted or read: the engine looks at it in the world (`Pending.unseen`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.ledger import Identity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

_CUT: Final = "the operation on it was cut short"
POLICY: Final = "vault:index/policy:Policy"
ROLE: Final = "vault:jwt/authBackendRole:AuthBackendRole"
CHART: Final = "kubernetes:helm.sh/v4:Chart"


@dataclass(frozen=True, slots=True)
class Pending:
    """How a state goes on."""

    deployment: Mapping[str, Any]
    """The deployment to import. The engine drops all notes when it does."""
    unseen: tuple[str, ...]
    """URNs of what has to be looked at in the world before that."""
    removed: tuple[str, ...]
    """Names of objects that nobody declares any more, for people."""
    lost: tuple[str, ...]
    """Names of what cannot be found again by its inputs alone; empty for what this program makes in Kubernetes."""


def is_unsettled(checkpoint: Path) -> bool:
    """Whether a state file tells of an operation that was cut short: by a note, or by something left to delete."""
    try:
        text = checkpoint.read_text()
        if '"pending_operations"' not in text and '"delete"' not in text:
            return False
        latest = json.loads(text)["checkpoint"]["latest"]
        left = any(one.get("delete") for one in latest.get("resources") or [])
        return left or bool(latest.get("pending_operations"))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False  # no state yet, or one that the engine itself has to judge


def unseen(deployment: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the URNs of what was being deleted or read."""
    known = {one["urn"] for one in deployment.get("resources") or []}
    notes = (note for note in deployment.get("pending_operations") or [])
    found = (note["resource"]["urn"] for note in notes if note["type"] not in {"creating", "updating", "importing"})
    return tuple(dict.fromkeys(urn for urn in found if urn in known))


def created(deployment: Mapping[str, Any]) -> tuple[tuple[str, Identity], ...]:
    """Return API version and identity of each Kubernetes object that was being created: it may be there or not."""
    found = (
        (note["inputs"].get("apiVersion", ""), identity(note)) for kind, note in _notes(deployment) if _new(kind, note)
    )
    return tuple(dict.fromkeys(found))


def settle(
    deployment: Mapping[str, Any],
    declared: Collection[Identity],
    *,
    managers: Mapping[Identity, str],
    open_children: Collection[str] = (),
) -> Pending:
    """Return how an exported deployment goes on.

    ``declared`` is all that the next operation creates, ``managers`` has each object of `created` that is there, with
    the field manager that has applied it. ``open_children`` are those of which only a chart knows what they have: what
    was created for them counts as declared.
    """
    resources = [dict(one) for one in deployment.get("resources") or []]
    known = {one["urn"] for one in resources}
    removed: list[str] = []
    lost: list[str] = []
    for kind, note in _notes(deployment):
        if kind == "updating":
            for one in resources:
                if one["urn"] == note["urn"] and not one.get("delete"):
                    one["initErrors"] = [*(one.get("initErrors") or []), _CUT]
        elif kind == "creating" and note.get("custom"):
            found = identity(note)
            keep = found in declared or _is_of_chart(note["urn"], open_children)
            in_kubernetes = _new(kind, note)
            if (in_kubernetes and found not in managers) or (keep and (not in_kubernetes or note["urn"] in known)):
                continue
            taken = _taken(note, known, managers.get(found), keep=keep)
            if not keep:
                (lost if taken is None else removed).append(_told(found))
            if taken is not None:
                resources.append(taken)
    _change_places(resources, declared)
    return Pending({**deployment, "resources": resources}, unseen(deployment), tuple(removed), tuple(lost))


def identity(resource: Mapping[str, Any]) -> Identity:
    """Return which object of the world a resource of the state stands for, in the words of the ledger."""
    inputs, kind = resource.get("inputs") or {}, str(resource["type"])
    if kind.startswith("kubernetes:"):
        meta = inputs.get("metadata") or {}
        return Identity(str(inputs.get("kind", "")), str(meta.get("namespace", "")), str(meta.get("name", "")))
    if kind == POLICY:
        return Identity("Vault policy", "", str(inputs.get("name", "")))
    if kind == ROLE:
        return Identity("Vault role", f"auth/{inputs.get('backend')}", str(inputs.get("roleName", "")))
    return Identity(kind, "", str(inputs.get("name", "")))


def _notes(deployment: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for note in deployment.get("pending_operations") or []:
        yield str(note["type"]), note["resource"]


def _new(kind: str, note: Mapping[str, Any]) -> bool:
    return kind == "creating" and str(note["type"]).startswith("kubernetes:") and bool(note.get("custom"))


def _taken(
    note: Mapping[str, Any], known: Collection[str], manager: str | None, *, keep: bool
) -> dict[str, Any] | None:
    """Return a resource as the state would have it had its creation come to an end.

    Kept, it is not fully initialised yet; else its deletion has been asked for. None when it has no identity that its
    inputs tell, or when what it refers to is not in the state.
    """
    found, inputs = identity(note), note.get("inputs") or {}
    outputs = dict(inputs)
    if manager is not None:
        id_ = f"{found.namespace}/{found.name}" if found.namespace else found.name
        # What the provider itself notes of an object that it has created.
        noted = {"__inputs": inputs, "__fieldManager": manager, "__initialApiVersion": inputs.get("apiVersion", "")}
        outputs |= noted
    else:
        id_ = {POLICY: found.name, ROLE: f"{found.namespace}/role/{found.name}"}.get(str(note["type"]), "")
    provider = str(note.get("provider", "")).rpartition("::")[0]
    if not (id_ and provider in known and note.get("parent", provider) in known):
        return None
    taken = {key: value for key, value in note.items() if key not in {"propertyDependencies", "dependencies"}}
    end: dict[str, Any] = {"initErrors": [_CUT]} if keep else {"delete": True}
    return {**taken, "id": id_, "outputs": outputs, **end}


def _change_places(resources: list[dict[str, Any]], declared: Collection[Identity]) -> None:
    """Keep what was to be deleted after a replacement and is declared again; its replacement goes instead.

    Where both are the same object, deleting the one would take the other: only the one that stays is kept in mind.
    """
    current = {one["urn"]: one for one in resources if not one.get("delete")}
    for one in list(resources):
        if not (one.get("delete") and str(one["type"]).startswith("kubernetes:") and identity(one) in declared):
            continue
        other = current.get(one["urn"])
        if other is not None and identity(other) == identity(one):
            resources.remove(one)
            continue
        del one["delete"]
        if other is not None:
            other["delete"] = True
        current[one["urn"]] = one


def _is_of_chart(urn: str, children: Collection[str]) -> bool:
    name = urn.rpartition("::")[2]
    return CHART in urn and any(name.startswith((f"{child}-", f"{child}:")) for child in children)


def _told(found: Identity) -> str:
    return f"{found.kind} {'/'.join(part for part in (found.namespace, found.name) if part)}"
