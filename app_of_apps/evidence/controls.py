"""Which controls of SOC 2 and ISO/IEC 27001:2022 a record gives evidence for, why, and what it does not show.

The table is data: `CONTROLS` says per control what each `Trait` of a record shows for it. A record gives evidence for a
control when it has at least one of these traits. Nothing here says that a control is fulfilled; that is for an auditor.

Sources: AICPA Trust Services Criteria (2017, points of focus revised 2022); ISO/IEC 27001:2022, Annex A.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from app_of_apps.evidence.attempts import approver, runner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app_of_apps.evidence.attempts import Approver
    from app_of_apps.evidence.record import Record

SOC2: Final = "SOC 2"
ISO: Final = "ISO/IEC 27001:2022"
_ACCESS: Final = "access."  # how a change in words begins that changes who may do what


class Trait(StrEnum):
    """What a record holds that some control asks about."""

    RECORDED = "recorded"
    """Any record at all."""
    BEGAN = "began"
    """An attempt passed guard and gate and was about to touch the environment."""
    ENDED = "ended"
    """How an attempt ended."""
    UNSUCCESSFUL = "unsuccessful"
    """An attempt failed, was killed or was interrupted."""
    REFUSED = "refused"
    """An attempt was refused before it touched anything."""
    APPROVED = "approved"
    """Approvals are in the record, each signed with the key beside it."""
    SEPARATED = "separated"
    """Every approver is somebody else than the authors and whoever ran it, by the names in the record."""
    BREAK_GLASS = "break-glass"
    """Somebody went around the gate with a signed reason."""
    OVERRIDDEN = "overridden"
    """A rule was set aside with a reason."""
    ACCESS = "access"
    """Who may do what was changed."""
    SECRETS = "secrets"
    """Versions of secrets are named, without values."""
    POLICIES = "policies"
    """Policies gave a verdict."""
    PREVIEWED = "previewed"
    """The digest of a preview is in the record."""
    PROMOTED = "promoted"
    """Versions came from an environment below."""
    ROLLED_BACK = "rolled back"
    """An earlier release was brought back."""
    DRIFT = "drift"
    """A difference between the world and the record was found and put right."""


@dataclass(frozen=True, slots=True)
class Control:
    """One control, what the traits of a record show for it, and where an auditor has to look besides."""

    framework: str
    number: str
    title: str
    shows: Mapping[Trait, str]
    """Trait → what it is evidence of, as a clause."""
    elsewhere: str
    """What no record shows."""

    @property
    def name(self) -> str:
        """The framework and the number."""
        return f"{self.framework} {self.number}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """That one record gives evidence for a control, and why."""

    control: Control
    traits: tuple[Trait, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the record shows for the control, clause by clause."""
        return tuple(self.control.shows[trait] for trait in self.traits)


