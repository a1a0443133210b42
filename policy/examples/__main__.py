"""Declares the examples that POLICY_EXAMPLES names, `pass` or `fail`, each as `<rule>-<pass or fail>-<number>`."""

from __future__ import annotations

import os

import pulumi
import pulumi_kubernetes as k8s

from cases import CASES

wanted = os.environ.get("POLICY_EXAMPLES", "fail")
cluster = k8s.Provider("examples", context=os.environ["POLICY_EXAMPLES_CONTEXT"])
# Nobody is asked about anything: a preview of what is not there takes the inputs as they are.
nowhere = {
    "address": "http://127.0.0.1:1",
    "skipChildToken": "true",
    "skipGetVaultVersion": "true",
    "vaultVersionOverride": "1.19.5",
}
vault = pulumi.ProviderResource("vault", "examples-vault", nowhere, pulumi.ResourceOptions(version="7.9.0"))


class Declared(pulumi.CustomResource):
    """A resource of any type."""


for rule, cases in CASES.items():
    for number, (token, inputs, options) in enumerate(cases[wanted]):
        provider = {"kubernetes": cluster, "vault": vault}.get(token.partition(":")[0])
        name = f"{rule}-{wanted}-{number}"
        made = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(**options), pulumi.ResourceOptions(provider=provider)
        )
        if token.startswith("pulumi:providers:"):
            pulumi.ProviderResource(token.rpartition(":")[2], name, inputs, pulumi.ResourceOptions(**options))
        else:
            Declared(token, name, inputs, made)
