"""The Kubernetes objects of a ``manifests`` child: plain YAML files, read exactly and kept inside the child's lane."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app_of_apps.errors import InvalidInput
from app_of_apps.manifest import literal_secrets
from app_of_apps.manifest.escalation import faults
from app_of_apps.manifest.findings import Findings
from app_of_apps.manifest.folder import Outside
from app_of_apps.manifest.positions import shortened
from app_of_apps.manifest.scalars import described
from app_of_apps.manifest.source import parse, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps.errors import Position, Problem
    from app_of_apps.manifest.escalation import Boundary
    from app_of_apps.manifest.folder import Folder
    from app_of_apps.manifest.positions import Loc, Positions
    from app_of_apps.manifest.reader import Document

# Kinds that the Kubernetes provider waits for until they are ready (a Service or an Ingress exists at once).
HEALTHY_KINDS = frozenset(
    {"DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "ReplicationController", "StatefulSet"}
)
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where one object stands."""

    positions: Positions
    loc: Loc

    def at(self, loc: Loc) -> Position:
        """Return where a path of the object begins."""
        return self.positions.at((*self.loc, *loc))


def load_objects(
    folder: Folder, child_file: str, files: tuple[str, ...], boundary: Boundary, findings: Findings
) -> tuple[tuple[dict[str, Any], ...], tuple[ObjectPlace, ...], list[Problem]]:
    """Return the objects of a child in file order, ``List`` objects taken apart, their places, and all problems.

    ``child_file`` is relative to the folder. Problems with the references themselves go to ``findings``, which speaks
    of the child's own file.
    """
    loading = _Loading(folder, boundary, findings)
    for index, reference in enumerate(files):
        try:
            names = _yaml_files(*folder.locate(reference, child_file))
            if not names:
                findings.at(("files", index), "the folder has no *.yaml and no *.yml file", "remove it, or add files")
            for name in names:
                loading.read(name, ("files", index))
        except (Outside, OSError) as error:
            what = str(error) if isinstance(error, Outside) else f"cannot be read: {error.strerror}"
            findings.at(("files", index), what)
    return tuple(loading.objects), tuple(loading.places), loading.problems


@dataclass(slots=True)
class _Loading:
    """The files of one child, read one after another."""

    folder: Folder
    boundary: Boundary
    findings: Findings
    objects: list[dict[str, Any]] = field(default_factory=list)
    places: list[ObjectPlace] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    declared: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def read(self, name: str, loc: Loc) -> None:
        """Read one file; ``loc`` is where the child asks for it. Raises Outside."""
        real, relative = self.folder.locate(name)
        if real in self.files:
            self.findings.at(loc, f"names {shortened(relative)} a second time", "list each file once")
            return
        self.files.add(real)
        file = self.folder.name(relative)
        try:
            parsed = parse(read_text(real, file), file, several=True)
        except InvalidInput as error:
            for problem in error.problems:
                if problem.position.line:
                    self.problems.append(problem)
                else:  # a file that is not there is a mistake of the line that asks for it
                    self.findings.at(loc, f"{shortened(file)}: {problem.message}", problem.hint)
            return
        self.problems.extend(parsed.problems)
        if not parsed.documents and not parsed.problems:
            self.findings.at(loc, f"{shortened(relative)} holds no object", "remove it")
        for number, document in enumerate(parsed.documents):
            found = Findings(document.positions, {spoilt for which, spoilt in parsed.spoilt if which == number})
            for at, value in _checked(document, self.boundary, found, self.declared):
                self.objects.append(value)
                self.places.append(ObjectPlace(document.positions, at))
            self.problems.extend(found.problems)


def has_health(objects: tuple[dict[str, Any], ...]) -> bool:
    """Say whether any of the objects becomes healthy, so that somebody can wait for it."""
    return any(_becomes_healthy(found) for found in objects)


def _becomes_healthy(found: dict[str, Any]) -> bool:
    annotations = found["metadata"].get("annotations")
    annotations = annotations if isinstance(annotations, dict) else {}
    if annotations.get("pulumi.com/skipAwait") == "true":
        return False
    if "pulumi.com/waitFor" in annotations:
        return True
    spec = found.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    return found["kind"] in HEALTHY_KINDS and spec.get("replicas") != 0 and spec.get("suspend") is not True


def _yaml_files(real: str, relative: str) -> list[str]:
    folder = Path(real)
    if not folder.is_dir():
        return [relative]
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(_SUFFIXES) and not entry.is_dir())
    return [f"{relative}/{name}" for name in found]


def _checked(
    document: Document, boundary: Boundary, findings: Findings, seen: dict[tuple[str, str, str], str]
) -> Iterator[tuple[Loc, dict[str, Any]]]:
    """Yield the objects of one document that are sound, each with its path, and note what is wrong with the others."""
    literal_secrets.check(findings, document.data, ())
    for loc, value in _flat(document.data):
        if not isinstance(value, dict):
            findings.at(loc, f"a Kubernetes object must be a mapping, but here is {described(value)}")
            continue
        kind = _text(findings, value, loc, "kind")
        version = _text(findings, value, loc, "apiVersion")
        metadata = value.get("metadata")
        if not isinstance(metadata, dict):
            findings.at_key((*loc, "metadata"), "`metadata` must be a mapping with a name")
            continue
        name = _text(findings, metadata, (*loc, "metadata"), "name")
        if not (kind and version and name):
            continue
        for below, message, hint in faults(value, boundary):
            findings.under("privilege-escalation").at((*loc, *below), message, hint)
        if kind == "Secret" and (value.get("data") or value.get("stringData")):
            key = "data" if value.get("data") else "stringData"
            hint = (
                "keep the values in Vault; a `manifests` child refers to a Secret that a VaultStaticSecret object fills"
            )
            findings.under("inline-secret").at_key((*loc, key), "a Secret with values in it is refused", hint)
        identity = (version.rpartition("/")[0], kind, name)
        if identity in seen:
            findings.at(
                (*loc, "metadata", "name"), f"{kind} {shortened(name)} is declared twice", f"first at {seen[identity]}"
            )
        else:
            seen[identity] = str(findings.positions.at(loc))
            yield loc, value


def _flat(value: object, loc: Loc = ()) -> Iterator[tuple[Loc, Any]]:
    if isinstance(value, dict) and value.get("kind") == "List" and value.get("apiVersion") == "v1":
        items = value.get("items")
        for index, item in enumerate(items if isinstance(items, list) else []):
            yield from _flat(item, (*loc, "items", index))
    else:
        yield loc, value


def _text(findings: Findings, value: dict[str, Any], loc: Loc, key: str) -> str:
    text = value.get(key)
    if isinstance(text, str) and text:
        return text
    what = f"`{key}` must be text" if key in value else f"`{key}` is missing"
    findings.at_key((*loc, key), what, "put it in quotes" if isinstance(text, int | float) else "")
    return ""
