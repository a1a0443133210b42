"""Nothing gets more rights than it needs."""

from __future__ import annotations

from cases.parts import binding, deployment, pod, role, thing

GROUP = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "oidc:team-one"}
READ = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}


def _context(**changes: object) -> dict[str, object]:
    safe = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {"securityContext": {**safe, **changes}}


def _policy(path: str, *words: str) -> tuple[str, dict[str, object], dict[str, object]]:
    capabilities = ", ".join(f'"{word}"' for word in words)
    text = f'path "{path}" {{\n  capabilities = [{capabilities}]\n}}\n'
    return "vault:index/policy:Policy", {"name": "staging_shop_orders", "policy": text}, {}


CASES = {
    "pod-security": {
        "pass": [deployment()],
        "fail": [
            deployment(pod(_context(privileged=True))),
            deployment(pod(_context(allowPrivilegeEscalation=True))),
            deployment(pod(_context(capabilities={"add": ["SYS_ADMIN"], "drop": ["ALL"]}))),
            deployment(pod(_context(runAsNonRoot=False, runAsUser=0))),
            deployment(pod(hostNetwork=True)),
            deployment(pod(hostPID=True)),
            deployment(pod(hostIPC=True)),
            deployment(pod(volumes=[{"name": "node", "hostPath": {"path": "/"}}])),
        ],
    },
    "rbac-rules": {
        "pass": [role(READ)],
        "fail": [
            role({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}),
            role({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}),
            role({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate", "bind"]}),
            role({"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}),
        ],
    },
    "rbac-bindings": {
        "pass": [binding("viewer", GROUP)],
        "fail": [
            binding("cluster-admin", GROUP, kind="ClusterRole"),
            binding("viewer", {**GROUP, "name": "system:authenticated"}),
            binding("viewer", {"kind": "ServiceAccount", "name": "default", "namespace": "shop-app"}),
            binding("viewer", {"kind": "ServiceAccount", "name": "app", "namespace": "bank-app"}),
        ],
    },
    "cluster-wide": {
        "pass": [thing("v1", "ResourceQuota", spec={"hard": {"pods": "20"}})],
        "fail": [
            thing("rbac.authorization.k8s.io/v1", "ClusterRole", None, rules=[READ]),
            thing("scheduling.k8s.io/v1", "PriorityClass", None, value=1000),
        ],
    },
    "object-reach": {
        "pass": [thing("v1", "Service", spec={"selector": {"app": "app"}, "ports": [{"port": 80}]})],
        "fail": [
            thing("v1", "Service", spec={"type": "NodePort", "ports": [{"port": 80}]}),
            thing("v1", "Service", spec={"externalIPs": ["192.0.2.1"], "ports": [{"port": 80}]}),
            thing("v1", "Secret", type="kubernetes.io/service-account-token"),
        ],
    },
    "foreign-reference": {
        "pass": [
            thing(
                "secrets.hashicorp.com/v1beta1",
                "VaultStaticSecret",
                name="own",
                spec={
                    "vaultAuthRef": "app",
                    "mount": "kv-staging",
                    "path": "orders/mailer",
                    "type": "kv-v2",
                    "destination": {"name": "mailer", "create": True},
                },
            )
        ],
        "fail": [
            thing(
                "secrets.hashicorp.com/v1beta1",
                "VaultStaticSecret",
                spec={
                    "vaultAuthRef": "shop-orders/orders",
                    "mount": "kv-staging",
                    "path": "orders/database",
                    "type": "kv-v2",
                    "destination": {"name": "database", "create": True},
                },
            )
        ],
    },
    "vault-rights": {
        "pass": [_policy("kv-staging/data/orders/database", "read")],
        "fail": [
            _policy("kv-staging/data/*", "read"),
            _policy("sys/policies/acl/staging_shop_orders", "update"),
            _policy("kv-staging/data/orders", "read", "sudo"),
            (
                "vault:jwt/authBackendRole:AuthBackendRole",
                {
                    "backend": "jwt-staging",
                    "roleName": "staging_shop_orders",
                    "roleType": "jwt",
                    "userClaim": "sub",
                    "boundAudiences": ["vault"],
                    "tokenPolicies": ["staging_shop_orders"],
                },
                {},
            ),
        ],
    },
}
