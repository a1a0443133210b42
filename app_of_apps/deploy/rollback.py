"""Makes a rollback out of what was asked for: which release comes back, what of it, and what that means in git.

The program and `aoa` go the same way here, so that what is shown is what is deployed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app_of_apps.deploy.past import completed_migrations, digest_of
from app_of_apps.deploy.report import short
from app_of_apps.errors import Refused
from app_of_apps.release.pinning import is_pinned, unpinned_images
from app_of_apps.release.restore import Order, Sources, compose, restores_only_approved
from app_of_apps.release.restore_rules import rules_of_today
from app_of_apps.release.schema_state import applied, migrations

if TYPE_CHECKING:
    from app_of_apps.deploy.facts import Reader
    from app_of_apps.deploy.past import Past, PastRelease
    from app_of_apps.environment.load import LoadedEnvironment
    from app_of_apps.manifest.load import Manifest
    from app_of_apps.release.model import Release
    from app_of_apps.release.restore import Restored

VARIABLE: Final = "AOA_RESTORE"


@dataclass(frozen=True, slots=True)
class Rollback:
    """A rollback that can be done."""

    order: Order
    target: PastRelease
    restored: Restored
    approved: bool
    """Whether all of it passed the gate before."""
    commits: tuple[str, ...]
    """Where in git its charts may be, the likeliest first."""

    @property
    def release(self) -> Release:
        """What is deployed."""
        return self.restored.release

    @property
    def words(self) -> str:
        """Say what comes back, a line for each child."""
        what = f"release {self.target.number} ({short(self.target.digest)}) comes back"
        if not self.restored.returns:
            return f"{what}: it is what stands, no child changes"
        return "\n".join([f"{what}:", *(f"  {one}" for one in self.restored.returns)])


def rollback(
    order: Order, *, manifest: Manifest, environment: LoadedEnvironment, now: Release, past: Past, kube: Reader
) -> Rollback:
    """Return the rollback that was asked for. ``now`` is the working tree's release.

    Raises InvalidInput for a release or a child that is not there, Refused with every reason why it cannot be.
    """
    last, target = past.last, past.numbered(order.number)
    standing, wanted = past.numbered(last.number).release(), target.release()
    base = standing
    if order.attempt is not None:
        _check_attempt(order.attempt, past, now)
        base = now
    names = dict.fromkeys((*migrations(standing), *migrations(now)))
    stopped = past.stopped
    targets = (wanted,) if stopped is None else (wanted, stopped.release())
    schema = applied(standing, now, targets, completed_migrations(kube, now.parent, names))
    sources = Sources(now, base, wanted, schema, target.number)
    restored = compose(sources, order.children, rules_of_today(manifest, environment, target.number))
    if environment.settings.images.pinned:
        _check_pinned(restored.release, standing, target.number)
    commits = past.commits(child.digest for child in restored.release.children if child.chart_digest)
    return Rollback(
        order=order,
        target=target,
        restored=restored,
        approved=restores_only_approved(restored, base, wanted, past.approved),
        commits=(*((target.commit,) if target.commit else ()), *commits),
    )


def _check_pinned(release: Release, standing: Release, number: int) -> None:
    """Raise Refused when images without a digest would come back; what stands as it is may stay."""
    kept = {child.digest for child in standing.children}
    coming = [child for child in release.children if child.digest not in kept]
    bare = [
        f"{child.name}: {image}"
        for child in coming
        for image in ((child.image,) if child.image is not None else tuple(unpinned_images(child.documents)))
        if not is_pinned(image)
    ]
    if bare:
        what = (
            f"release {number} has images without a digest, and {release.environment} takes none (images: pinned); "
            "nothing was touched. Go back to a release with digests, or deploy the older version with its digest:"
        )
        raise Refused("\n  ".join([what, *bare]))


def _check_attempt(sequence: int, past: Past, now: Release) -> None:
    """Raise Refused when the working tree is not what an attempt wanted: nothing else may be taken from it."""
    if digest_of(past.attempt(sequence)) != now.digest:
        msg = (
            f"the working tree is not what attempt {sequence} of {now.environment} wanted; nothing was touched. Check "
            "that commit out, or run `aoa rollback` to bring all children back"
        )
        raise Refused(msg)


def back_in_git(done: Rollback, now: Release, manifest: Manifest) -> tuple[str, ...]:
    """Say how the working tree comes to agree with what was brought back; nothing where it does already."""
    release, order = done.release, done.order
    if release.digest == now.digest:
        return ()
    stack = f"Pulumi.{release.environment}.yaml"
    lines = [
        f"The working tree still holds the later release {short(now.digest)}.",
        f"The next `aoa up {release.environment}` would deploy it again. To make it agree:",
    ]
    since = done.target.commit
    if since is None:
        return (*lines, f"  put back what parent.yaml, apps/ and {stack} said at release {done.target.number}")
    if not order.children:
        lines += [
            f"  git revert --no-edit {since[:12]}..HEAD   # takes back every commit since release {order.number}",
            f"  git diff {since[:12]} -- parent.yaml apps {stack}   # or look, and take back what is meant",
        ]
        return tuple(lines)
    for name in order.children:
        file = _file(manifest, name)
        lines.append(f"  git diff {since[:12]} -- {file}   # then: git restore --source {since[:12]} -- {file}")
    changed = {name: release.by_name[name].version for name in order.children if name in release.by_name}
    lines += [
        f"  in {stack}, under versions: {name}: {version}"
        for name, version in changed.items()
        if version is not None and name in now.by_name and now.by_name[name].version != version
    ]
    return tuple(lines)


def _file(manifest: Manifest, child: str) -> str:
    return manifest.position(child, ()).file if child in manifest.children else f"apps/{child}.yaml"
