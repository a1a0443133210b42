"""docs/operating.md leaves out no setting, no variable and no metric, and the chart's Ingress no page."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from app_of_apps.service import api, page, settings, signing_page
from app_of_apps.service.metrics import Metrics
from app_of_apps.service.reference import PAGE
from app_of_apps.service.reference import page as wanted

CHECKOUT = Path(__file__).parents[3]
TEXT = PAGE.read_text()


def test_the_table_of_settings_is_that_of_the_models() -> None:
    assert wanted() == TEXT, "run: python -m app_of_apps.service.reference --write"


@pytest.mark.parametrize("model", [settings.Settings, settings.Login, settings.Webhook], ids=lambda one: one.__name__)
def test_every_setting_says_what_it_means(model: type) -> None:
    for name, field in model.model_fields.items():
        assert field.description, name
        assert re.search(rf"^\| `[a-z\[\].]*{field.alias}` \|", TEXT, re.MULTILINE), name


def test_every_variable_of_the_service_is_told() -> None:
    code = [*CHECKOUT.glob("app_of_apps/service/*.py"), *CHECKOUT.glob("app_of_apps/cli/serve.py")]
    named = {name for file in code for name in re.findall(r'"(AOA_SERVICE_[A-Z_]+[A-Z])"', file.read_text())}
    assert len(named) >= 4
    for name in named:
        assert f"`{name}`" in TEXT, name


def test_every_metric_is_told_and_no_other() -> None:
    nothing = SimpleNamespace(
        counts=dict, files=SimpleNamespace(rights=SimpleNamespace(environments=()), problems=()), status=None
    )
    lines = Metrics(nothing, nothing).text().decode().splitlines()  # type: ignore[arg-type] # stands in for both
    counted = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    counted = {name for name in counted if not name.endswith("_created")}
    told = set(re.findall(r"^\| `(aoa_[a-z_]+)` \|", TEXT, re.MULTILINE))
    assert told == counted


def test_the_charts_ingress_passes_on_every_page_and_nothing_that_asks_for_no_login() -> None:
    ingress = (CHECKOUT / "deploy/chart/templates/ingress.yaml").read_text()
    prefixes = set(re.findall(r'"(/[^"]+)"', re.search(r"range list (.*?) \}\}", ingress)[1]))
    routes = {route.path for router in (api.router, page.router, signing_page.router) for route in router.routes}
    routes |= {"/mcp", "/openapi.json"}
    firsts = {f"/{path.split('/')[1]}" for path in routes if path != "/"}
    assert firsts == prefixes
    rendered = yaml.safe_load_all((CHECKOUT / "deploy/plain/app-of-apps.yaml").read_text())
    (found,) = [one for one in rendered if one and one["kind"] == "Ingress"]
    paths = {(one["path"], one["pathType"]) for one in found["spec"]["rules"][0]["http"]["paths"]}
    assert paths == {(prefix, "Prefix") for prefix in prefixes} | {("/", "Exact")}
