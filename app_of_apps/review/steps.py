"""Collects what the engine foresees for each resource. Pure: events in, resources out.

The engine's events carry whole states. They are looked at here and never kept: what stays is `model.Resource`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.events import Family, Message, Policy, Step, name_of, of_engine, type_of
from app_of_apps.deploy.prediction import OPS, Foretold, resource_id, without_marks
from app_of_apps.deploy.preview_digest import preview_of
from app_of_apps.deploy.redact import Redactor
from app_of_apps.review.fields import fields_of, holds_unknown, is_provenance
from app_of_apps.review.model import Confidence, Field, Resource, Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.automation import EngineEvent
    from pulumi.automation.events import StepEventMetadata

    from app_of_apps.deploy.events import Event
    from app_of_apps.deploy.prediction import Op
    from app_of_apps.deploy.preview_digest import Preview

_RUNS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"})
_RESTARTED: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_STACK: Final = "pulumi:pulumi:Stack"
_COMPARED: Final = frozenset({"update", "replace"})


@dataclass(slots=True)
class _Seen:
    """One resource, as its events tell it."""

    urn: str
    op: Op
    step: Step
    resource: Resource
    tried: bool = False
    """Whether the API server has answered what it would make of it."""


@dataclass(slots=True)
class Steps:
    """Takes the engine's events of one preview, in the order in which they come."""

    redact: Redactor = field(default_factory=Redactor)
    _events: list[Event] = field(default_factory=list)
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def take(self, event: EngineEvent) -> None:
        """Take one event of ``pulumi.automation``."""
        taken = of_engine(event, self.redact)
        if taken is None:
            return
        self._events.append(taken)
        found = event.resource_pre_event or event.res_outputs_event
        if not isinstance(taken, Step) or found is None:
            return
        op = OPS.get(taken.op)
        if op is None or not taken.custom or taken.type == _STACK or taken.type.startswith("pulumi:"):
            return
        metadata = found.metadata
        known = self._seen.get(taken.urn)
        if known is None or (taken.op == "create-replacement" and taken.phase == "begun"):
            self._seen[taken.urn] = known = _Seen(taken.urn, op, taken, _resource(op, metadata, self.redact))
        if taken.phase == "done" and op != "delete" and metadata.new is not None:
            known.tried = known.tried or _uid(metadata.new.outputs)

    @property
    def preview(self) -> Preview:
        """What the events come to, and the digest of it that an approval may name."""
        return preview_of(self._events)

    @property
    def policies(self) -> tuple[Violation, ...]:
        """Policies that were violated, mandatory ones first."""
        family = self._family()
        found = dict.fromkeys(
            Violation(one.policy, one.text, one.mandatory, family.child(one.urn) if one.urn else None, _about(one.urn))
            for one in self._events
            if isinstance(one, Policy)
        )
        return tuple(sorted(found, key=lambda one: (not one.mandatory, one.policy, one.child or "", one.resource)))

    def said(self, severity: str) -> tuple[str, ...]:
        """Return what was said with a severity (`Message.severity`), in the order in which it was said."""
        found = (one for one in self._events if isinstance(one, Message) and one.severity == severity)
        return tuple(dict.fromkeys(one.text for one in found))

    def resources(self) -> Mapping[str | None, tuple[Resource, ...]]:
        """Return child → its resources, sorted; what belongs to no child stands under None."""
        family = self._family()
        found: dict[str | None, list[Resource]] = {}
        for one in self._seen.values():
            found.setdefault(family.child(one.urn), []).append(_judged(one))
        return {child: tuple(sorted(every, key=_order)) for child, every in found.items()}

    def foretold(self) -> tuple[Foretold, ...]:
        """Return what an update is compared with later, sorted."""
        family = self._family()
        fields: dict[str, set[str]] = {}
        for event in self._events:
            if isinstance(event, Step) and event.phase == "begun":
                fields.setdefault(event.urn, set()).update(event.diffs)
        found = (
            Foretold(
                resource_id(one.step.type, one.step.name),
                family.child(one.urn),
                one.op,
                str(_judged(one).confidence),
                without_marks(fields.get(one.urn, ())) if one.op in _COMPARED else (),
            )
            for one in self._seen.values()
        )
        return tuple(sorted({one.id: one for one in found}.values(), key=lambda one: one.id))

    def _family(self) -> Family:
        family = Family()
        for event in self._events:
            if isinstance(event, Step):
                family.learn(event)
        return family


