"""The policy pack: every rule stands in app_of_apps_policy, and docs/policy.md tells of each."""

import sys
from importlib.util import find_spec
from pathlib import Path

PACK = Path(__file__).resolve().parent
sys.path.insert(0, str(PACK))
# The rules share their tables with the validation. Where the package is not installed it stands beside the pack.
if find_spec("app_of_apps") is None:
    sys.path.append(str(PACK.parent))

from app_of_apps_policy.pack import serve  # noqa: E402 - found by the lines above

serve()
