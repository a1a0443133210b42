"""The base model and the scalar types that every part of the format shares."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

API_VERSION = "app-of-apps/v1"


def exactly_one(*names: str) -> dict[str, Any]:
    """Return the JSON Schema that demands exactly one of some fields, as a model's validator does in Python."""
    return {"oneOf": [{"required": [name]} for name in names]}


class Model(BaseModel):
    """Frozen, exact, camelCase in YAML: a string is a string, an unknown field is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        defer_build=True,  # most models are parts of others, and are never asked alone
        allow_inf_nan=False,
    )


PATTERN_MEANINGS: dict[str, str] = {}
"""Regular expression → what it asks for, in words. `matching` fills it while the models are defined."""


def matching(pattern: str, meaning: str, **limits: Any) -> Any:  # noqa: ANN401 - what pydantic's Field takes and returns
    """Return a field whose text matches a pattern; errors and editors say the meaning and not the pattern.

    Patterns are read by Rust's regex crate and by JavaScript (JSON Schema), so they keep to what both read alike: no
    shorthand for digits or word characters, which means all of Unicode in one and ASCII in the other.
    """
    PATTERN_MEANINGS[pattern] = meaning
    return Field(pattern=pattern, json_schema_extra={"patternErrorMessage": meaning}, **limits)


_DURATION = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_LONGEST_DURATION = 7 * 24 * 3600


def seconds(duration: str) -> int:
    """Return the whole seconds of a duration such as ``90s``, ``5m`` or ``1h30m``.

    Raises ValueError when the text is no duration, is zero, or is longer than a week.
    """
    found = _DURATION.fullmatch(duration) if len(duration) < len("9999999h9999999m9999999s") else None
    total = sum(int(part or 0) * unit for part, unit in zip(found.groups(), (3600, 60, 1), strict=True)) if found else 0
    if not 0 < total <= _LONGEST_DURATION:
        msg = "must be a duration above zero and up to a week, such as 90s, 5m or 1h30m"
        raise ValueError(msg)
    return total


def _checked_duration(value: str) -> str:
    seconds(value)
    return value


# Kubernetes DNS labels have 63 characters; a child's name is used in `<parent>-<child>`, with suffixes.
Name = Annotated[
    str,
    matching(
        r"^[a-z]([-a-z0-9]*[a-z0-9])?$",
        "must be a name of lowercase letters, digits and hyphens that begins with a letter and ends with no hyphen",
        max_length=30,
    ),
]
VariableName = Annotated[
    str,
    matching(
        r"^[A-Za-z_][A-Za-z0-9_]*$",
        "must be a variable's name: letters, digits and underscores, not beginning with a digit",
        max_length=128,
    ),
]
Duration = Annotated[
    str,
    AfterValidator(_checked_duration),
    Field(
        json_schema_extra={
            "pattern": r"^(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
            "patternErrorMessage": "must be a duration such as 90s, 5m or 1h30m",
            "examples": ["90s", "5m"],
        }
    ),
]
Quantity = Annotated[
    str,
    matching(
        r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$",
        'must be a Kubernetes quantity such as 250m, 128Mi or "2"',
        max_length=20,
    ),
]
Percentage = Annotated[str, matching(r"^(100|[1-9]?[0-9])%$", "must be a percentage from 0% to 100%")]
CountOrPercentage = Annotated[int, Field(ge=0)] | Percentage
PortNumber = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, Field(min_length=1)]
Host = Annotated[
    str,
    matching(
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$",
        "must be a lowercase host name such as shop.example.com, without scheme, port and path",
        max_length=253,
    ),
]
# Without tag or digest: the version stands in the environment's file. A colon may only introduce a registry's port.
ImageRepository = Annotated[
    str,
    matching(
        r"^([a-z0-9]+([.-][a-z0-9]+)*(:[0-9]{1,5})?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$",
        "must be an image such as registry.example.com/shop/api, without a tag: the environment's file has the version",
        max_length=255,
    ),
]
# The tag grammar of the OCI distribution specification, or a digest, or both.
Version = Annotated[
    str,
    matching(
        r"^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[a-f0-9]{64})?$",
        "must be an image tag such as 1.4.2, a digest (@sha256:…), or both",
        min_length=1,
    ),
]
# Numbers with dots, so that two of them have an order; see `release.version_order`.
ComparableVersion = Annotated[
    str,
    matching(
        r"^v?[0-9]+(\.[0-9]+)*([-_.][A-Za-z0-9._-]+)?$",
        "must be a version with an order, such as 1.4.2 or v2.0.0-rc.1",
        max_length=128,
    ),
]
SecretPath = Annotated[
    str,
    matching(
        r"^[.]?[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[.]?[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$",
        "must be a path below the environment's kv-v2 mount, such as shop/api",
        max_length=255,
    ),
]
SecretKey = Annotated[
    str,
    matching(
        r"^[.]?[A-Za-z0-9_-][A-Za-z0-9_.-]*$",
        "must be a key of letters, digits, `_`, `.` and `-`, and not `.` or `..`",
        max_length=253,
    ),
]
LabelKey = Annotated[
    str,
    matching(
        r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
        "must be a Kubernetes label key such as tier or example.com/tier",
        max_length=317,
    ),
]
LabelValue = Annotated[
    str,
    matching(
        r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
        "must be a Kubernetes label value: up to 63 letters, digits, `-`, `_` and `.`",
    ),
]
