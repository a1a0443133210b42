"""The baseline: what somebody writes who declares the same objects with Pulumi and with nothing around it.

No parent, no components, no guard, no check of secrets, no report. The objects are data, as they would be literals in
such a program; they come from `objects.json` beside this file: children in order, each with the children it needs, its
Kubernetes objects in the order of their groups, its Vault policies and roles. Every object waits for its namespace, a
workload also for what stands before it and for the workloads that its child needs: what a careful author writes.
"""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault

Options = pulumi.ResourceOptions


def declare(name: str, body: dict[str, Any], options: Options) -> pulumi.Resource:
    """Declare one Kubernetes object with the provider's class for its kind."""
    api_version, kind = body["apiVersion"], body["kind"]
    if "hashicorp.com" in api_version:
        return kubernetes.apiextensions.CustomResource(
            name, api_version=api_version, kind=kind, metadata=body["metadata"], spec=body["spec"], opts=options
        )
    group, _, version = api_version.rpartition("/")
    room = importlib.import_module(f"pulumi_kubernetes.{(group or 'core').partition('.')[0]}.{version}")
    inputs = {snake(key): value for key, value in body.items() if key not in {"apiVersion", "kind"}}
    return getattr(room, kind)(name, opts=options, **inputs)


def snake(name: str) -> str:
    """`automountServiceAccountToken` → `automount_service_account_token`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def declare_child(
    child: dict[str, Any], healthy: dict[str, list[pulumi.Resource]], cluster: Options, secrets: Options
) -> None:
    """Declare everything of one child and note what dependents wait for."""
    name = child["name"]
    before: list[pulumi.Resource] = [
        vault.Policy(policy["name"], name=policy["name"], policy=policy["policy"], opts=secrets)
        for policy in child["policies"]
    ]
    before += [
        vault.jwt.AuthBackendRole(
            role["name"],
            role_name=role["name"],
            backend=role["mount"],
            role_type="jwt",
            user_claim="sub",
            bound_subject=role["boundSubject"],
            bound_audiences=role["boundAudiences"],
            token_policies=role["policies"],
            token_ttl=role["tokenTtl"],
            opts=secrets,
        )
        for role in child["roles"]
    ]
    needed = [resource for need in child["needs"] for resource in healthy[need]]
    healthy[name] = []
    for entry in child["objects"]:
        timeouts = pulumi.CustomTimeouts(create=f"{entry['deadline']}s") if entry["deadline"] else None
        options = Options(depends_on=[*before, *needed], custom_timeouts=timeouts)
        resource = declare(f"{name}-{entry['name']}", entry["manifest"], Options.merge(cluster, options))
        before.append(resource)
        if entry["wait"]:
            healthy[name].append(resource)


def main() -> None:
    """Declare everything in order."""
    described = json.loads((Path(__file__).parent / "objects.json").read_text())
    context = described["context"]
    cluster = kubernetes.Provider(
        "kubernetes", context=context, cluster_identifier=context, enable_config_map_mutable=True
    )
    secrets = vault.Provider("vault", address=described["vaultAddress"], skip_child_token=True)
    healthy: dict[str, list[pulumi.Resource]] = {}
    for child in described["children"]:
        declare_child(child, healthy, Options(provider=cluster), Options(provider=secrets))


main()
