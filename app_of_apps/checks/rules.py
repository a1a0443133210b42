"""Every rule that `aoa validate` knows: a stable id, how bad it is, what it means, what to do."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app_of_apps.errors import Problem

_POSITION: Final = re.compile(r":[0-9]+:[0-9]+")


class Severity(StrEnum):
    """How bad it is: an error would fail the deployment, a warning may."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``id`` never changes: suppressions in code scanning refer to it."""

    id: str
    severity: Severity
    """The usual one; a finding may be milder where it says so."""
    title: str
    help: str
    online: bool = False
    """Whether it takes a cluster, Vault or a registry to tell."""


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
RULES: Final[Mapping[str, Rule]] = {
    rule.id: rule
    for rule in (
        Rule(
            "invalid-manifest",
            _ERROR,
            "A file of the manifest is wrong",
            "The parent's or a child's file does not have the form of the manifest reference. The message says what "
            "is expected.",
        ),
        Rule(
            "invalid-environment",
            _ERROR,
            "An environment's file is wrong",
            "The stack file does not have the form of the manifest reference, or does not fit the children: a version "
            "is missing or too much, an override names what is not there.",
        ),
        Rule(
            "invalid-chart",
            _ERROR,
            "A chart cannot be rendered",
            "`helm template` fails with the values of this environment. Run it with the same values to see why.",
        ),
        Rule(
            "unknown-reference",
            _ERROR,
            "Something is named that does not exist",
            "A team, template, shared set or child is named that the parent does not have, or an edge leads to "
            "something that never becomes healthy.",
        ),
        Rule(
            "dependency-cycle",
            _ERROR,
            "Children wait for each other",
            "The edges lead back to where they began, so that no child could start first. Remove one of them.",
        ),
        Rule(
            "dependency-absent",
            _ERROR,
            "A child waits for one that does not run here",
            "Every child of the parent is in every environment; one with 0 replicas does not run, and whoever depends "
            "on it would start without it. Give it a replica here, or remove the edge.",
        ),
        Rule(
            "inline-secret",
            _ERROR,
            "A secret stands in a file",
            "Keep the value in Vault and refer to it. What only looks like a secret is let through by a comment on "
            "its line: `# aoa: not-a-secret <reason>`.",
        ),
        Rule(
            "privilege-escalation",
            _ERROR,
            "An object wants more than a child may have",
            "Objects of charts and plain manifests are held to their namespace, to the baseline Pod Security Standard "
            "and to the kinds that a child may declare.",
        ),
        Rule(
            "foreign-lane",
            _ERROR,
            "Something belongs to another environment",
            "An environment's `lane` says which images may run in it, and which texts may appear in no other one.",
        ),
        Rule(
            "image-unpinned",
            _ERROR,
            "An image has no digest",
            "The environment takes images by digest alone (`images: pinned`). `aoa promote` writes the digest.",
        ),
        Rule(
            "version-not-below",
            _WARNING,
            "A version that the environment below does not have",
            "`promotion: from` names where versions come from, and this one is not there: neither is it the version of "
            "that environment's file, nor an older one. Deploy it there first and use `aoa promote`.",
        ),
        Rule(
            "host-collision",
            _ERROR,
            "Two children answer for the same host and path",
            "Which of the two gets a request is up to the controller. Give one of them another host or path. A "
            "warning where the two stand behind different ingress classes or Gateways.",
        ),
        Rule(
            "port-collision",
            _ERROR,
            "Two children want the same port of one address",
            "Two Services of type LoadBalancer ask for the same address and port. Give one of them another one.",
        ),
        Rule(
            "quota-exceeded",
            _ERROR,
            "What the pods request is more than the namespace may use",
            "Old and new pods run beside each other during a rollout, so a Deployment may need twice what it requests. "
            "Raise `tenancy: quota`, or request less. A warning where only a rollout does not fit.",
        ),
        Rule(
            "quota-needs-requests",
            _ERROR,
            "A container without requests under a quota",
            "With a quota on CPU and memory the API server refuses each pod whose containers do not say what they "
            "request. Say it, or give defaults under `tenancy: limits`.",
        ),
        Rule(
            "api-removed",
            _ERROR,
            "An API version that the cluster's Kubernetes has dropped",
            "The API server would refuse the object. Use the version that the message names; sometimes fields have "
            "other names there, see https://kubernetes.io/docs/reference/using-api/deprecation-guide/.",
        ),
        Rule(
            "api-deprecated",
            _WARNING,
            "An API version that Kubernetes drops",
            "It works until the cluster is upgraded to the version that the message names. Which version runs there "
            "stands in the environment's file under `cluster: kubernetes`, and is asked for with `--online`.",
        ),
        Rule(
            "kubernetes-version-stale",
            _WARNING,
            "The recorded version of Kubernetes is not the cluster's",
            "Without `--online` API versions are judged by `cluster: kubernetes` of the environment's file. Write down "
            "the version that the message names.",
            online=True,
        ),
        Rule(
            "kind-not-served",
            _ERROR,
            "A kind that the cluster does not know",
            "The API server's discovery does not list it. Install the operator or the custom resource definition that "
            "it belongs to, or use another API version.",
            online=True,
        ),
        Rule(
            "secret-missing",
            _ERROR,
            "A secret that is not in Vault",
            "A child refers to a path or key that does not exist in the environment's engine. Values are never read: "
            "Vault is asked for the names of keys alone.",
            online=True,
        ),
        Rule(
            "image-missing",
            _ERROR,
            "An image that the registry does not have",
            "The registry answers that there is no such tag or digest. Push the image, or correct the version. A "
            "registry that does not answer is no error.",
            online=True,
        ),
        Rule(
            "quota-in-use",
            _WARNING,
            "The namespace has too little left for a rollout",
            "What is used now and what the rollout adds are together more than a quota of the namespace allows. Wait "
            "for what runs, remove what nobody needs, or raise the quota.",
            online=True,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found. ``environment`` is None where it is not one alone."""

    problem: Problem
    severity: Severity
    environment: str | None = None

    @property
    def rule(self) -> Rule:
        """The rule that is broken."""
        return RULES[rule_of(self.problem)]

    @property
    def fingerprint(self) -> str:
        """What identifies the finding from one run to the next, wherever its lines move."""
        problem = self.problem
        message = _POSITION.sub("", problem.message)
        parts = (self.rule.id, PurePath(problem.position.file).as_posix(), problem.path, message)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class NotLookedAt:
    """Something that could not be looked at, and why. ``silent`` when something should have answered and did not."""

    environment: str | None
    what: str
    why: str
    silent: bool = False

    def __str__(self) -> str:
        """Write it in one line."""
        where = f"{self.environment}: " if self.environment else ""
        return f"{where}{self.what}: {self.why}"


def rule_of(problem: Problem) -> str:
    """Return the id of the rule that a problem breaks; of a problem of a file itself, the one for that kind of file."""
    if problem.rule:
        return problem.rule
    name = PurePath(problem.position.file).name
    return "invalid-environment" if name.startswith("Pulumi.") else "invalid-manifest"


def findings(problems: Iterable[Problem], environment: str | None = None) -> tuple[Finding, ...]:
    """Return problems as findings of the usual severity."""
    return tuple(Finding(one, RULES[rule_of(one)].severity, environment) for one in problems)


def in_order(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by where they stand, each once; one that several environments share has no environment."""
    merged: dict[tuple[Problem, Severity], list[str | None]] = {}
    for one in found:
        merged.setdefault((one.problem, one.severity), []).append(one.environment)
    result = [
        Finding(problem, severity, names[0] if len(set(names)) == 1 else None)
        for (problem, severity), names in merged.items()
    ]
    return tuple(sorted(result, key=lambda one: (one.problem.position, one.problem.path, one.problem.message)))
