"""From a parent manifest's file to a Manifest, or to everything that is wrong with it and with its children."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

from app_of_apps.errors import InvalidInput, Position, Problem
from app_of_apps.manifest import literal_secrets
from app_of_apps.manifest.access_checks import boundary_of, check_access, check_service, check_use, check_values
from app_of_apps.manifest.chart import Chart, load_chart
from app_of_apps.manifest.child import (
    ChartChild,
    Child,
    CronJobChild,
    ManifestsChild,
    MigrationChild,
    ServiceChild,
    WorkerChild,
)
from app_of_apps.manifest.child_checks import RESERVED_LABELS, check_child, check_reserved
from app_of_apps.manifest.documents import has_health, load_objects
from app_of_apps.manifest.findings import Findings
from app_of_apps.manifest.folder import Folder, Outside
from app_of_apps.manifest.parent import Parent
from app_of_apps.manifest.references import Known, Named, check_references
from app_of_apps.manifest.scalars import described
from app_of_apps.manifest.source import parse, read_text
from app_of_apps.manifest.validation import suggestion, validate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from app_of_apps.manifest.documents import ObjectPlace
    from app_of_apps.manifest.positions import Loc, Positions
    from app_of_apps.manifest.reader import Document

CHILD_MODELS: Mapping[str, type[Child]] = MappingProxyType(
    {
        get_args(model.model_fields["type"].annotation)[0]: model
        for model in (ServiceChild, WorkerChild, MigrationChild, CronJobChild, ChartChild, ManifestsChild)
    }
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A valid parent manifest with its children, in the order in which the parent lists them."""

    parent: Parent
    children: Mapping[str, Child]
    documents: Mapping[str, tuple[dict[str, Any], ...]]
    """`manifests` child → its Kubernetes objects in file order, `List` objects taken apart."""
    charts: Mapping[str, Chart]
    """`chart` child → its chart."""
    sources: Mapping[str | None, Positions]
    """Child (None: the parent) → where everything in its file stands."""
    places: Mapping[str, tuple[ObjectPlace, ...]]
    """`manifests` child → where each of its objects stands."""

    def position(self, child: str | None, loc: Loc) -> Position:
        """Return where a path stands in a child's file, or in the parent's when ``child`` is None."""
        return self.sources[child].at(loc)


def load_manifest(parent_file: Path) -> Manifest:
    """Return the manifest whose parent is in that file.

    Reads nothing outside of the file's folder. Raises InvalidInput with every problem of all files.
    """
    with _no_cycle_collection():
        return _Loading(parent_file).run()


@contextmanager
def _no_cycle_collection() -> Iterator[None]:
    """Keep the cycle collector away while many objects are made of which none is garbage: a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(slots=True)
class _Read:
    """A child's file as far as it could be read."""

    relative: str
    document: Document
    findings: Findings
    model: Child | None = None
    objects: tuple[dict[str, Any], ...] | None = None
    places: tuple[ObjectPlace, ...] = ()
    chart: Chart | None = None
    has_health: bool = True

    @property
    def data(self) -> dict[str, Any]:
        """The file's mapping."""
        data: dict[str, Any] = self.document.data
        return data


