"""Each file in bad/ is wrong in its own way; the text file beside it holds the complete message.

A file stands in for one file of a small good world: `child-*` for a child, `parent-*` for the parent, `stack-*` for the
environment's file, `objects-*` for the objects of a `manifests` child. Write the messages anew with AOA_UPDATE_GOLDEN=1
and read the difference. `# schema: cannot say` in the first line marks what a JSON Schema cannot express.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest

from app_of_apps.environment.load import load_environment
from app_of_apps.errors import InvalidInput
from app_of_apps.manifest.load import load_manifest
from app_of_apps.manifest.source import parse

BAD = Path(__file__).parent / "bad"
ROOT = Path(__file__).parents[3]
CASES = sorted(path.stem for path in BAD.glob("*.yaml"))
CANARIES = re.compile(
    r"hunter2|4f9d2c81|AKIAABC|correct-horse|9f8e7d6c|CAESIJ|aHVudGVy|MIIB|c2lnbmF0|v1:abc|v1:def|1234567890"
)

GOOD = {
    "parent.yaml": """\
apiVersion: app-of-apps/v1
kind: Parent
name: shop
teams:
  orders: {contact: "#orders"}
config:
  market: {CURRENCY: EUR}
templates:
  web: {probes: {readiness: {http: {path: /readyz, port: http}}}}
children:
  - apps/api.yaml
  - apps/follower.yaml
  - apps/nightly.yaml
  - apps/settings.yaml
  - apps/ring-a.yaml
  - apps/ring-b.yaml
  - apps/case.yaml
""",
    "apps/api.yaml": "{name: api, type: service, team: orders, image: x/api, ports: [{port: 80}]}\n",
    "apps/follower.yaml": "{name: follower, type: migration, team: orders, image: x/api, versionFrom: api}\n",
    "apps/nightly.yaml": '{name: nightly, type: cronjob, team: orders, image: x/n, schedule: "@daily"}\n',
    "apps/settings.yaml": "{name: settings, type: manifests, team: orders, files: [../objects/settings.yaml]}\n",
    "apps/ring-a.yaml": "{name: ring-a, type: worker, team: orders, image: x/a, dependsOn: [ring-b]}\n",
    "apps/ring-b.yaml": "{name: ring-b, type: worker, team: orders, image: x/b}\n",
    "apps/case.yaml": "{name: case, type: worker, team: orders, image: x/c, dependsOn: [api]}\n",
    "objects/settings.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}\n",
    "charts/good/Chart.yaml": "{apiVersion: v2, name: good, version: 1.0.0, appVersion: 1.10, created: 2024-01-01}\n",
    "charts/inexact/Chart.yaml": "apiVersion: v2\nname: inexact\nversion: 1.10\ndependencies: [{name: common}]\n",
    "empty-folder/README": "no objects here\n",
    "Pulumi.staging.yaml": """\
config:
  app-of-apps:environment:
    name: staging
    cluster: {context: staging}
    vault: {mounts: {kv: kv, jwt: jwt}}
""",
}
PLACES = {
    "child": "apps/case.yaml",
    "parent": "parent.yaml",
    "stack": "Pulumi.staging.yaml",
    "objects": "objects/case.yaml",
}


@pytest.fixture(name="world")
def good_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in GOOD.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "apps/link.yaml").symlink_to("/etc/hostname")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AOA_ENVIRONMENT_OVERLAY_DIR", raising=False)
    return tmp_path


def test_the_world_around_the_cases_is_good(world: Path):
    assert list(load_manifest(Path("parent.yaml")).children)[-1] == "case"
    assert load_environment("staging", world).settings.name == "staging"


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_explained(case: str, world: Path):
    kind = case.partition("-")[0]
    (world / PLACES[kind]).write_bytes((BAD / f"{case}.yaml").read_bytes())
    if kind == "objects":
        child = "{name: case, type: manifests, team: orders, files: [../objects/case.yaml]}\n"
        (world / PLACES["child"]).write_text(child, encoding="utf-8")
    if case == "child-cycle":
        (world / "apps/ring-b.yaml").write_text(
            GOOD["apps/ring-b.yaml"].replace("}", ", dependsOn: [case]}"), encoding="utf-8"
        )
    with pytest.raises(InvalidInput) as caught:
        load_environment("staging", Path()) if kind == "stack" else load_manifest(Path("parent.yaml"))
    message = f"{caught.value}\n"
    assert caught.value.exit_code == 2
    golden = BAD / f"{case}.txt"
    if os.environ.get("AOA_UPDATE_GOLDEN"):
        golden.write_text(message, encoding="utf-8")
    assert message == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("golden", sorted(path.name for path in BAD.glob("*.txt")))
def test_a_message_holds_no_secret_and_no_jargon(golden: str):
    text = (BAD / golden).read_text(encoding="utf-8")
    assert f"{golden.removesuffix('.txt')}" in CASES
    assert not CANARIES.search(text)
    assert not re.search(
        r"[Ii]nput should|valid tuple|valid dict|constrained|discriminator|validation error|NoneType|\(\?", text
    )


@pytest.mark.parametrize("case", [name for name in CASES if not name.startswith("objects")])
def test_the_json_schema_agrees(case: str):
    content = (BAD / f"{case}.yaml").read_bytes()
    if content.startswith(b"# schema: cannot say"):
        return
    try:
        parsed = parse(content.decode(), case)
    except UnicodeDecodeError:
        return
    if parsed.problems:
        return
    name = {"child": "child", "parent": "parent", "stack": "stack"}[case.partition("-")[0]]
    schema = json.loads((ROOT / f"schema/{name}.schema.json").read_text(encoding="utf-8"))
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(parsed.documents[0].data))
