"""Would a user of the model notice? How many decisions made from its scores change.

A decision is the class with the highest score, the set of the five highest, or which side of a
threshold a score is on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tfjs_verify.tensors import Array

Scores = Literal["classes", "probability", "logit"]
"""How an output is read: along its last axis, against 0.5, or against 0."""

_CONFIDENCE = 0.95
_TOP = (1, 5)


@dataclass(frozen=True)
class Decisions:
    """One kind of decision made from one output, over all rows of all cases.

    `smallest_margin` is the least that the reference was sure by among the decisions that changed,
    in units of the score. `upper_bound` is the share of changed decisions that these rows leave
    possible, at 95 % confidence (Clopper and Pearson, one-sided).
    """

    output: str
    kind: str
    rows: int
    changed: int
    smallest_margin: float | None

    @property
    def upper_bound(changed: int, rows: int, *, confidence: float = _CONFIDENCE) -> float:
    """The largest rate at which `changed` of `rows` or fewer is not yet implausible, 0 to 1."""
    from scipy.special import betaincinv

    if changed >= rows:
        return 1.0
    return float(betaincinv(changed + 1, rows - changed, confidence))


def _decide(
    scores: Scores, expected: Array, actual: Array
) -> Iterator[tuple[str, Array, Array]]:
    """Per kind of decision, for every row: whether it changed, and how sure the reference was."""
    if scores == "classes":
        rows = expected.reshape(-1, expected.shape[-1])
        others = actual.reshape(rows.shape)
        finite = np.isfinite(rows).all(axis=1) & np.isfinite(others).all(axis=1)
        for top in _TOP:
            if rows.shape[1] > top and finite.any():
                yield f"top-{top}", *_top(rows[finite], others[finite], top)
        return
    threshold = 0.5 if scores == "probability" else 0.0
    flat, other = expected.reshape(-1), actual.reshape(-1)
    finite = np.isfinite(flat) & np.isfinite(other)
    margin = np.abs(flat[finite].astype(np.float64) - threshold)
    changed = (flat[finite] >= threshold) != (other[finite] >= threshold)
    yield f"threshold {threshold:g}", changed, margin


def _top(rows: Array, others: Array, top: int) -> tuple[Array, Array]:
    """Ties go to the lowest index on both sides, as argmax does."""
    order = np.argsort(-rows, axis=1, kind="stable")
    other = np.argsort(-others, axis=1, kind="stable")
    changed = (np.sort(order[:, :top], axis=1) != np.sort(other[:, :top], axis=1)).any(axis=1)
    ranked = np.take_along_axis(rows.astype(np.float64), order, axis=1)
    return changed, ranked[:, top - 1] - ranked[:, top]
