"""What an operation was in the middle of when it was killed, and how the next one goes on from there.

The engine notes each step in the state before it begins it. Killed, it leaves the note, and of what happened in the
world it knows nothing: the next `pulumi up` repeats what the program still declares, and forgets the rest. Two things
would be lost that way when the files say something else by then. An object that was created is in no state, so nobody
would ever remove it. An object that was changed is in the state as it was before, so going back to that would change
nothing. Both are put into the state here, before the next operation begins:

* created, and declared no longer: it gets into the state as something to be deleted;
* created, and still declared: the note goes, because creating it again takes over what is there;
* updated: it is marked as not fully initialised, which makes the engine apply what is declared once more;
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


def has_pending(checkpoint: Path) -> bool:
    """Whether the notes of an operation that was cut short are in a state file."""
    try:
        text = checkpoint.read_text()
        if '"pending_operations"' not in text:
            return False
        return bool(json.loads(text)["checkpoint"]["latest"].get("pending_operations"))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False  # no state yet, or one that the engine itself has to judge


def unseen(deployment: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the URNs of what was being deleted or read."""
    known = {one["urn"] for one in deployment.get("resources") or []}
    notes = (note for note in deployment.get("pending_operations") or [])
    found = (note["resource"]["urn"] for note in notes if note["type"] not in {"creating", "updating", "importing"})
    return tuple(dict.fromkeys(urn for urn in found if urn in known))


def settle(
    deployment: Mapping[str, Any], declared: Collection[Identity], open_children: Collection[str] = ()
) -> Pending:
    """Return how an exported deployment goes on.

    ``declared`` is all that the next operation creates, ``open_children`` are those of which only a chart knows what
    they have: what was created for them counts as declared.
    """
    resources = [dict(one) for one in deployment.get("resources") or []]
    known = {one["urn"] for one in resources}
    removed: list[str] = []
    lost: list[str] = []
    for kind, created in _notes(deployment):
        if kind == "updating":
            for one in resources:
                if one["urn"] == created["urn"] and not one.get("delete"):
                    one["initErrors"] = [*(one.get("initErrors") or []), _CUT]
        elif kind == "creating" and created.get("custom"):
            found = identity(created)
            if found in declared or _is_of_chart(created["urn"], open_children):
                continue
            taken = _taken(created, known)
            (lost if taken is None else removed).append(_told(found))
            if taken is not None:
                resources.append(taken)
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


def _taken(created: Mapping[str, Any], known: Collection[str]) -> dict[str, Any] | None:
    """Return a resource as the state would have it had its creation come to an end, and its deletion been asked for.

    None when it has no identity that its inputs tell, or when what it refers to is not in the state.
    """
    found = identity(created)
    if str(created["type"]).startswith("kubernetes:"):
        id_ = f"{found.namespace}/{found.name}" if found.namespace else found.name
    else:
        id_ = {POLICY: found.name, ROLE: f"{found.namespace}/role/{found.name}"}.get(str(created["type"]), "")
    provider = str(created.get("provider", "")).rpartition("::")[0]
    if not (id_ and provider in known and created.get("parent", provider) in known):
        return None
    taken = {key: value for key, value in created.items() if key not in {"propertyDependencies", "dependencies"}}
    return {**taken, "id": id_, "outputs": created.get("inputs") or {}, "delete": True}


def _is_of_chart(urn: str, children: Collection[str]) -> bool:
    name = urn.rpartition("::")[2]
    return CHART in urn and any(name.startswith((f"{child}-", f"{child}:")) for child in children)


def _told(found: Identity) -> str:
    return f"{found.kind} {'/'.join(part for part in (found.namespace, found.name) if part)}"
