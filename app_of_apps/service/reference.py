"""The settings in docs/operating.md, as their models have them: ``python -m app_of_apps.service.reference``.

``--write`` puts the table between its marks, ``--check`` fails when what is there differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.service.settings import Login, Settings, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = Path(__file__).parents[2] / "docs" / "operating.md"
_BEGIN: Final = "<!-- settings -->"
_END: Final = "<!-- /settings -->"
_PARTS: Final = (("", Settings), ("login.", Login), ("webhooks[].", Webhook))


def settings_table() -> str:
    """Return every setting, its default and its meaning."""
    return "\n".join(["| setting | default | meaning |", "| --- | --- | --- |", *_rows()]) + "\n"


def _rows() -> Iterator[str]:
    for before, model in _PARTS:
        schema = model.model_json_schema()
        for name, about in schema["properties"].items():
            default = "has to be said" if name in schema.get("required", ()) else _default(about.get("default"))
            meaning = " ".join(f"{about.get('description', '')}{_limits(about)}".split()).replace("|", "\\|")
            yield f"| `{before}{name}` | {default} | {meaning} |"


def _default(value: object) -> str:
    if value is None or value == []:
        return "–"
    if isinstance(value, list):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{value}`" if value else f"`{json.dumps(value)}`"


def _limits(about: dict[str, Any]) -> str:
    words = []
    for kind, choices in (("One", about.get("enum")), ("Any", (about.get("items") or {}).get("enum"))):
        if choices:
            words.append(f" {kind} of {', '.join(f'`{one}`' for one in choices)}.")
    low, high = about.get("minimum"), about.get("maximum")
    if high is not None:
        words.append(f" {low:g} to {high:g}.")
    elif low:
        words.append(f" At least {low:g}.")
    return "".join(words)


def page() -> str:
    """Return the page with its table as it should be."""
    before, begin, rest = PAGE.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{begin}\n\n{settings_table()}\n{end or _END}{after}"


def main() -> int:
    """Write the table, or compare it with what is there."""
    parser = argparse.ArgumentParser(prog="python -m app_of_apps.service.reference", description=__doc__)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", action="store_true", help="write the table into docs/operating.md")
    group.add_argument("--check", action="store_true", help="exit with 1 when it is not what would be written")
    arguments = parser.parse_args()
    if arguments.write:
        PAGE.write_text(page())
        return 0
    if PAGE.read_text() == page():
        return 0
    sys.stderr.write("docs/operating.md is out of date; run: python -m app_of_apps.service.reference --write\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
