"""What one child says must fit together: ports, probes, volumes, variables, and no name that is the program's own."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from app_of_apps.manifest.child import PodChild, ScaledChild, ServiceChild
from app_of_apps.manifest.positions import called
from app_of_apps.manifest.validation import listed, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app_of_apps.manifest.child import ChildBase
    from app_of_apps.manifest.findings import Findings
    from app_of_apps.manifest.parent import Parent
    from app_of_apps.manifest.positions import Loc
    from app_of_apps.manifest.template import Probes

# The namespace `<parent>-parent` holds the release records.
RESERVED_NAME = "parent"
# The stack's outputs are `status`, of all children, and one of each child under its name.
STATUS_NAME = "status"
RESERVED_LABELS = ("app.kubernetes.io/", "app-of-apps/")
# An awaiter switched off by an annotation would make a dependent start too early.
RESERVED_ANNOTATIONS = (*RESERVED_LABELS, "pulumi.com/", "vso.secrets.hashicorp.com/")


def check_child(child: ChildBase, findings: Findings, parent: Parent | None) -> None:
    """Note what does not fit together within one child and the template and shared sets that it uses."""
    if child.name == RESERVED_NAME:
        findings.at(("name",), "this name is taken: the release records live in its namespace", "choose another name")
    if child.name == STATUS_NAME:
        findings.at(
            ("name",), "this name is taken: it is that of the stack's output of all children", "choose another name"
        )
    check_reserved(findings, ("labels",), child.labels, RESERVED_LABELS)
    check_reserved(findings, ("annotations",), child.annotations, RESERVED_ANNOTATIONS)
    if not isinstance(child, PodChild):
        return
    check_reserved(findings, ("serviceAccount", "annotations"), child.service_account.annotations, RESERVED_ANNOTATIONS)
    _check_volumes(child, findings)
    _check_variables(child, findings, parent)
    ports = {port.name for port in child.ports} if isinstance(child, ScaledChild) else set()
    _check_probes(child, findings, parent, ports)
    if isinstance(child, ScaledChild):
        _check_ports(child, findings)
    if isinstance(child, ServiceChild) and child.expose is not None:
        check_reserved(findings, ("expose", "annotations"), child.expose.annotations, RESERVED_ANNOTATIONS)
        if child.expose.port not in ports:
            findings.at(*_unknown_port(("expose", "port"), child.expose.port, ports))
        elif any(port.name == child.expose.port and port.protocol != "TCP" for port in child.ports):
            findings.at(("expose", "port"), "a port of protocol UDP cannot be exposed by name of a host")


def check_reserved(findings: Findings, loc: Loc, names: Iterable[str], prefixes: tuple[str, ...]) -> None:
    """Note names under a prefix that only the program sets."""
    for name in names:
        if name.startswith(prefixes):
            findings.at_key((*loc, name), f"names under {name.partition('/')[0]}/ are set by the program", "remove it")


def _check_ports(child: ScaledChild, findings: Findings) -> None:
    names: set[str] = set()
    numbers: set[tuple[object, ...]] = set()
    for index, port in enumerate(child.ports):
        loc: Loc = ("ports", index)
        if port.name in names:
            hint = "" if "name" in port.model_fields_set else "give it a name: it is `http` when nobody says"
            findings.at((*loc, "name"), f"two ports have the name `{port.name}`", hint)
        names.add(port.name)
        for key, number in (("port", port.port), ("servicePort", port.service_port or port.port)):
            if (key, number, port.protocol) in numbers:
                findings.at((*loc, key), f"two ports have the same {key} {number}/{port.protocol}")
                break
            numbers.add((key, number, port.protocol))


def _check_probes(child: PodChild, findings: Findings, parent: Parent | None, ports: set[str]) -> None:
    own = child.probes
    for kind, way, name in _named_ports(own):
        if name not in ports:
            findings.at(*_unknown_port(("probes", kind, *way), name, ports))
    template = parent.templates.get(child.template) if parent and child.template else None
    # A job's pod has no ports; what a template says about them is for those that have.
    if template is None or not isinstance(child, ScaledChild):
        return
    overridden = own.model_fields_set if own is not None else set()
    for kind, _, name in _named_ports(template.probes):
        if kind not in overridden and name not in ports:
            message = f"the {kind} probe of template `{child.template}` asks port {called(name)}, which is not here"
            hint = f"ports here: {listed(ports)}; name one so, or set probes: {kind} here"
            findings.at(("template",), message, hint)


def _named_ports(probes: Probes | None) -> Iterator[tuple[str, tuple[str, ...], str]]:
    for kind in ("startup", "readiness", "liveness") if probes else ():
        probe = getattr(probes, kind)
        if probe is None:
            continue
        if probe.http is not None and isinstance(probe.http.port, str):
            yield kind, ("http", "port"), probe.http.port
        if isinstance(probe.tcp, str):
            yield kind, ("tcp",), probe.tcp


def _unknown_port(loc: Loc, name: str, ports: set[str]) -> tuple[Loc, str, str]:
    hint = suggestion(name, ports) or f"ports here: {listed(ports)}"
    return loc, f"there is no port {called(name)}", hint


def _check_volumes(child: PodChild, findings: Findings) -> None:
    names: set[str] = set()
    paths: set[str] = set()
    for index, volume in enumerate(child.volumes):
        loc: Loc = ("volumes", index)
        mount = posixpath.normpath(volume.mount_path)
        if volume.name in names:
            findings.at((*loc, "name"), f"two volumes have the name `{volume.name}`")
        if mount.strip("/") == "" or ".." in volume.mount_path.split("/"):
            findings.at((*loc, "mountPath"), "must be a folder below the root, without `..`")
        elif mount in paths:
            findings.at((*loc, "mountPath"), "two volumes are mounted at this path")
        names.add(volume.name)
        paths.add(mount)
        for file in volume.files or ():
            if file.startswith(".."):
                findings.at_key((*loc, "files", file), "a file's name may not begin with `..`")


def _check_variables(child: PodChild, findings: Findings, parent: Parent | None) -> None:
    for name in child.secrets:
        if name in child.config.own:
            message = f"`{name}` is set under config: own and under secrets"
            findings.at_key(("secrets", name), message, "remove one of the two")
        for shared in child.config.shared:
            if parent is not None and name in parent.config.get(shared, {}):
                message = f"`{name}` comes from the shared set `{shared}` and from a secret"
                findings.at_key(("secrets", name), message, "rename one of the two")
