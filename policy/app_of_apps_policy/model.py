"""What a rule is, and what it sees of a resource."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


class _Unknown:
    """A value that nobody knows before it is deployed; equal to nothing else."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


def known(value: Any) -> Any:  # noqa: ANN401 - JSON values
    """Return a value without what is unknown in it."""
    if isinstance(value, dict):
        return {key: known(below) for key, below in value.items() if below is not UNKNOWN}
    if isinstance(value, list):
        return [known(below) for below in value if below is not UNKNOWN]
    return value


Severity = Literal["low", "medium", "high", "critical"]
Level = Literal["mandatory", "advisory"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One resource as the engine is about to handle it, all values plain."""

    type: str
    """The type token, such as ``kubernetes:apps/v1:Deployment``."""
    urn: str
    props: Mapping[str, Any]
    """The inputs; in a rule about the whole stack the outputs."""
    protect: bool = False
    provider: Mapping[str, Any] | None = None
    """The inputs of the provider that handles it."""

    @property
    def stack(self) -> str:
        """The stack, which is named for its environment."""
        return self.urn.split("::", 1)[0].rpartition(":")[2]


Config = dict[str, Any]
"""What the configuration says about one rule: the names of `Rule.settings`, without those left out."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be configured about a rule."""

    schema: Mapping[str, Any]
    """JSON Schema."""
    says: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Exactly one of ``check`` and ``check_stack`` is given."""

    id: str
    group: str
    says: str
    """What must hold, in one sentence."""
    why: str
    mend: str
    severity: Severity
    check: Callable[[Seen, Config], Iterator[str]] | None = None
    """Yields what is wrong with one resource."""
    check_stack: Callable[[Sequence[Seen], Config], Iterator[tuple[str, str]]] | None = None
    """Yields URN and what is wrong, once every resource is known."""
    level: Level = "mandatory"
    says_how: bool = False
    """Whether each message already ends with what to do."""
    settings: Mapping[str, Setting] = field(default_factory=dict)


def names(says: str) -> Setting:
    """Return a setting that is a list of names."""
    return Setting({"type": "array", "items": {"type": "string"}}, says)


def text(says: str) -> Setting:
    """Return a setting that is one text."""
    return Setting({"type": "string"}, says)


def flag(says: str) -> Setting:
    """Return a setting that is yes or no."""
    return Setting({"type": "boolean"}, says)
