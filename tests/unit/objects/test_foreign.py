from __future__ import annotations

from tests.unit.objects.rendered import found, pod_templates, render


def test_a_chart_gets_its_namespace_and_the_inputs_of_the_provider() -> None:
    objects = render(name="cache", type="chart", values={"image": {"repository": "r"}}, versionValue="image.tag")
    assert objects.kubernetes[0].name == "namespace"
    assert not list(pod_templates(objects))
    assert objects.chart == {
        "chart": "./charts/x",
        "name": "cache",
        "namespace": "shop-cache",
        "values": {"image": {"repository": "r", "tag": "1.0.0"}},
    }


def test_what_others_wrote_is_measured_against_the_restricted_profile_and_not_held_to_it() -> None:
    labels = found(render(name="cache", type="chart"), "namespace").manifest["metadata"]["labels"]
    assert labels.get("pod-security.kubernetes.io/enforce") != "restricted"
    assert labels["pod-security.kubernetes.io/warn"] == "restricted"


def test_documents_get_labels_and_annotations_and_keep_their_own() -> None:
    document = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "db",
            "labels": {"app.kubernetes.io/name": "postgres", "app.kubernetes.io/managed-by": "Helm", "tier": "data"},
            "annotations": {"example.com/a": "b", "app-of-apps/team": "forged"},
        },
        "spec": {"template": {"metadata": {"labels": {"x": "y"}}}},
    }
    objects = render({"documents": {"plain": (document,)}}, name="plain", type="manifests")
    (placed,) = objects.documents
    labels = placed["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "postgres"
    assert labels["app.kubernetes.io/managed-by"] == "app-of-apps"
    assert labels["app.kubernetes.io/part-of"] == "shop"
    assert labels["tier"] == "data"
    assert placed["metadata"]["annotations"]["example.com/a"] == "b"
    assert placed["metadata"]["annotations"]["app-of-apps/team"] == "core"
    assert placed["metadata"]["namespace"] == "shop-plain"
    assert placed["spec"] == document["spec"]