@dataclass(slots=True)
class _Loading:
    """One run over all files."""

    parent_file: Path
    folder: Folder = field(init=False)
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = Folder.of(self.parent_file)

    def run(self) -> Manifest:
        """Read, check, and return everything; raise at the end, with all problems, when there are any."""
        document, findings = self._document(str(self.parent_file), str(self.parent_file))
        if document is None or findings is None:
            raise InvalidInput(self.problems)
        parent = validate(Parent, document.data, findings)
        self._check_parent(parent, document.data, findings)
        children, broken = self._read_children(document.data.get("children"), findings)
        for child in children:
            self._read_child(child, parent, str(document.data.get("name")))
        named = self._named(children)
        known = Known(
            teams=_keys(document.data, "teams"),
            templates=_keys(document.data, "templates", absent=()),
            shared=_keys(document.data, "config", absent=()),
            children=named,
            complete=not broken and len(named) == len(children),
        )
        check_references(known)
        if parent is not None:
            names = list(named) if known.complete else None
            check_access(parent, names, findings)
            check_service(parent, names, findings)
            check_service(parent, names, findings)
            for child in children:
                if child.model is not None:
                    check_use(child.model, parent, names, child.findings)
        self.problems.extend(findings.problems)
        for child in children:
            self.problems.extend(child.findings.problems)
        if self.problems:
            raise InvalidInput(self.problems)
        return _manifest(parent, children, findings.positions)

    def _document(self, real: str, file: str) -> tuple[Document | None, Findings | None]:
        """Return a file's one document, which must be a mapping."""
        try:
            parsed = parse(read_text(real, file), file)
        except InvalidInput as error:
            self.problems.extend(error.problems)
            return None, None
        self.problems.extend(parsed.problems)
        if not parsed.documents:
            return None, None
        document = parsed.documents[0]
        if not isinstance(document.data, dict):
            what = f"a mapping is expected here, but here is {described(document.data)}"
            self.problems.append(Problem(document.positions.at(()), "", what))
            return None, None
        return document, Findings(document.positions, {loc for at, loc in parsed.spoilt if at == 0})

    def _check_parent(self, parent: Parent | None, data: dict[str, Any], findings: Findings) -> None:
        if parent is not None:
            check_reserved(findings, ("labels",), parent.labels, RESERVED_LABELS)
        literal_secrets.check(findings, data, ())

    def _read_children(self, references: object, findings: Findings) -> tuple[list[_Read], bool]:
        """Read the children's files. The second value says whether one of them could not be read."""
        children: list[_Read] = []
        seen: dict[str, int] = {}
        broken = False
        for index, reference in enumerate(references if isinstance(references, list) else ()):
            loc: Loc = ("children", index)
            if not isinstance(reference, str) or not reference:
                broken = True
                continue
            try:
                real, relative = self.folder.locate(reference)
            except Outside as error:
                findings.at(loc, f"the file's path {error}", "keep the children's files below this one's folder")
                broken = True
                continue
            if real in seen:
                findings.at(loc, "this file is listed twice", f"first as children[{seen[real]}]; remove one of the two")
                continue
            seen[real] = index
            before = len(self.problems)
            document, own = self._document(real, self.folder.name(relative))
            if document is None or own is None:
                broken = True
                self._point_to_missing(before, loc, findings)
            else:
                children.append(_Read(relative, document, own))
        return children, broken

    def _point_to_missing(self, before: int, loc: Loc, findings: Findings) -> None:
        """Say where a file that is not there is asked for, instead of only which one it is."""
        missing = [problem for problem in self.problems[before:] if not problem.position.line]
        for problem in missing:
            self.problems.remove(problem)
            findings.at(loc, f"{problem.position.file}: {problem.message}", problem.hint)

    def _read_child(self, child: _Read, parent: Parent | None, parent_name: str) -> None:
        findings = child.findings
        literal_secrets.check(findings, child.data, ())
        model = self._model(child)
        if model is None:
            return
        child.model = validate(model, child.data, findings, CHILD_MODELS)
        if child.model is None:
            return
        check_child(child.model, findings, parent)
        boundary = boundary_of(parent, f"{parent_name}-{child.model.name}")
        if isinstance(child.model, ManifestsChild):
            files = child.model.files
            child.objects, child.places, found = load_objects(self.folder, child.relative, files, boundary, findings)
            child.has_health = has_health(child.objects) or bool(found) or bool(findings.problems)
            self.problems.extend(found)
        elif isinstance(child.model, ChartChild):
            child.chart, found = load_chart(self.folder, child.relative, child.model.chart, findings)
            self.problems.extend(found)
            check_values(child.model, boundary, findings)

    def _model(self, child: _Read) -> type[Child] | None:
        """Return the model that a child's type asks for; of a misspelt type, the one that is probably meant."""
        kind = child.data.get("type")
        if isinstance(kind, str) and kind in CHILD_MODELS:
            return CHILD_MODELS[kind]
        hint = suggestion(kind, CHILD_MODELS)
        expected = f"one of {', '.join(CHILD_MODELS)}"
        if "type" in child.data:
            child.findings.at(("type",), f"must be {expected}", hint)
        else:
            child.findings.at_key(("type",), "`type` is missing", f"write {expected}")
        child.findings.spoilt.add(("type",))
        return CHILD_MODELS[hint.split("`")[1]] if hint else None

    def _named(self, children: Iterable[_Read]) -> dict[str, Named]:
        named: dict[str, Named] = {}
        for child in children:
            name = child.data.get("name")
            if not isinstance(name, str) or child.findings.is_spoilt(("name",)):
                continue
            if name in named:
                first = named[name].findings.positions.at(("name",))
                child.findings.at(("name",), f"two children have the name `{name}`", f"the other one is at {first}")
                continue
            named[name] = Named(name, child.data, child.findings.under("unknown-reference"), child.has_health)
        return named


def _keys(data: dict[str, Any], key: str, absent: tuple[str, ...] | None = None) -> Collection[str] | None:
    value = data.get(key)
    if isinstance(value, dict):
        return list(value)
    return absent if value is None else None


def _manifest(parent: Parent | None, children: list[_Read], positions: Positions) -> Manifest:
    """Put together what is known to be complete."""
    models = {child.model.name: (child, child.model) for child in children if child.model is not None}
    if parent is None or len(models) != len(children):
        msg = "a manifest without problems has a parent and all of its children"
        raise AssertionError(msg)
    return Manifest(
        parent=parent,
        children=MappingProxyType({name: model for name, (_, model) in models.items()}),
        documents=MappingProxyType({name: c.objects for name, (c, _) in models.items() if c.objects is not None}),
        charts=MappingProxyType({name: c.chart for name, (c, _) in models.items() if c.chart is not None}),
        sources=MappingProxyType(
            {None: positions, **{name: child.findings.positions for name, (child, _) in models.items()}}
        ),
        places=MappingProxyType({name: c.places for name, (c, _) in models.items() if c.objects is not None}),
    )
