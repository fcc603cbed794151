"""The parts of an output whose numbers are of other sizes than the rest: a price and a probability.

Noise is relative to the largest number of what it is measured on. Where columns of one output are
of quite different sizes, the rounding of the large ones says nothing of the small ones, and would
excuse everything that they get wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from tfjs_verify.tensors import Array

Columns: TypeAlias = "tuple[int, ...]"
"""Positions along the last axis."""

_GAP = 7.0
"""Octaves between two sizes that make them two: numbers of one kind are rarely further apart."""
_MOST = 256
"""Columns beyond which the last axis is one of many things alike, such as classes."""


def find_parts(answers: Sequence[Array]) -> tuple[Columns, ...]:
    """The columns of each size, the largest first; empty where one size is all there is.

    `answers` are those of one output to several cases. Columns that are always zero belong to the
    largest.
    """
    if not answers or any(each.ndim < 2 or each.dtype.kind not in "fc" for each in answers):
        return ()
    counts = {each.shape[-1] for each in answers}
    if len(counts) != 1 or not 2 <= max(counts) <= _MOST:
        return ()
    sizes = np.max([_sizes(each) for each in answers], axis=0)
    octaves = np.log2(np.where(sizes > 0, sizes, sizes.max(initial=0.0) or 1.0))
    order = np.argsort(-octaves, kind="stable")
    borders = np.flatnonzero(-np.diff(octaves[order]) > _GAP) + 1
    if not borders.size:
        return ()
    return tuple(tuple(sorted(part.tolist())) for part in np.split(order, borders))


def _sizes(answer: Array) -> Array:
    """Per column the largest finite magnitude."""
    rows = np.abs(answer.reshape(-1, answer.shape[-1])).astype(np.float64)
    sizes: Array = np.max(np.where(np.isfinite(rows), rows, 0.0), axis=0, initial=0.0)
    return sizes