_IDENTITY: Final = "whoever ran it is named as the cluster and Vault authenticated them, with groups and policies"
_ALLOWED: Final = "an attempt without what the environment demands was stopped before it touched anything"
_RIGHTS: Final = "a change of who may do what was part of the release, and is told in words"
_SECOND: Final = "those who approved are others than the authors and whoever ran it, by the names in the record"
_AROUND: Final = "an exception: the gate was passed by break-glass; who, why and until when are signed"
_OVERRIDE: Final = "an exception: a rule was set aside, and the reason was recorded"
_WHAT: Final = (
    "what was to change is named by a digest over the whole content, the commit and the version of each child"
)
_CONSENT: Final = (
    "approvals, each signed with the approver's own key, are bound to exactly this content and environment"
)
_OUTCOME: Final = "the result, its cause and the time it took are recorded"
_TROUBLE: Final = "an attempt that did not end well was noticed, and its root cause recorded"
_DRIFTED: Final = "a deviation of the environment from its record was noticed and put right"
_BACK: Final = "an earlier release was brought back in the same controlled way"
_STAGED: Final = "versions came from the environment below, where they had proven healthy"

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        SOC2,
        "CC6.1",
        "Logical access to protected assets is restricted",
        {Trait.BEGAN: _IDENTITY, Trait.REFUSED: _ALLOWED, Trait.BREAK_GLASS: _AROUND},
        "Access to the cluster and to Vault that goes around the program; network and encryption.",
    ),
    Control(
        SOC2,
        "CC6.2",
        "Users are registered and authorised before access is granted, and removed when it ends",
        {Trait.ACCESS: _RIGHTS},
        "Joiners and leavers: accounts and memberships of groups live at the identity provider.",
    ),
    Control(
        SOC2,
        "CC6.3",
        "Access follows roles, least privilege and segregation of duties",
        {Trait.ACCESS: _RIGHTS, Trait.SEPARATED: _SECOND, Trait.BREAK_GLASS: _AROUND},
        "Whether each role is as small as it can be; periodic reviews of access.",
    ),
    Control(
        SOC2,
        "CC7.2",
        "Components are monitored for anomalies",
        {Trait.UNSUCCESSFUL: _TROUBLE, Trait.REFUSED: _ALLOWED, Trait.DRIFT: _DRIFTED, Trait.BREAK_GLASS: _AROUND},
        "Monitoring at run time, alerts, and what was done about them.",
    ),
    Control(
        SOC2,
        "CC8.1",
        "Changes are authorised, documented, tested, approved and implemented",
        {
            Trait.BEGAN: _WHAT,
            Trait.APPROVED: _CONSENT,
            Trait.SEPARATED: _SECOND,
            Trait.PREVIEWED: "the preview that preceded it is named by its digest",
            Trait.POLICIES: "the verdicts of the policies on it are recorded",
            Trait.PROMOTED: _STAGED,
            Trait.ENDED: _OUTCOME,
            Trait.REFUSED: _ALLOWED,
            Trait.ROLLED_BACK: _BACK,
            Trait.BREAK_GLASS: _AROUND,
            Trait.OVERRIDDEN: _OVERRIDE,
        },
        "Design, review and tests of the code itself: see the repository at the commit that the record names.",
    ),
    Control(
        ISO,
        "A.5.3",
        "Segregation of duties",
        {Trait.SEPARATED: _SECOND, Trait.BREAK_GLASS: _AROUND},
        "That two names are two people: see the identity provider.",
    ),
    Control(
        ISO,
        "A.5.15",
        "Access control",
        {Trait.ACCESS: _RIGHTS, Trait.REFUSED: _ALLOWED},
        "The rules for access as the organisation has written them down.",
    ),
    Control(
        ISO,
        "A.5.16",
        "Identity management",
        {Trait.BEGAN: _IDENTITY, Trait.APPROVED: "each approval names its approver's identity in Vault by ID"},
        "The life of identities from creation to removal: see the identity provider.",
    ),
    Control(
        ISO,
        "A.5.17",
        "Authentication information",
        {Trait.SECRETS: "which version of which secret was in use is recorded by path and number, never by value"},
        "How secrets and credentials of people are made, handed out and protected.",
    ),
    Control(
        ISO,
        "A.5.18",
        "Access rights",
        {Trait.ACCESS: _RIGHTS},
        "Reviews of access rights, and rights that were granted outside of the program.",
    ),
    Control(
        ISO,
        "A.8.9",
        "Configuration management",
        {Trait.BEGAN: _WHAT, Trait.DRIFT: _DRIFTED, Trait.ROLLED_BACK: _BACK},
        "Configuration that the program does not manage, such as that of the clusters themselves.",
    ),
    Control(
        ISO,
        "A.8.15",
        "Logging",
        {Trait.RECORDED: "it is dated by the server, signed, and chained to the record before it"},
        "Logs of applications, of the cluster's API and of Vault.",
    ),
    Control(
        ISO,
        "A.8.31",
        "Separation of development, test and production environments",
        {
            Trait.BEGAN: "cluster and Vault were compared with the environment's file before anything was touched",
            Trait.PROMOTED: _STAGED,
        },
        "Separation of networks and accounts; who may reach each environment by other ways.",
    ),
    Control(
        ISO,
        "A.8.32",
        "Change management",
        {
            Trait.BEGAN: _WHAT,
            Trait.APPROVED: _CONSENT,
            Trait.ENDED: _OUTCOME,
            Trait.UNSUCCESSFUL: _TROUBLE,
            Trait.REFUSED: _ALLOWED,
            Trait.ROLLED_BACK: _BACK,
            Trait.BREAK_GLASS: _AROUND,
            Trait.OVERRIDDEN: _OVERRIDE,
        },
        "Assessment of a change's impact and its planning, as far as they take place outside of the repository.",
    ),
)


def evidence_of(record: Record) -> tuple[Evidence, ...]:
    """Return the controls that a record gives evidence for, in the order of `CONTROLS`."""
    held = traits(record)
    found = (Evidence(each, tuple(trait for trait in each.shows if trait in held)) for each in CONTROLS)
    return tuple(each for each in found if each.traits)


def traits(record: Record) -> frozenset[Trait]:
    """Return what a record holds."""
    approvers = tuple(map(approver, record.approvals))
    approved = bool(approvers) and all(one.proven for one in approvers)
    found = {
        Trait.BEGAN: record.kind == "began",
        Trait.ENDED: record.kind == "ended",
        Trait.UNSUCCESSFUL: record.kind == "ended" and record.result != "succeeded",
        Trait.REFUSED: record.kind == "refused",
        Trait.APPROVED: approved,
        Trait.SEPARATED: approved and _separated(record, approvers),
        Trait.BREAK_GLASS: record.break_glass is not None,
        Trait.OVERRIDDEN: bool(record.overrides),
        Trait.ACCESS: any(word.startswith(_ACCESS) for change in record.changes for word in change.words),
        Trait.SECRETS: bool(record.secrets),
        Trait.POLICIES: bool(record.policies),
        Trait.PREVIEWED: record.preview is not None,
        Trait.PROMOTED: record.operation == "promote",
        Trait.ROLLED_BACK: record.rollback_of is not None,
        Trait.DRIFT: record.operation == "drift-fix",
    }
    return frozenset({Trait.RECORDED, *(trait for trait, held in found.items() if held)})


def _separated(record: Record, approvers: Iterable[Approver]) -> bool:
    """Whether no approver is an author or the runner. Alike is enough to say no: `anna` and `anna@example.com` are."""
    vault, cluster = record.who.vault, record.who.kubernetes
    if record.git is None or not (record.git.authors or record.git.author):
        return False  # where nobody knows who wrote it, nobody knows that it was somebody else
    involved = {*record.git.authors, *(record.git.author or "").strip(">").split(" <"), runner(record)}
    involved |= {vault.entity, vault.entity_name, vault.display_name} if vault else set()
    involved |= {cluster.username} if cluster else set()
    names = {_bare(name) for name in involved if name}
    return not any({_bare(one.name), one.entity} & names for one in approvers)


def _bare(name: str) -> str:
    return name.lower().partition("@")[0]
