"""Which weights are quantised, and which would not survive it (worker side)."""

from __future__ import annotations

import fnmatch
import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfjs_verify.conversion.reasons import Reason
from tfjs_verify.tensors import Array

_FLOAT16 = np.finfo(np.float16)
_EXEMPTION = Reason(
    "quantization-exemption",
    "scalars and values that the quantised dtype cannot hold stay float32",
)


@dataclass(frozen=True)
class QuantizationPlan:
    """What the weight writer is told."""

    by_dtype: dict[str, list[str]] | None
    """Globs that match exactly the weights to quantise, per dtype."""
    exempt: dict[str, Any] | None
    """The repair entry for the weights that stay as they are, if there are any."""


def plan_quantization(
    weights: Sequence[tuple[str, Array]], wanted: Mapping[str, Sequence[str]]
) -> QuantizationPlan:
    """Chooses among the float32 weights those that match a glob of `wanted` and can be quantised.

    Exempt are scalars (an epsilon, a mask value: nothing is saved, everything may be lost), values
    that float16 would make infinite or zero, and non-finite values, for which an affine range does
    not exist and `model.json` would be invalid JSON.
    """
    if not wanted:
        return QuantizationPlan(None, None)
    chosen: dict[str, list[str]] = {dtype: [] for dtype in wanted}
    exempt: list[str] = []
    for name, value in weights:
        dtype = next(
            (d for d, globs in wanted.items() if any(fnmatch.fnmatch(name, g) for g in globs)), None
        )
        if dtype is None or value.dtype not in (np.float32, np.float64, np.float16):
            continue
        if survives(value, dtype):
            chosen[dtype].append(glob.escape(name))
        else:
            exempt.append(name)
    repair = None
    if exempt:
        repair = _EXEMPTION.as_json(exempt)
    return QuantizationPlan({d: globs for d, globs in chosen.items() if globs}, repair)


def survives(value: Array, dtype: str) -> bool:
    """Whether a weight may be stored in a quantised dtype; see `plan_quantization` for what not."""
    if value.size <= 1 or not np.all(np.isfinite(value)):
        return False
    if dtype != "float16":
        return True
    magnitude = np.abs(value)
    largest = float(magnitude.max())
    return largest <= float(_FLOAT16.max) and (
        largest == 0.0 or largest >= float(_FLOAT16.smallest_normal)
    )
