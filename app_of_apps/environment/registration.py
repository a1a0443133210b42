"""Registering an environment: what tells it from every other is looked up once, shown, and written down.

Into its stack file (server, UID, CA and Vault's address; comments and order stay), into the cluster and beside Vault's
kv-v2 engine (`marker`). The file comes last: a registration that breaks off leaves an environment that nothing can be
deployed to, and running it again finishes it.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from app_of_apps.environment import marker
from app_of_apps.environment.guard import KUBE_SYSTEM
from app_of_apps.environment.kube_writer import KubeWriter
from app_of_apps.environment.layers import IN_STACK_FILE
from app_of_apps.environment.neighbours import shared_with
from app_of_apps.environment.replace_file import replace_file
from app_of_apps.environment.variables import contradictions
from app_of_apps.environment.vault_reader import VaultReader
from app_of_apps.errors import InvalidInput, Refused, Unavailable, WrongEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app_of_apps.environment.load import LoadedEnvironment

FACTS: Final = {
    ("cluster", "server"): "address of the API server",
    ("cluster", "uid"): "UID of the namespace kube-system",
    ("cluster", "caSha256"): "SHA-256 of the CA certificate",
    ("vault", "address"): "address of Vault",
}
CLUSTER_MARKER: Final = f"ConfigMap {marker.NAMESPACE}/{marker.NAME}"


class VaultMarker(VaultReader):
    """A Vault, read, and written to by `mark` alone."""

    def mark(self, mount: str, environment: str) -> None:
        """Note beside the kv-v2 engine at ``mount`` whose it is; no secret and no version is made.

        Raises Unavailable when Vault refuses or does not answer.
        """
        path = f"{mount}/metadata/{marker.VAULT_PATH}"
        try:
            answer = self._client.post(path, json={"custom_metadata": {marker.KEY: environment}})
        except httpx.HTTPError as error:
            msg = f"Vault at {self.address} does not answer ({type(error).__name__})"
            raise Unavailable(msg) from error
        if answer.is_error:
            msg = f"Vault at {self.address} answers {answer.status_code} to writing {path}: the token may not"
            raise Unavailable(msg)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is to be known of an environment. ``before`` is None where nothing was written down yet."""

    name: str
    before: str | None
    found: str
    loc: tuple[str, str] | None = None
    """Where it stands in the environment's value; None for a marker."""

    @property
    def changes(self) -> bool:
        """Whether registering writes it."""
        return self.before != self.found

    @property
    def replaces(self) -> bool:
        """Whether registering would overwrite what says something else."""
        return self.before is not None and self.changes


@dataclass(frozen=True, slots=True)
class Registration:
    """What registering one environment would write, and where."""

    environment: LoadedEnvironment
    lines: tuple[Line, ...]

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return any(line.changes for line in self.lines)

    @property
    def replaces(self) -> tuple[Line, ...]:
        """What would be overwritten."""
        return tuple(line for line in self.lines if line.replaces)

    @property
    def file(self) -> Path:
        """The stack file."""
        return Path(self.environment.positions.stack.at(()).file)


