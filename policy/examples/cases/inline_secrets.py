"""No secret value passes through the program. The values here are made up and open nothing."""

from __future__ import annotations

import json

from cases.parts import deployment, pod, thing

MADE_UP = "aoa4example7value2of9nothing"

CASES = {
    "secret-object": {
        "pass": [
            thing(
                "secrets.hashicorp.com/v1beta1",
                "VaultStaticSecret",
                spec={
                    "vaultAuthRef": "app",
                    "mount": "kv-staging",
                    "path": "orders/database",
                    "type": "kv-v2",
                    "destination": {"name": "database", "create": True},
                },
            )
        ],
        "fail": [
            thing("v1", "Secret", stringData={"dsn": MADE_UP}),
            thing("v1", "Secret", data={"dsn": "bm90aGluZw=="}),
        ],
    },
    "secret-literal": {
        "pass": [
            deployment(
                pod(
                    {
                        "env": [
                            {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "database", "key": "dsn"}}},
                            {"name": "DEMO_TOKEN", "value": MADE_UP},
                        ]
                    }
                )
            )
        ],
        "fail": [
            deployment(pod({"env": [{"name": "DB_PASSWORD", "value": MADE_UP}]})),
            deployment(pod({"args": ["--dsn=postgres://orders:" + MADE_UP + "@db/orders"]})),
            thing("v1", "ConfigMap", data={"API_TOKEN": MADE_UP}),
            (
                "vault:generic/endpoint:Endpoint",
                {
                    "path": "identity/group/name/staging_shop_group_one",
                    "dataJson": json.dumps({"type": "external", "password": MADE_UP}),
                },
                {},
            ),
        ],
    },
    "secret-in-state": {
        "pass": [deployment()],
        "fail": [("vault:kv/secretV2:SecretV2", {"mount": "kv-staging", "name": "orders", "dataJson": "{}"}, {})],
    },
}
