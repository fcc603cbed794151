"""Numbers as a person compares them."""

from __future__ import annotations

from typing import Any

import numpy as np


def shown(value: object) -> str:
    """The shortest text that tells this value from its neighbours."""
    if isinstance(value, np.floating):
        return (
            np.format_float_positional(value, precision=9, unique=True)
            if _plain(value)
            else str(value)
        )
    return str(value)


def _plain(value: np.floating[Any]) -> bool:
    return bool(np.isfinite(value) and (value == 0 or 1e-4 <= abs(value) < 1e8))
