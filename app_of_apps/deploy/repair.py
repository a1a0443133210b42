"""What a repair of drift is called, where it is started and in its records."""

from __future__ import annotations

from typing import Final

OPERATION: Final = "AOA_OPERATION"
"""The program's variable that says what an `up` is for; only REPAIR means something, and it decides about nothing."""
REPAIR: Final = "drift-fix"
"""The operation in the records of the run."""
