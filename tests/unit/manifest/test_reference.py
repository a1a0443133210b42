"""The manifest reference is generated, current, and speaks of every field."""

from __future__ import annotations

import re

from app_of_apps.environment.settings import Environment
from app_of_apps.manifest.load import CHILD_MODELS
from app_of_apps.manifest.parent import Parent
from app_of_apps.manifest.reference import PAGE, page


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m app_of_apps.manifest.reference --write`"


def test_every_field_is_in_it():
    text = page()
    for model in (Parent, Environment, *CHILD_MODELS.values()):
        for field in model.model_fields.values():
            assert f"| `{field.alias}` |" in text


def test_every_link_has_its_heading():
    text = page()
    headings = {
        re.sub(r"&\w+;|[^\w -]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert len(links) > 20
    assert links <= headings
