"""Kubernetes' quantities as numbers: ``250m``, ``128Mi``, ``1.5``, ``1e3``."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

UNITS: Final = {
    "": Decimal(1),
    "n": Decimal("0.000000001"),
    "u": Decimal("0.000001"),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY: Final = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?)([a-zA-Z]{0,2})")


def amount(quantity: str) -> Decimal:
    """Return the number that a quantity stands for. Raises ValueError for what is no quantity."""
    found = _QUANTITY.fullmatch(quantity)
    if found is None or found[2] not in UNITS:
        msg = "is no Kubernetes quantity"
        raise ValueError(msg)
    return Decimal(found[1]) * UNITS[found[2]]