def look_up(
    environment: LoadedEnvironment,
    environ: Mapping[str, str],
    *,
    connect: Callable[[str], KubeWriter] = KubeWriter,
    connect_vault: Callable[[str, str | None, Mapping[str, str]], VaultMarker] = VaultMarker,
) -> Registration:
    """Ask the cluster and Vault who they are; nothing is written.

    Raises WrongEnvironment when a variable of the process contradicts the file, Refused when the cluster cannot be told
    from others or another environment of the project claims it, Unavailable when cluster or Vault do not answer.
    """
    settings = environment.settings
    if against := list(contradictions(settings, environ)):
        raise WrongEnvironment(
            "\n  ".join([f"registering {settings.name!r} is refused; nothing was written:", *against])
        )
    address = settings.vault.address or environ.get("VAULT_ADDR")
    if not address:
        msg = "where is Vault? Set VAULT_ADDR, or write vault: address: into the environment's file"
        raise Refused(msg)
    with connect(settings.cluster.context) as kube:
        if not kube.ca_sha256 or not kube.verified:
            msg = (
                f"the kubeconfig's context {settings.cluster.context!r} does not say by which CA its cluster is known; "
                "give it certificate-authority-data, and no insecure-skip-tls-verify"
            )
            raise Refused(msg)
        system = kube.get(KUBE_SYSTEM) or {}
        said = marker.cluster_marker(kube)
        server, ca = kube.server, kube.ca_sha256
    uid = system.get("metadata", {}).get("uid")
    if uid is None:
        msg = f"the cluster of context {settings.cluster.context!r} shows no namespace kube-system"
        raise Unavailable(msg)
    with connect_vault(address, settings.vault.namespace, environ) as vault:
        noted = vault.custom_metadata(settings.vault.mounts.kv, marker.VAULT_PATH)
    known = settings.cluster.ca_sha256
    found = (server.rstrip("/"), str(uid), known if known in ca else ca[0], address.rstrip("/"))
    lines = [
        Line(name, _at(settings.model_dump(by_alias=True), loc), str(value), loc)
        for (loc, name), value in zip(FACTS.items(), found, strict=True)
    ]
    lines.append(Line(CLUSTER_MARKER, said, settings.name))
    place = f"{settings.vault.mounts.kv}/metadata/{marker.VAULT_PATH} in Vault"
    lines.append(Line(place, (noted or {}).get(marker.KEY), settings.name))
    registration = Registration(environment, tuple(lines))
    if shared := shared_with(
        environment.neighbours, _with(settings.model_dump(by_alias=True), lines), environment.positions
    ):
        raise InvalidInput(shared)
    return registration


def register(
    registration: Registration,
    environ: Mapping[str, str],
    *,
    connect: Callable[[str], KubeWriter] = KubeWriter,
    connect_vault: Callable[[str, str | None, Mapping[str, str]], VaultMarker] = VaultMarker,
) -> None:
    """Write the markers, then the file; whether that is wanted has been asked before.

    Raises Refused when a fact to change stands in the overlay, Unavailable when a marker cannot be written.
    """
    settings = registration.environment.settings
    *facts, in_cluster, in_vault = registration.lines
    wanted = [line for line in facts if line.changes]
    for line in wanted:
        if line.before is not None and _at(registration.environment.configured, line.loc or ()) is None:
            place = registration.environment.positions.at(line.loc or ())
            msg = f"{line.name} stands in the overlay ({place}), which describes something else; nothing was written"
            raise Refused(msg)
    text = _edited(registration.file, {line.loc: line.found for line in wanted if line.loc}) if wanted else None
    if in_vault.changes:
        address = next(line.found for line in facts if line.loc == ("vault", "address"))
        with connect_vault(address, settings.vault.namespace, environ) as vault:
            vault.mark(settings.vault.mounts.kv, settings.name)
    if in_cluster.changes:
        with connect(settings.cluster.context) as kube:
            for path, item in marker.marker_objects(settings.name):
                kube.apply(path, item)
    if text is not None:
        replace_file(registration.file, text)


def _edited(file: Path, facts: Mapping[tuple[str, str], str]) -> str:
    """Return the text of a stack file with these facts in it, everything else as it was."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - slow, and only registering writes YAML

    before = file.read_text(encoding="utf-8")
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    sequences = re.search(r"^( *)[^\s#-][^\n]*:\s*\n( *)- ", before, re.MULTILINE)
    offset = len(sequences[2]) - len(sequences[1]) if sequences else 2
    yaml.indent(mapping=_indent(before), sequence=offset + 2, offset=offset)
    data = yaml.load(before)
    value = data
    for key in IN_STACK_FILE:
        value = value[key]
    for (section, key), fact in facts.items():
        value[section][key] = fact
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()


def _indent(text: str) -> int:
    found = re.search(r"^config:[^\n]*\n(?:\s*#[^\n]*\n)*( +)\S", text, re.MULTILINE)
    return len(found[1]) if found else 2


def _with(value: dict[str, Any], lines: list[Line]) -> dict[str, Any]:
    merged = {**value, "cluster": dict(value["cluster"]), "vault": dict(value["vault"])}
    for line in lines:
        if line.loc:
            merged[line.loc[0]][line.loc[1]] = line.found
    return merged


def _at(value: Any, loc: tuple[str, ...]) -> str | None:  # noqa: ANN401 - data of any shape
    for key in loc:
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None else str(value)