def _about(urn: str) -> str:
    """Return kind and logical name of a policy's resource; nothing for the stack as a whole."""
    return f"{_called(type_of(urn))} {name_of(urn)}" if urn and type_of(urn) != _STACK else ""


def _resource(op: Op, metadata: StepEventMetadata, redact: Redactor) -> Resource:
    """Return a resource as its first event tells it, of which nobody knows yet whether it was tried."""
    state = metadata.new or metadata.old
    inputs: Mapping[str, Any] = (state.inputs if state else None) or {}
    about = inputs.get("metadata")
    about = about if isinstance(about, dict) else {}
    kind = str(inputs.get("kind") or _called(metadata.type))
    detailed = metadata.detailed_diff or {}
    diff = {path: str(getattr(one.diff_kind, "value", one.diff_kind)) for path, one in detailed.items()}
    every = (
        fields_of(
            diff or dict.fromkeys(metadata.diffs or (), "update"),
            before=(metadata.old.inputs if metadata.old else None) or {},
            after=(metadata.new.inputs if metadata.new else None) or {},
            kind=kind,
            redact=redact,
            reasons=frozenset(metadata.keys or ()),
        )
        if op in {"update", "replace"}
        else _images(inputs, kind, redact)
        if op == "create"
        else ()
    )
    unknown = holds_unknown(inputs) if op != "delete" else False
    return Resource(
        op=op,
        kind=kind,
        namespace=str(about.get("namespace") or ""),
        name=redact(str(about.get("name") or inputs.get("name") or name_of(metadata.urn))),
        confidence=Confidence.UNKNOWN if unknown else Confidence.ASSUMED,
        why="some of its values are known only while it is deployed" if unknown else "",
        fields=tuple(one for one in every if one.replaces or not is_provenance(one)),
        restarts=op == "update" and kind in _RESTARTED and any(one.path.startswith("spec.template") for one in every),
        kept=op == "delete" and bool(state and state.retain_on_delete),
    )


def _images(inputs: Mapping[str, Any], kind: str, redact: Redactor) -> tuple[Field, ...]:
    """Return what a new workload runs."""
    if kind not in _RUNS:
        return ()
    spec = inputs.get("spec")
    spec = spec["jobTemplate"].get("spec") if isinstance(spec, dict) and "jobTemplate" in spec else spec
    pods = ((spec or {}).get("template") or {}).get("spec") or {}
    found = {
        f"{group}[{index}].image": "add"
        for group in ("initContainers", "containers")
        for index in range(len(pods.get(group) or ()))
    }
    return fields_of(found, before={}, after=pods, kind=kind, redact=redact)


def _judged(seen: _Seen) -> Resource:
    """Return the resource with the confidence that is due to it."""
    found = seen.resource
    if found.confidence is Confidence.UNKNOWN:
        return found
    if seen.op == "delete" or seen.tried:
        return replace(found, confidence=Confidence.EXACT, why="")
    why = "the API server could not try it: what it needs, such as its namespace, is not there yet"
    if not type_of(seen.urn).startswith("kubernetes:"):
        why = "nobody is asked about it before it is deployed: it is compared with the state of the last deployment"
    return replace(found, why=why)


def _uid(outputs: Mapping[str, Any] | None) -> bool:
    """Whether an object is one that the API server has made, for a trial too: only it gives a UID."""
    about = (outputs or {}).get("metadata")
    return isinstance(about, dict) and bool(about.get("uid")) and not holds_unknown(about.get("uid"))


def _called(token: str) -> str:
    """Return what people call a resource of a type: ``Vault Policy``, ``Deployment``."""
    package, _, rest = token.partition(":")
    name = rest.rpartition(":")[2]
    return f"Vault {name}" if package == "vault" else name


def _order(resource: Resource) -> tuple[str, ...]:
    return (resource.kind, resource.namespace, resource.name, resource.op)
