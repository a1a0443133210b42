"""What holds data is not deleted by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.release.deletions import KEEPS_DATA
from app_of_apps_policy.kubernetes import kind_of, metadata_of, objects
from app_of_apps_policy.model import Rule, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps_policy.model import Config, Seen

GROUP: Final = "protected kinds"
RETAINED: Final = "app-of-apps/retained"
KINDS: Final = ("Namespace", *sorted(KEEPS_DATA))


def _protected(seen: Seen, config: Config) -> Iterator[str]:
    kinds = config.get("kinds")
    for found in objects(seen):
        annotations = metadata_of(found).get("annotations")
        retained = isinstance(annotations, dict) and annotations.get(RETAINED) == "true"
        if kind_of(found) in (KINDS if kinds is None else kinds) and not (seen.protect or retained):
            yield f"a {kind_of(found)} that is deleted with all its data as soon as it is declared no longer"


RULES: Final = (
    Rule(
        id="data-protected",
        group=GROUP,
        says="Namespaces and what holds data are protected or retained.",
        why="A renamed resource is a deleted one, and no deployment makes the data again.",
        mend=(
            f'Set `protect`; or `retain_on_delete` together with the annotation {RETAINED}: "true", because the '
            "engine does not show that option to policies."
        ),
        severity="critical",
        check=_protected,
        settings={"kinds": names(f"The kinds; {', '.join(KINDS)} if missing.")},
    ),
)
