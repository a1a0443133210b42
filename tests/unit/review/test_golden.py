"""Pull requests in the forms for terminals and machines; ``AOA_UPDATE_GOLDEN=1`` writes the golden files anew.

The forms for people, Markdown and HTML, are in docs/demonstrations and are held true by test_demonstrations.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from app_of_apps.review.document import plain_text
from app_of_apps.review.sarif import sarif
from app_of_apps.review.shape import shape
from tests.unit.review.lab import GOLDEN, pull, seen, steady

if TYPE_CHECKING:
    from collections.abc import Callable

    from app_of_apps.review.model import Foreseen

FORMS: dict[str, Callable[[Foreseen], str]] = {
    "txt": lambda found: plain_text(found) + "\n",
    "json": lambda found: json.dumps(shape(found)["preview"], indent=2, ensure_ascii=False) + "\n",
    "sarif": lambda found: json.dumps(sarif([found]), indent=2, ensure_ascii=False) + "\n",
}
CASES = [("version-bump", form) for form in ("txt", "json", "sarif")]
CASES += [("widened-access", "sarif"), ("broken-migration", "sarif"), ("broken-migration", "txt")]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_a_preview_is_written_as_before(name, form):
    file = GOLDEN / f"{name}.{form}"
    written = steady(FORMS[form](seen(name)), pull(name))
    if os.environ.get("AOA_UPDATE_GOLDEN"):
        file.write_text(written)
    assert written == file.read_text()
