"""The plain way: the same objects by `kubectl apply --server-side`, `kubectl wait`, and requests to Vault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from app_of_apps.environment.load import load_environment
from app_of_apps.manifest.load import load_manifest
from app_of_apps.objects.render import release_objects
from app_of_apps.release.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from app_of_apps.release.model import Release
    from bench.laboratory import Laboratory

_DEADLINE = "--timeout=300s"
_HEALTHY = {
    "Job": "condition=Complete",
    "Deployment": "condition=Available",
    "VaultStaticSecret": "jsonpath={.status.secretMAC}",
}
_EARLY = ("namespace", "identity", "config", "secrets")
"""Groups of objects that a workload needs; workloads and what makes them reachable come after these."""


def release_of(project: Path, environment: str, overlay: Path) -> Release:
    """Resolve a project's release as the program does."""
    return resolve(load_manifest(project / "parent.yaml"), load_environment(environment, project, overlay))


def described(release: Release, rename: tuple[str, str] = ("", "")) -> dict[str, Any]:
    """Every object of a release as plain data, children in order; `rename` replaces a prefix of the namespaces."""
    needs = {child.name: list(child.spec.depends_on) for child in release.children}
    children = [
        {
            "name": each.child,
            "needs": needs[each.child],
            "objects": [
                {
                    "name": item.name,
                    "group": item.group,
                    "wait": item.wait,
                    "deadline": item.deadline,
                    "manifest": item.manifest,
                }
                for item in each.kubernetes
            ],
            "policies": [{"name": item.name, "policy": item.policy} for item in each.vault_policies],
            "roles": [
                {
                    "name": item.name,
                    "mount": item.mount,
                    "boundSubject": item.bound_subject,
                    "boundAudiences": list(item.bound_audiences),
                    "policies": list(item.policies),
                    "tokenTtl": item.token_ttl,
                }
                for item in each.vault_roles
            ],
        }
        for each in release_objects(release)
    ]
    whole = {"context": release.cluster.context, "vaultAddress": release.vault.address, "children": children}
    text = json.dumps(whole, default=dict)
    plain: dict[str, Any] = json.loads(text.replace(rename[0], rename[1]) if rename[0] else text)
    return plain


def waves(children: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Children by wave: each as early as what it needs allows, so that kubectl may work on many at once."""
    level: dict[str, int] = {}
    for child in children:
        level[child["name"]] = 1 + max((level[need] for need in child["needs"]), default=-1)
    depth = max(level.values()) + 1
    return [[child for child in children if level[child["name"]] == number] for number in range(depth)]


def write_vault(lab: Laboratory, children: Sequence[Mapping[str, Any]]) -> None:
    """Write policies and roles, one request each."""
    headers = {"X-Vault-Token": lab.environ["VAULT_TOKEN"]}
    with httpx.Client(base_url=lab.environ["VAULT_ADDR"] + "/v1", headers=headers, trust_env=False) as client:
        for child in children:
            for policy in child["policies"]:
                answer = client.post(f"/sys/policies/acl/{policy['name']}", json={"policy": policy["policy"]})
                answer.raise_for_status()
            for role in child["roles"]:
                body = {
                    "role_type": "jwt",
                    "user_claim": "sub",
                    "bound_subject": role["boundSubject"],
                    "bound_audiences": role["boundAudiences"],
                    "token_policies": role["policies"],
                    "token_ttl": role["tokenTtl"],
                }
                client.post(f"/auth/{role['mount']}/role/{role['name']}", json=body).raise_for_status()


def deploy(lab: Laboratory, children: Sequence[Mapping[str, Any]]) -> None:
    """Create or update everything in order: what stands before the workloads, its health, the workloads, theirs.

    What an object's health is says the annotation that the program gives it, or its kind.
    """
    write_vault(lab, children)
    for wave in waves(children):
        items = [item for child in wave for item in child["objects"]]
        early = [item["manifest"] for item in items if item["group"] in _EARLY]
        for part in (early, [item["manifest"] for item in items if item["group"] not in _EARLY]):
            if part:
                apply(lab, part)
                _wait(lab, part)


def deploy_many(lab: Laboratory, children: Sequence[Mapping[str, Any]]) -> None:
    """The same for many Deployments that stand in namespaces of their own: one `kubectl wait` for each wave."""
    for number, wave in enumerate(waves(children)):
        apply(lab, [item["manifest"] for child in wave for item in child["objects"]])
        label = f"bench-wave={number}"
        lab.run(
            "kubectl",
            "wait",
            "--for=condition=Available",
            "deployment",
            "--all-namespaces",
            "--selector",
            label,
            _DEADLINE,
        )


def deploy_change(lab: Laboratory, children: Sequence[Mapping[str, Any]], changed: Mapping[str, Any]) -> None:
    """Apply everything again, as somebody does who does not know what changed, and follow one child's rollout."""
    apply(lab, [item["manifest"] for child in children for item in child["objects"]])
    for item in changed["objects"]:
        if item["manifest"]["kind"] == "Deployment":
            where = item["manifest"]["metadata"]
            name = f"deployment/{where['name']}"
            lab.run("kubectl", "rollout", "status", name, "--namespace", where["namespace"], _DEADLINE)


def apply(lab: Laboratory, objects: Sequence[Mapping[str, Any]]) -> None:
    """`kubectl apply --server-side` of objects in this order."""
    lab.run("kubectl", "apply", "--server-side", "--force-conflicts", "--filename", "-", text=_list(objects))


def diff(lab: Laboratory, objects: Sequence[Mapping[str, Any]]) -> None:
    """`kubectl diff --server-side`: what would change, asked of the API server.

    Exit code 1, some differences, is accepted: it takes a NetworkPolicy's next generation for one.
    """
    command = ("kubectl", "diff", "--server-side", "--force-conflicts", "--filename", "-")
    lab.run(*command, text=_list(objects), ok=(0, 1))


def _list(objects: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def _wait(lab: Laboratory, objects: Sequence[Mapping[str, Any]]) -> None:
    together: dict[tuple[str, str], list[str]] = {}
    for each in objects:
        condition = each["metadata"].get("annotations", {}).get("pulumi.com/waitFor") or _HEALTHY.get(each["kind"])
        if condition:
            kind = f"{each['kind']}.{each['apiVersion'].partition('/')[0]}".lower()
            key = (each["metadata"]["namespace"], condition)
            together.setdefault(key, []).append(f"{kind}/{each['metadata']['name']}")
    for (namespace, condition), names in together.items():
        lab.run("kubectl", "wait", f"--for={condition}", "--namespace", namespace, _DEADLINE, *names)
