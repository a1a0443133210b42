"""Every object says what it belongs to, who owns it and which environment it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps_policy.kubernetes import below, kind_of, metadata_of, objects
from app_of_apps_policy.model import UNKNOWN, Rule, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps_policy.model import Config, Seen

GROUP: Final = "required labels"
LABELS: Final = tuple(f"app.kubernetes.io/{name}" for name in ("name", "instance", "part-of", "managed-by"))
ANNOTATIONS: Final = ("app-of-apps/environment", "app-of-apps/team")
_VERSION: Final = "app.kubernetes.io/version"
_EXCEPT = names("Namespaces whose objects need none.")


def _missing(seen: Seen, config: Config, *, key: str, default: tuple[str, ...]) -> Iterator[str]:
    wanted, exempt = config.get("names"), config.get("except") or ()
    for found in objects(seen):
        metadata = metadata_of(found)
        own = metadata.get("name" if kind_of(found) == "Namespace" else "namespace")
        given = metadata.get(key)
        if given is UNKNOWN or own in exempt:
            continue
        missing = [name for name in (default if wanted is None else wanted) if name not in (given or {})]
        if missing:
            yield f"this {kind_of(found)} has no {', '.join(missing)}"


def _labels(seen: Seen, config: Config) -> Iterator[str]:
    yield from _missing(seen, config, key="labels", default=LABELS)


def _annotations(seen: Seen, config: Config) -> Iterator[str]:
    yield from _missing(seen, config, key="annotations", default=ANNOTATIONS)


def _selector(seen: Seen, _: Config) -> Iterator[str]:
    for found in objects(seen):
        selector = below(below(found, "spec"), "selector")
        if _VERSION in selector or _VERSION in below(selector, "matchLabels"):
            yield f"the selector asks for {_VERSION}, so pods of the version before are left behind"


RULES: Final = (
    Rule(
        id="required-labels",
        group=GROUP,
        says="Every object has Kubernetes' recommended labels.",
        why="Without them nobody can ask the cluster what belongs to an application.",
        mend="Set the labels that are named.",
        severity="low",
        check=_labels,
        settings={"names": names(f"The labels; {', '.join(LABELS)} if missing."), "except": _EXCEPT},
    ),
    Rule(
        id="required-annotations",
        group=GROUP,
        says="Every object says which team owns it and which environment it is in.",
        why="At night somebody looks at one object and has to know whom to call.",
        mend="Set the annotations that are named.",
        severity="low",
        check=_annotations,
        settings={"names": names(f"The annotations; {', '.join(ANNOTATIONS)} if missing."), "except": _EXCEPT},
    ),
    Rule(
        id="stable-selector",
        group=GROUP,
        says="No selector asks for a version.",
        why="Selectors cannot change, so the next version is a new object and the old pods are nobody's.",
        mend="Select by name and instance.",
        severity="medium",
        check=_selector,
    ),
)
