"""What the real API server holds a child's namespace to, and a chart that wants more than a child may have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.identity.people import PARENT, Shop
from tests.integration.program.world import World, environment, run

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

pytestmark = pytest.mark.integration

CLUSTER_ADMIN = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "{{ .Release.Name }}-admin"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "{{ .Release.Namespace }}"}],
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "x"},
    "spec": {"containers": [{"name": "x", "image": "x", "securityContext": {"privileged": True}}]},
}
NODE_PORT = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "x"},
    "spec": {"type": "NodePort", "ports": [{"port": 80}]},
}
TEMPLATES = {
    "an object of the chart": CLUSTER_ADMIN,
    "a hook": {
        **CLUSTER_ADMIN,
        "metadata": {**CLUSTER_ADMIN["metadata"], "annotations": {"helm.sh/hook": "pre-install"}},
    },
    "a privileged pod": POD,
    "another namespace": {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "kube-system"},
        "data": {},
    },
}


@pytest.mark.parametrize(
    ("what", "said"), [(POD, 'violates PodSecurity "restricted'), (NODE_PORT, "exceeded quota: quota")]
)
def test_the_api_server_itself_refuses_what_a_child_may_not_have(
    shop: Shop, box: Sandbox, tmp_path: Path, what: dict[str, Any], said: str
) -> None:
    (tmp_path / "object.json").write_text(json.dumps(what))
    command = ["kubectl", "create", "-n", f"{PARENT}-orders", "-f", str(tmp_path / "object.json")]
    done = run(command, cwd=shop.folder, environ=environment(box, "staging"))
    assert done.code != 0
    assert said in done.text


@pytest.mark.parametrize("command", [("preview",), ("up", "--yes", "--skip-preview")])
def test_a_chart_that_escalates_is_refused_before_anything_is_declared(
    box: Sandbox, area: Path, command: tuple[str, ...]
) -> None:
    for number, (name, template) in enumerate(TEMPLATES.items()):
        chart = {"apiVersion": "v2", "name": "tool", "version": "1.0.0"}
        world = World(
            box,
            area / "projects" / f"escalating-{command[0]}-{number}",
            f"esc-{command[0]}-{number}",
            {
                "first": {"type": "worker", "team": "one", "image": "registry.example.com/x"},
                "tool": {"type": "chart", "team": "one", "chart": "../charts/tool", "dependsOn": ["first"]},
            },
            files={"charts/tool/Chart.yaml": chart, "charts/tool/templates/object.yaml": template},
        )
        done = world.pulumi(*command)
        assert done.code != 0, name
        assert f"the chart of tool makes {template['kind']}" in done.text, (name, done.text)
        assert "Traceback" not in done.text
        mine = [one for one in done.requests if one.user == world.audit.admin and one.is_write]
        # The program's own client writes the record of the attempt, and nothing else.
        assert [one for one in mine if not one.agent.startswith("python-httpx/")] == [], name
