"""Whether the cases moved the model: parity of an output that never changes proves nothing."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfjs_verify.tensors import Array, TensorSpec, dtype_name

POWERLESS_BELOW = 1e-3
"""A float output whose elements all move less than this, relative to its size, has no power."""


@dataclass(frozen=True)
class OutputPower:
    """How far the cases moved one output.

    `spread` is the widest range of any element over all rows of all cases, divided by the largest
    absolute value of the output; for other dtypes than float and complex, 1 where any element
    changed and else 0. `moved` is the share of elements that changed at all.
    """

    name: str
    rows: int
    spread: float
    moved: float
    powerless: bool
    reason: str = ""
    """Why the output is powerless, as a sentence for the report."""


class PowerMeter:
    """Watches the reference's outputs, case by case; keeps two tensors per shape, not the cases."""

    def __init__(self, outputs: Sequence[TensorSpec]) -> None:
        self._outputs = {spec.name: _Extent(spec) for spec in outputs}

    def add(self, outputs: Mapping[str, Array]) -> None:
        """Takes in the outputs of one case."""
        for name, array in outputs.items():
            if name in self._outputs:
                self._outputs[name].add(array)

    def result(self) -> tuple[OutputPower, ...]:
        """The power of every output, in the order of the signature."""
        return tuple(extent.power() for extent in self._outputs.values())


class _Extent:
    def __init__(self, spec: TensorSpec) -> None:
        self._spec = spec
        # Only a leading open dimension holds independent rows.
        self._batched = spec.shape is None or (len(spec.shape) > 0 and spec.shape[0] is None)
        self._ranges: dict[tuple[int, ...], tuple[Array, Array]] = {}
        self._rows = 0
        self._scale = 0.0
        self._finite = False

    def add(self, array: Array) -> None:
        values = _numbers(array)
        rows = values if self._batched and values.ndim else values[None]
        if not rows.size:
            return
        self._rows += len(rows)
        good = np.isfinite(rows)
        if not good.any():
            return
        self._finite = True
        self._scale = max(self._scale, float(np.abs(rows[good]).max()))
        low = np.where(good, rows, np.inf).min(axis=0)
        high = np.where(good, rows, -np.inf).max(axis=0)
        before = self._ranges.get(low.shape)
        if before is not None:
            low, high = np.minimum(low, before[0]), np.maximum(high, before[1])
        self._ranges[low.shape] = low, high

    def power(self) -> OutputPower:
        ranges = [np.maximum(high - low, 0) for low, high in self._ranges.values()]
        elements = sum(each.size for each in ranges)
        moved = sum(int(np.count_nonzero(each)) for each in ranges) / max(elements, 1)
        widest = max((float(each.max(initial=0)) for each in ranges), default=0.0)
        exact = not ("float" in self._spec.dtype or "complex" in self._spec.dtype)
        spread = float(widest > 0) if exact else widest / self._scale if self._scale else 0.0
        reason = self._reason(spread, exact)
        return OutputPower(self._spec.name, self._rows, spread, moved, bool(reason), reason)

    def _reason(self, spread: float, exact: bool) -> str:
        if self._rows < 2:
            return "It was seen once only, so that nothing shows whether it depends on the input."
        if not self._finite:
            return "It was never finite."
        if spread == 0:
            return "It was the same for every case, to the last bit."
        if not exact and spread < POWERLESS_BELOW:
            return f"It moved by {spread:.1e} of its size only."
        return ""


def _numbers(array: Array) -> Array:
    """The array as float64; strings by a number that tells them apart."""
    if dtype_name(array) == "string":
        marks = [float(zlib.crc32(bytes(item))) for item in array.reshape(-1).tolist()]
        return np.array(marks, dtype=np.float64).reshape(array.shape)
    if array.dtype.kind == "c":
        return np.asarray(np.stack([array.real, array.imag], axis=-1), dtype=np.float64)
    return np.asarray(array, dtype=np.float64)
