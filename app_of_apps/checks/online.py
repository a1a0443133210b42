"""Asks the cluster, Vault and the registries of one environment whether a release would find what it needs there.

Nothing is written and no secret's value is read. Whatever does not answer is named and leaves the rest as it is.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from app_of_apps.checks.cluster import asked_kinds, check_room, check_served, read_cluster
from app_of_apps.checks.images import image_uses, taken_apart
from app_of_apps.checks.removals import written
from app_of_apps.checks.rules import Finding, NotLookedAt, findings
from app_of_apps.environment.kube_reader import KubeReader
from app_of_apps.environment.preflight import missing_secret, secret_keys
from app_of_apps.environment.vault_reader import VaultReader
from app_of_apps.errors import Problem, Refused, Unavailable
from app_of_apps.manifest.child import PodChild
from app_of_apps.manifest.positions import path
from app_of_apps.release.secret_uses import uses_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from app_of_apps.checks.images import ImageUse
    from app_of_apps.checks.offline import Subject
    from app_of_apps.checks.removals import Version
    from app_of_apps.manifest.positions import Loc
    from app_of_apps.release.secret_uses import SecretUse


_CONNECTIONS: Final = 8


class Digests(Protocol):
    """What knows the digest of a tag, and may be asked by several threads."""

    def digest(self, repository: str, tag: str) -> str:
        """Return ``sha256:<hex>``; raises Refused when there is no such tag, Unavailable when nobody says."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was found, and what could not be looked at. ``server`` is the cluster's version, where it said so."""

    findings: tuple[Finding, ...]
    not_looked_at: tuple[NotLookedAt, ...]
    server: Version | None = None


def check_online(
    subject: Subject,
    environ: Mapping[str, str],
    registries: Digests,
    *,
    connect: Callable[[str], KubeReader] = KubeReader,
    connect_vault: Callable[[str, str | None, Mapping[str, str]], VaultReader] = VaultReader,
) -> Answers:
    """Return what is wrong with a release in the world that it goes to."""
    problems: list[Problem] = []
    missed: list[NotLookedAt] = []
    server = None
    try:
        with connect(subject.release.cluster.context) as kube:
            cluster = read_cluster(subject, kube)
        server = cluster.version
        problems += _stale(subject, server)
        problems += check_served(asked_kinds(subject), cluster, subject.name)
        problems += check_room(subject, cluster.quotas)
    except Unavailable as error:
        missed.append(NotLookedAt(subject.name, "kinds and quotas of the cluster", str(error), silent=True))
    try:
        problems += _secrets(subject, environ, connect_vault)
    except Unavailable as error:
        missed.append(NotLookedAt(subject.name, "secrets in Vault", str(error), silent=True))
    for found in _images(subject, registries):
        if isinstance(found, Problem):
            problems.append(found)
        else:
            missed.append(found)
    return Answers(findings(problems, subject.name), tuple(missed), server)


def _stale(subject: Subject, server: Version) -> Iterator[Problem]:
    recorded = subject.recorded_version
    if recorded is not None and recorded != server:
        loc: Loc = ("cluster", "kubernetes")
        message = f"{subject.name} has Kubernetes {written(server)}, and {written(recorded)} is recorded"
        position = subject.environment.positions.at(loc)
        yield Problem(position, path(loc), message, f'write "{written(server)}"', "kubernetes-version-stale")


def _secrets(
    subject: Subject,
    environ: Mapping[str, str],
    connect: Callable[[str, str | None, Mapping[str, str]], VaultReader],
) -> list[Problem]:
    """Return a problem for each reference to a path or a key that is not there."""
    vault = subject.release.vault
    uses = [use for child in subject.release.children for use in uses_of(child)]
    if not uses:
        return []
    if vault.address is None:
        msg = f"the file of {subject.name} does not say where Vault is (vault: address)"
        raise Unavailable(msg)
    mount = vault.mounts.kv
    keys = secret_keys({use.path for use in uses}, vault, environ, connect=connect)
    problems = []
    for use in uses:
        missing = missing_secret(mount, use.path, use.key, keys[use.path])
        if missing is not None:
            loc = _place(subject, use)
            position = subject.manifest.position(use.child, loc)
            message = f"{missing[0]} in Vault, and {use.child} needs it in {subject.name}"
            problems.append(Problem(position, path(loc), message, missing[1], "secret-missing"))
    return problems


def _place(subject: Subject, use: SecretUse) -> Loc:
    if use.key is not None:
        return ("secrets", use.taken_as)
    spec = subject.release.child(use.child).spec
    volumes = spec.volumes if isinstance(spec, PodChild) else ()
    return ("volumes", next(index for index, one in enumerate(volumes) if f"volume {one.name}" == use.taken_as))


def _images(subject: Subject, registries: Digests) -> Iterator[Problem | NotLookedAt]:
    """Yield the images that their registries do not have, and the registries that do not say."""
    hosts: dict[str, dict[str, list[ImageUse]]] = {}
    for use in image_uses(subject.environment, subject.release, subject.objects):
        host = use.image.partition("/")[0]
        hosts.setdefault(host, {}).setdefault(use.image, []).append(use)
    for host, uses in sorted(hosts.items()):
        images = sorted(uses)
        said = _asked(registries, images)
        for image in images:
            answer = said.get(image)
            if isinstance(answer, Refused):
                for place in uses[image]:
                    message = f"{answer}, and {place.child} needs it in {subject.name}"
                    hint = "push the image, or correct the version"
                    yield Problem(place.position, place.path, message, hint, "image-missing")
            elif answer is not None and not _is_silent(answer):
                yield NotLookedAt(subject.name, f"image {image}", str(answer))
        silent = next((str(one) for one in said.values() if _is_silent(one)), None)
        if silent is not None:
            yield NotLookedAt(subject.name, f"images of {host}", silent)


def _asked(registries: Digests, images: Sequence[str]) -> dict[str, Refused | Unavailable | None]:
    """Return image → what its registry says against it; a registry that does not answer the first is asked no more."""

    def ask(image: str) -> Refused | Unavailable | None:
        try:
            registries.digest(*taken_apart(image))
        except (Refused, Unavailable) as error:
            return error
        return None

    first, *others = images
    said = {first: ask(first)}
    if others and not _is_silent(said[first]):
        with ThreadPoolExecutor(min(_CONNECTIONS, len(others)), "registry") as pool:
            said |= dict(zip(others, pool.map(ask, others), strict=True))
    return said


def _is_silent(answer: Exception | None) -> bool:
    """Whether nobody answered at all, instead of saying that we may not look."""
    return isinstance(answer, Unavailable) and answer.__cause__ is not None
