"""Writes the chain of evidence of one environment and parent: what begins, how it ends, what is refused.

A journal fails closed: where a record cannot be signed and kept, nothing is begun. Whoever writes holds the lock of the
stack, so an attempt that is found open by the next one has nobody who works on it any more.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import app_of_apps
from app_of_apps.environment.refusals import refusals_file
from app_of_apps.errors import Unavailable
from app_of_apps.evidence.chain import Link, Signed, check_chain
from app_of_apps.evidence.front import ASKED_BY, FRONT_VARIABLE, RUN_VARIABLE
from app_of_apps.evidence.record import START, Record, Who
from app_of_apps.evidence.store import Head, RecordStore, keep_copy, moment
from app_of_apps.evidence.vault import EvidenceVault
from app_of_apps.manifest.base import Model
from app_of_apps.objects.record import record_namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from app_of_apps.environment.settings import Environment
    from app_of_apps.evidence.chain import Finding

_TRIES: Final = 20
_MOST_REFUSALS: Final = 20
_LONGEST_REASON: Final = 4000
_NEWEST: Final = 50
"""Records behind which nobody looks for what a run has just written."""


def key_name(settings: Environment) -> str:
    """Return the name of the key that signs the records of an environment."""
    return settings.evidence.key or f"aoa-evidence-{settings.name}"


@dataclass(slots=True)
class Journal:
    """The chain of one parent in one environment. Close it, or use it in a ``with`` statement."""

    settings: Environment
    parent: str
    store: RecordStore
    vault: EvidenceVault
    project: Path
    environ: Mapping[str, str]
    say: Callable[[str], None] = field(default=lambda _: None)
    _who: Who | None = None

    @classmethod
    def open(
        cls,
        settings: Environment,
        parent: str,
        environ: Mapping[str, str],
        project: Path,
        *,
        say: Callable[[str], None] = lambda _: None,
    ) -> Self:
        """Return the journal; ``say`` hears what is wrong with the chain and does not stop anything.

        Raises Unavailable when there are no credentials for the cluster or Vault. Nothing is sent yet.
        """
        vault = EvidenceVault(str(settings.vault.address), settings.vault.namespace, environ)
        store = RecordStore(settings.cluster.context)
        return cls(settings, parent, store, vault, project, environ, say)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.store.close()
        self.vault.__exit__()

    # -- reading -----------------------------------------------------------------------------------------------------

    def records(self) -> list[Signed]:
        """Return every record in order."""
        return self.store.records(self.parent)

    def public_keys(self) -> dict[str, bytes]:
        """Return the public keys of the environment's key: ``<mount>/<key>:<version>`` → 32 bytes."""
        return self.vault.public_keys(self.settings.evidence.mount, key_name(self.settings))

    def anchor(self) -> Link | None:
        """Return the newest record that Vault knows of."""
        return self.vault.anchor(self.settings.vault.mounts.kv, self.parent)

    def findings(self) -> list[Finding]:
        """Return what is wrong with the chain as it is kept."""
        keys = self.public_keys()
        # Before the records: whoever writes one in between must not make them look cut off.
        anchor = self.anchor()
        known = {name: (key,) for name, key in keys.items()}
        return check_chain(self.records(), lambda name: known.get(name, ()), anchor=anchor, whole=True)

    def head(self) -> Head | None:
        """Return the newest record and the open attempt; None before the first record."""
        head = self.store.head(self.parent)
        newest = None if head is None else self.store.record(self.parent, head.link.sequence)
        if head is None or newest is None:
            head = _newest(self.records())
        else:  # the note is only a hint, the record itself counts
            head = Head(Link(head.link.sequence, newest.hash), head.open)
        while head is not None:
            after = self.store.record(self.parent, head.link.sequence + 1)
            if after is None:
                return head
            head = _followed(head, after)
        return None

    def attempt_of(self, run: str) -> Record | None:
        """Return the record that the attempt of a run of `aoa` began with; None when it has begun none."""
        head = self.head()
        newest = 0 if head is None else head.link.sequence
        for sequence in range(newest, max(newest - _NEWEST, 0), -1):
            found = self.store.record(self.parent, sequence)
            if found is not None and found.readable and found.record.details.get("run") == run:
                return found.record
        return None

    # -- writing -----------------------------------------------------------------------------------------------------

    def begin(self, operation: str, **fields: Any) -> int:  # noqa: ANN401 - fields of Record
        """Write that an attempt begins and return its number; ``fields`` are those of `Record`.

        Raises Unavailable when the record cannot be signed or kept; then nothing may be begun.
        """
        holder = {"host": socket.gethostname(), "pid": os.getpid()}
        run = self.environ.get(RUN_VARIABLE)
        details = {**fields.pop("details", {}), "holder": holder, **({"run": run} if run else {})}
        return self._write("began", operation, details=details, **fields)

    def end(self, attempt: int, result: str, *, operation: str = "up", reason: str = "", **fields: Any) -> int:  # noqa: ANN401
        """Write how an attempt ended. The seconds it took are counted by the API server's clock."""
        began = self.store.record(self.parent, attempt)
        if began is not None and began.readable:
            operation = began.record.operation
            fields.setdefault("seconds", self._since(began.record))
            fields.setdefault("release", began.record.release)
        return self._write("ended", operation, attempt=attempt, result=result, reason=_cut(reason), **fields)

    def refuse(self, operation: str, reason: str, **fields: Any) -> int:  # noqa: ANN401 - fields of Record
        """Write that an attempt was refused before it had begun."""
        return self._write("refused", operation, result="refused", reason=_cut(reason), **fields)

    def note(self, operation: str, **fields: Any) -> int:  # noqa: ANN401 - fields of Record
        """Write down something that is no attempt, such as a promotion or an override."""
        return self._write("note", operation, **fields)

    def close_dead(self) -> int | None:
        """End the attempt that nobody works on any more; return its number, None when there is none.

        Only whoever holds the stack's lock may ask this. An attempt whose release record has come to be since was
        killed after everything was healthy.
        """
        head = self.head()
        if head is None or head.open is None:
            return None
        began = self.store.record(self.parent, head.open)
        if began is None or not began.readable:
            return None
        result, reason = self._fate(began.record)
        self.end(head.open, result, reason=reason, seconds=None)
        return head.open

    def end_run(self, run: str, result: str, reason: str = "") -> int | None:
        """End the open attempt if it is the one of a run of `aoa`; return its number, None when it is another's."""
        head = self.head()
        began = None if head is None or head.open is None else self.store.record(self.parent, head.open)
        if began is None or not began.readable or began.record.details.get("run") != run:
            return None
        self.end(began.record.sequence, result, reason=reason)
        return began.record.sequence

    def take_refusals(self) -> None:
        """Add the guard's refusals that this project remembers to the chain, each of them once."""
        file, project = refusals_file(self.project, self.environ), str(self.project.resolve())
        mark = file.with_name(
            f"refusals.{self.settings.name}.{hashlib.sha256(project.encode()).hexdigest()[:12]}.taken"
        )
        with suppress(OSError, ValueError):
            done = int(mark.read_text()) if mark.exists() else 0
            lines = file.read_text(encoding="utf-8").splitlines()
            taken = 0
            for number, line in enumerate(lines[done:], done + 1):
                said = _read(line)
                if (said.get("environment"), said.get("project")) == (self.settings.name, project):
                    if taken == _MOST_REFUSALS:
                        break
                    taken += 1
                    reason = "\n".join(map(str, said.get("reasons") or ()))
                    about = {key: str(said.get(key) or "") for key in ("time", "stack", "user", "host")}
                    self.refuse("guard", reason, details={"claimed": about})
                mark.write_text(str(number))

    def _fate(self, began: Record) -> tuple[str, str]:
        folder = f"/api/v1/namespaces/{record_namespace(self.parent)}/configmaps"
        release = began.release
        if began.operation == "destroy":
            selector = f"app.kubernetes.io/part-of={self.parent}"
            left = {one["metadata"]["name"] for one in self.store.list("/api/v1/namespaces", labelSelector=selector)}
            if not left - {record_namespace(self.parent)}:
                return "succeeded", "seen by the next run: nothing of the parent is left"
        elif began.details.get("new") and release and self.store.get(f"{folder}/{release.name}") is not None:
            return "succeeded", "seen by the next run: the release's record is there"
        return "killed", "the next run found it without an end"

    def _since(self, began: Record) -> float:
        return (moment(self._identity()[1]) - moment(began.time)).total_seconds()

    def _identity(self) -> tuple[Who, str]:
        """Return who this is, as authenticated, and the time by the API server's clock."""
        cluster, now = self.store.whoami()
        if self._who is None:
            self._who = Who(kubernetes=cluster, vault=self.vault.login())
        return self._who, now

    def _write(self, kind: str, operation: str, **fields: Any) -> int:  # noqa: ANN401 - fields of Record
        who, now = self._identity()
        if (asked := self.environ.get(ASKED_BY)) and self.environ.get(FRONT_VARIABLE) == "service":
            fields["details"] = {**(fields.get("details") or {}), "askedBy": asked}
        for _ in range(_TRIES):
            kept = self.head()
            before = self._before(kept)
            record = Record.model_validate(
                {
                    "sequence": before.link.sequence + 1,
                    "previous": before.link.hash,
                    "kind": kind,
                    "time": now,
                    "parent": self.parent,
                    "environment": self.settings.name,
                    "operation": operation,
                    "who": who,
                    "front": self.environ.get(FRONT_VARIABLE) or "pulumi",
                    "program": app_of_apps.__version__,
                    **{name: _plain(value) for name, value in fields.items()},
                },
                strict=False,
            )
            if kept is None:  # at the very first, or after somebody removed all of it, the namespace too
                self.store.make_home(self.parent, self.settings.name)
            if self._keep(record, before):
                return record.sequence
        msg = f"{_TRIES} others wrote records of {self.settings.name} meanwhile; nothing was touched. Run again"
        raise Unavailable(msg)

    def _before(self, head: Head | None) -> Head:
        """Return what the next record follows: the newest one, or what the anchor says was the newest."""
        anchor = self.anchor()
        if anchor is not None and (head is None or head.link.sequence < anchor.sequence):
            kept = "none is" if head is None else f"{head.link.sequence} are"
            self.say(
                f"{anchor.sequence} records of {self.settings.name} were written and {kept} in the cluster: somebody "
                "removed the rest. The chain goes on after them, and `aoa evidence verify` names what is missing"
            )
            return Head(anchor)
        return head or Head(Link(0, START))

    def _keep(self, record: Record, before: Head) -> bool:
        text = record.text
        signature, key = self.vault.sign(self.settings.evidence.mount, key_name(self.settings), text.encode())
        signed = Signed(text, signature, key)
        if not self.store.add(self.parent, record.sequence, signed):
            return False
        link = Link(record.sequence, signed.hash)
        self.vault.set_anchor(self.settings.vault.mounts.kv, self.parent, link)
        self.store.set_head(self.parent, _followed(before, signed))
        if self.settings.evidence.folder is not None:
            keep_copy(self.project / self.settings.evidence.folder, record.sequence, signed)
        return True


def _newest(records: list[Signed]) -> Head | None:
    """Return the head that a whole chain makes."""
    head: Head | None = None
    for one in records:
        if one.readable:
            head = _followed(head or Head(Link(0, START)), one)
    return head


def _followed(head: Head, record: Signed) -> Head:
    """Return the head after one more record."""
    if not record.readable:
        return Head(Link(head.link.sequence + 1, record.hash), head.open)
    found = record.record
    link = Link(found.sequence, record.hash)
    if found.kind == "began":
        return Head(link, found.sequence)
    return Head(link, None if found.kind == "ended" and found.attempt == head.open else head.open)


def _read(line: str) -> dict[str, Any]:
    """Return a line of the guard's refusals; nothing of one that was cut off."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _plain(value: Any) -> Any:  # noqa: ANN401 - fields of Record
    """Return a field as plain data where it is made of models."""
    if isinstance(value, Model):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _cut(reason: str) -> str:
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[: _LONGEST_REASON - 1]}…"
