"""Where the schema of a database stands, and how it goes back. Pure.

A migration's content is what its Job ran. A rollback keeps the content that ran last, or turns the Job into the
migration's way down; what a release says about it is all that is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app_of_apps.errors import Refused
from app_of_apps.manifest.child import MigrationChild
from app_of_apps.release.content import child_digest
from app_of_apps.release.version_order import order_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from app_of_apps.manifest.child import Child
    from app_of_apps.release.model import Release, ResolvedChild

DOWN_TO: Final = "AOA_DOWN_TO"
"""The variable that tells a migration's `down` to which version the schema goes back."""


def applied(
    last: Release, attempted: Release, targets: Sequence[Release], completed: Mapping[str, str]
) -> dict[str, ResolvedChild]:
    """Return the content of each migration that the schema stands at.

    ``completed`` holds the digest of the child whose Job ran to its end last, by migration, as its annotation says. A
    Job that nobody knows any more leaves what the last success says. A way down to one of the targets, that a rollback
    ran before it was stopped, is known too. Raises Refused where the schema is at something else: its
    rules for going back cannot be known here.
    """
    found: dict[str, ResolvedChild] = {}
    strange = []
    for name in sorted({*migrations(last), *migrations(attempted)}):
        known = [release.by_name[name] for release in (attempted, last) if name in release.by_name]
        known += [down for one in known for to in (*targets, last) if (down := way_down(one, to, (attempted, last)))]
        if name not in completed:
            found |= {name: last.by_name[name]} if name in last.by_name else {}
        elif (match := next((one for one in known if one.digest == completed[name]), None)) is not None:
            found[name] = match
        else:
            strange.append(f"{name}: the Job that ran last is of {completed[name]}")
    if strange:
        what = (
            "the schema is neither where the last release that succeeded left it nor where the working tree takes it; "
            "nothing was touched. Run the rollback that was stopped to its end, or check out what was deployed last "
            "(`aoa history` names both), and then run this again:"
        )
        raise Refused("\n  ".join([what, *strange]))
    return found


def migrations(release: Release) -> tuple[str, ...]:
    """Return the names of a release's migrations, in its order."""
    return tuple(child.name for child in release.children if isinstance(child.spec, MigrationChild))


def way_down(standing: ResolvedChild, target: Release, others: Iterable[Release]) -> ResolvedChild | None:
    """Return a migration whose Job takes the schema back to where the target's left it; None where there is no way.

    Afterwards it says what the target's said about going back further. A target that did not have the migration yet is
    named by the oldest version of the children that would depend on it.
    """
    spec = standing.spec
    if not isinstance(spec, MigrationChild) or spec.down is None:
        return None
    before = target.by_name.get(standing.name)
    names = dependents_of(standing.name, (target, *others))
    oldest = _oldest(target.by_name[name] for name in names if name in target.by_name)
    version = schema_version(before) if before is not None else oldest
    if version is None:
        return None
    said = before.spec.compatible_from if before is not None and isinstance(before.spec, MigrationChild) else None
    changes = {
        "command": spec.down.command or spec.command,
        "args": spec.down.args,
        "config": spec.config.model_copy(update={"own": {**spec.config.own, DOWN_TO: version}}),
        "compatible_from": said or oldest,
    }
    return with_spec(standing, spec=spec.model_copy(update=changes))


def dependents_of(migration: str, releases: Iterable[Release]) -> list[str]:
    """Return the names of the children that depend on a migration in one of these releases, sorted."""
    return sorted(
        {child.name for release in releases for child in release.children if migration in child.spec.depends_on}
    )


def with_spec(child: ResolvedChild, *, spec: Child) -> ResolvedChild:
    """Return a child with another spec and the digest that follows from it."""
    changed = child.model_copy(update={"spec": spec})
    fields = {name: getattr(changed, name) for name in type(changed).model_fields if name not in {"spec", "digest"}}
    return changed.model_copy(update={"digest": child_digest(spec=changed.spec, **fields)})


def schema_version(migration: ResolvedChild) -> str | None:
    """Return the version that a migration's content leaves the schema at."""
    spec = migration.spec
    down_to = spec.config.own.get(DOWN_TO) if isinstance(spec, MigrationChild) else None
    return down_to or migration.version


def is_ahead(one: ResolvedChild, other: ResolvedChild) -> bool:
    """Whether a migration's content takes the schema further than another one did."""
    versions = schema_version(one), schema_version(other)
    return versions[0] is not None and versions[1] is not None and order_of(versions[0], versions[1]) == 1


def _oldest(children: Iterable[ResolvedChild]) -> str | None:
    """Return the oldest version among children; None when there is none, or no order among them."""
    found: str | None = None
    for child in children:
        if child.version is None:
            continue
        compared = -1 if found is None else order_of(child.version, found)
        if compared is None:
            return None
        if compared < 0:
            found = child.version
    return found
