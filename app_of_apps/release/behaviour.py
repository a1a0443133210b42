"""Merge how a child behaves: defaults ← template ← child ← environment, field by field.

Only what somebody wrote counts: a field left out in the child does not put its default over the template's value. An
explicit null takes the field back to its default, which is how a child drops a probe of its template.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from pydantic import ValidationError

from app_of_apps.manifest.base import Model
from app_of_apps.manifest.quantity import amount
from app_of_apps.manifest.template import Behaviour, Probes, ResourceAmounts, Resources, Rollout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app_of_apps.manifest.template import Template

DEFAULT_DEADLINE: Final = "5m"
DEFAULT_ON_FAILURE: Final = "stop"

OnFailure = Literal["stop", "rollback"]

ModelT = TypeVar("ModelT", bound=Model)

# The ways of asking exclude each other, so naming one in the child replaces the template's.
_WAYS = frozenset({"http", "tcp", "grpc", "exec"})
_AMOUNTS = ("cpu", "memory", "ephemeral_storage")


@dataclass(frozen=True, slots=True)
class Merged:
    """The behaviour of one child with nothing left open. ``faults`` are (key, message) pairs for what does not fit."""

    rollout: Rollout
    probes: Probes
    resources: Resources
    deadline: str
    on_failure: OnFailure
    faults: tuple[tuple[str, str], ...] = ()

    def fields(self) -> dict[str, Any]:
        """Return the fields as `model_copy(update=…)` takes them."""
        return {
            "rollout": self.rollout,
            "probes": self.probes,
            "resources": self.resources,
            "deadline": self.deadline,
            "on_failure": self.on_failure,
        }


@dataclass(slots=True)
class Merger:
    """Merges behaviours over the templates of one parent; children that override nothing share their template's."""

    templates: Mapping[str, Template]
    _plain: dict[str | None, Merged] = field(default_factory=dict)

    def merge(self, child: Behaviour, template: str | None, resources: Resources | None) -> Merged:
        """Return the behaviour of ``child``; ``resources`` are the environment's, which win over the child's."""
        own = {name: value for name, value in _written(child).items() if name in Behaviour.model_fields}
        if own or resources is not None:
            return _merge(self._template(template), own, {} if resources is None else _written(resources))
        if template not in self._plain:
            self._plain[template] = _merge(self._template(template), {}, {})
        return self._plain[template]

    def _template(self, name: str | None) -> dict[str, Any]:
        found = self.templates.get(name) if name is not None else None
        return {} if found is None else _written(found)


def _written(model: Model) -> dict[str, Any]:
    """Return the fields of ``model`` that were set by somebody, and of the models within it, under Python's names."""
    return {
        name: _written(value) if isinstance(value := getattr(model, name), Model) else value
        for name in model.model_fields_set
    }


def _over(below: Any, above: Any) -> Any:  # noqa: ANN401 - nested plain data
    """Lay ``above`` over ``below``: mappings are merged, everything else is replaced."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    if _WAYS & above.keys():
        below = {name: value for name, value in below.items() if name not in _WAYS or name in above}
    return below | {name: _over(below.get(name), value) for name, value in above.items()}


def _merge(template: dict[str, Any], own: dict[str, Any], resources: dict[str, Any]) -> Merged:
    faults: list[tuple[str, str]] = []
    merged = _over(template, own)
    written = _over(merged.get("resources") or {}, resources)
    probes = _model(Probes, "probes", merged.get("probes"), faults)
    faults.extend(_repeated_success(probes))
    return Merged(
        rollout=_model(Rollout, "rollout", merged.get("rollout"), faults),
        probes=probes,
        resources=_resources(written, faults),
        deadline=merged.get("deadline") or DEFAULT_DEADLINE,
        on_failure=merged.get("on_failure") or DEFAULT_ON_FAILURE,
        faults=tuple(faults),
    )


def _repeated_success(probes: Probes) -> list[tuple[str, str]]:
    """Kubernetes refuses these: one success is what starts a container or keeps it alive."""
    once = (("startup", probes.startup), ("liveness", probes.liveness))
    return [
        ("probes", f"successThreshold of the {kind} probe must be 1")
        for kind, probe in once
        if probe is not None and probe.success_threshold != 1
    ]


def _model(model: type[ModelT], key: str, value: Any, faults: list[tuple[str, str]]) -> ModelT:  # noqa: ANN401
    try:
        validated: ModelT = model.model_validate(value or {})
    except ValidationError as error:
        faults.extend((key, str(one["msg"]).removeprefix("Value error, ")) for one in error.errors())
        return model()
    return validated


def _resources(written: dict[str, Any], faults: list[tuple[str, str]]) -> Resources:
    """Fill in the default amounts; a default never stands in the way of an amount that somebody wrote."""
    defaults = Resources()
    requests, limits = (
        _over(
            {name: getattr(default, name) for name in _AMOUNTS},
            written.get(kind) or {},
        )
        for kind, default in (("requests", defaults.requests), ("limits", defaults.limits))
    )
    asked, allowed = written.get("requests") or {}, written.get("limits") or {}
    for name in _AMOUNTS:
        request, limit = requests[name], limits[name]
        if request is None or limit is None or amount(request) <= amount(limit):
            continue
        if name not in allowed:
            limits[name] = request
        elif name not in asked:
            requests[name] = limit
        else:
            faults.append(("resources", f"the request for {name} ({request}) is above its limit ({limit})"))
    return Resources(requests=ResourceAmounts(**requests), limits=ResourceAmounts(**limits))
