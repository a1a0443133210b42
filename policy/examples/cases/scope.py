"""One stack stays in one environment."""

from __future__ import annotations

from cases.parts import deployment, thing

PROVIDER = "pulumi:providers:kubernetes"
CONFIG_MAP = {"data": {"COLOUR": "blue"}}

CASES = {
    "environment-cluster": {
        "pass": [(PROVIDER, {"context": "staging"}, {})],
        "fail": [(PROVIDER, {"context": "prod"}, {}), (PROVIDER, {}, {})],
    },
    "environment-namespace": {
        "pass": [
            thing("v1", "ConfigMap", "shop-orders", **CONFIG_MAP),
            thing("v1", "ConfigMap", "shared", **CONFIG_MAP),
        ],
        "fail": [
            thing("v1", "ConfigMap", "bank-orders", **CONFIG_MAP),
            thing("v1", "ConfigMap", "kube-system", **CONFIG_MAP),
            thing("v1", "ConfigMap", None, **CONFIG_MAP),
        ],
    },
    "environment-mark": {
        "pass": [deployment()],
        "fail": [thing("v1", "ConfigMap", metadata={"annotations": {"app-of-apps/environment": "prod"}}, **CONFIG_MAP)],
    },
    "environment-vault": {
        "pass": [
            (
                "vault:jwt/authBackendRole:AuthBackendRole",
                {
                    "backend": "jwt-staging",
                    "roleName": "staging_shop_orders",
                    "roleType": "jwt",
                    "userClaim": "sub",
                    "boundSubject": "system:serviceaccount:shop-orders:orders",
                    "boundAudiences": ["vault"],
                    "tokenPolicies": ["staging_shop_orders"],
                },
                {},
            )
        ],
        "fail": [
            (
                "vault:index/policy:Policy",
                {"name": "prod_shop_orders", "policy": 'path "kv-prod/data/orders" {\n  capabilities = ["read"]\n}\n'},
                {},
            ),
            (
                "vault:jwt/authBackendRole:AuthBackendRole",
                {
                    "backend": "jwt-prod",
                    "roleName": "staging_shop_orders",
                    "roleType": "jwt",
                    "userClaim": "sub",
                    "boundSubject": "system:serviceaccount:shop-orders:orders",
                    "boundAudiences": ["vault"],
                    "tokenPolicies": ["staging_shop_orders"],
                },
                {},
            ),
        ],
    },
    "provider-options": {
        "pass": [(PROVIDER, {"context": "staging", "enableConfigMapMutable": "true"}, {})],
        "fail": [
            (PROVIDER, {"context": "staging", "skipUpdateUnreachable": "true"}, {}),
            (PROVIDER, {"context": "staging", "deleteUnreachable": "true"}, {}),
        ],
    },
    "visible-objects": {
        "pass": [deployment()],
        "fail": [("kubernetes:helm.sh/v3:Release", {"chart": "./chart", "name": "app", "namespace": "shop-app"}, {})],
    },
}
