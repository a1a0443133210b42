"""A copy of the example, and people who log in to ask what they may."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from sandbox import person
from sandbox.issuer import PEOPLE, Issuer
from tests.integration.program.world import UP, Run, environment, run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sandbox import Sandbox

ENVIRONMENTS = ("staging", "prod")
PARENT = "idshop"
GROUPS: dict[str, list[str]] = yaml.safe_load(PEOPLE.read_text())


@dataclass(frozen=True)
class Shop:
    """A copy of the example in a project of its own."""

    box: Sandbox
    folder: Path
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict, repr=False)

    def up(self, env: str) -> Run:
        command = [word if word != "staging" else env for word in UP]
        return run(command, cwd=self.folder, environ=environment(self.box, env))

    def aoa(self, *arguments: str) -> Run:
        command = [sys.executable, "-m", "app_of_apps", *arguments]
        return run(command, cwd=self.folder, environ=environment(self.box))

    def table(self, env: str) -> list[dict[str, Any]]:
        """What `aoa access show` prints for the example as it is at first, one entry per subject, role and child."""
        if env not in self.tables:
            shown = self.aoa("access", "show", env, "--output", "json")
            assert shown.code == 0, shown.text
            self.tables[env] = json.loads(shown.stdout)["access"]
        return self.tables[env]

    def held(self, env: str, who: str) -> list[dict[str, Any]]:
        """The entries of the table that hold for a person, by the groups that the identity provider tells."""
        return [one for one in self.table(env) if one["kind"] == "group" and one["group"] in GROUPS[who]]


class Login:
    """One person in one environment: a token of the issuer, and what the API server and Vault answer to it."""

    def __init__(self, box: Sandbox, who: str, env: str) -> None:
        self.box, self.who, self.env = box, who, env
        self.ports: dict[str, int] = json.loads((box.layout.root / "ports.json").read_text())
        self.token = person.id_token(Issuer(box.layout, self.ports), who, env)

    def close(self) -> None:
        """Close the connections."""
        for name in ("cluster", "vault"):
            if name in self.__dict__:
                self.__dict__[name].close()

    @cached_property
    def cluster(self) -> httpx.Client:
        return self.cluster_of(self.env)

    def cluster_of(self, env: str) -> httpx.Client:
        """A client of an environment's API server with this person's token and nothing else."""
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.ports[f'{env}/kube-apiserver']}",
            headers={"Authorization": f"Bearer {self.token}"},
            verify=_trusting(str(self.box.layout.pki(env) / "ca.crt")),
            trust_env=False,
            timeout=30,
        )

    def rules(self, namespace: str) -> set[tuple[str, str, str, str]]:
        """Everything that the API server says this person may do in a namespace: (group, resource, name, verb)."""
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        }
        answer = self.cluster.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", json=body)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return {
            (group, resource, name, verb)
            for rule in answer.json()["status"]["resourceRules"]
            for group in rule.get("apiGroups", [])
            for resource in rule.get("resources", [])
            for name in rule.get("resourceNames") or [""]
            for verb in rule["verbs"]
        }

    def may(self, namespace: str, group: str, resource: str, verb: str) -> bool:
        """What the API server answers to a SelfSubjectAccessReview."""
        name, _, below = resource.partition("/")
        asked = {"namespace": namespace, "group": group, "resource": name, "subresource": below, "verb": verb}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        answer = self.cluster.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=body)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return bool(answer.json()["status"]["allowed"])

    @cached_property
    def vault_auth(self) -> dict[str, Any]:
        return person.vault_login(self.ports["vault"], self.env, self.token)

    @cached_property
    def vault(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.ports['vault']}/v1/",
            headers={"X-Vault-Token": self.vault_auth["client_token"]},
            trust_env=False,
            timeout=30,
        )

    def capabilities(self, paths: Iterable[str]) -> dict[str, set[str]]:
        """What Vault says this person may do, by path; nothing for what is denied."""
        wanted = sorted(paths)
        answer = self.vault.post("sys/capabilities-self", json={"paths": wanted})
        assert answer.status_code == httpx.codes.OK, answer.text
        data = answer.json()["data"]
        return {path: set(data[path]) - {"deny"} for path in wanted}


def _trusting(file: str) -> Any:
    import ssl

    return ssl.create_default_context(cafile=file)
