"""Keeps predictions between a preview and the update that follows it, in the project's own folder or in a file.

In ``.aoa/predictions`` of the project (AOA_STATE_DIR where that is set) there is one file per environment and release,
the last preview's. An update uses it once.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

from app_of_apps.deploy.prediction import PREDICTION_FORMAT, Prediction, prediction_of
from app_of_apps.environment.refusals import refusals_file
from app_of_apps.environment.replace_file import replace_file
from app_of_apps.errors import InvalidInput, Position, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from app_of_apps.release.model import Release

_MOST_FILES: Final = 50
"""Predictions of one environment that are kept; previews that nothing was made of pile up."""
_LARGEST: Final = 32 * 2**20
_IGNORED: Final = "*\n"


def keep(prediction: Prediction, project: Path, environ: Mapping[str, str]) -> None:
    """Keep a prediction in the place of an earlier one of the same release; raises OSError where that cannot be."""
    file = _file(prediction.parent, prediction.environment, prediction.release, project, environ)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = file.parent / ".gitignore"
    if not ignore.exists():  # an untracked file would shut a gate that wants everything committed
        ignore.write_text(_IGNORED)
    replace_file(file, json.dumps(prediction.shape(), ensure_ascii=False, sort_keys=True) + "\n")
    others = sorted(file.parent.glob(f"{prediction.parent}.{prediction.environment}.*.json"), key=_age)
    for old in others[:-_MOST_FILES]:
        old.unlink(missing_ok=True)


def find(release: Release, project: Path, environ: Mapping[str, str]) -> Prediction | None:
    """Return the prediction that was kept for a release; None where there is none, or where it is broken."""
    file = _file(release.parent, release.environment, release.digest, project, environ)
    try:
        found = prediction_of(_read(file))
    except (OSError, ValueError, RecursionError):
        return None
    return found if fits(found, release) else None


def forget(prediction: Prediction, project: Path, environ: Mapping[str, str]) -> None:
    """Remove a prediction that was used."""
    with contextlib.suppress(OSError):
        file = _file(prediction.parent, prediction.environment, prediction.release, project, environ)
        file.unlink(missing_ok=True)


def fits(prediction: Prediction, release: Release) -> bool:
    """Whether a prediction is about this release of this environment."""
    return (prediction.parent, prediction.environment, prediction.release) == (
        release.parent,
        release.environment,
        release.digest,
    )


def from_file(file: Path, release: Release) -> Prediction | None:
    """Return the prediction for a release from what a preview wrote: its JSON, of one environment or of several.

    None when the file tells of other releases alone. Raises InvalidInput when it cannot be read or tells of none.
    """
    try:
        found = [prediction_of(one) for one in _predictions(_read(file))]
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
        raise _unusable(file, f"no prediction can be read from it: {why}") from error
    if not found:
        raise _unusable(file, "there is no prediction in it: its preview did not get through, or an older aoa wrote it")
    return next((one for one in found if fits(one, release)), None)


def _unusable(file: Path, message: str) -> InvalidInput:
    hint = "Give what `aoa preview ENV --format json` printed, or --full FILE.json wrote."
    return InvalidInput([Problem(Position(str(file)), "", message, hint)])


def _predictions(shape: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    if not isinstance(shape, dict):
        msg = "it is no object"
        raise ValueError(msg)  # noqa: TRY004 - bad data, not a bad call
    if shape.get("format") == PREDICTION_FORMAT:
        yield shape
    reports = shape.get("environments")
    for report in reports if isinstance(reports, list) else [shape]:
        preview = report.get("preview") if isinstance(report, dict) else None
        if isinstance(preview, dict) and preview.get("prediction") is not None:
            yield preview["prediction"]


def _read(file: Path) -> Any:  # noqa: ANN401 - JSON
    with file.open("rb") as stream:
        content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        msg = f"it has more than {_LARGEST} bytes"
        raise ValueError(msg)
    return json.loads(content)


def _file(parent: str, environment: str, release: str, project: Path, environ: Mapping[str, str]) -> Path:
    folder = refusals_file(project, environ).with_name("predictions")
    return folder / f"{parent}.{environment}.{release.rpartition(':')[2]}.json"


def _age(file: Path) -> tuple[float, str]:
    try:
        return file.stat().st_mtime, file.name
    except OSError:
        return 0.0, file.name
