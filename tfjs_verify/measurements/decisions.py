"""Would a user of the model notice? How many decisions made from its scores change.

A decision is the class with the highest score, the set of the five highest, which side of a
threshold a score is on, a label that the model itself gives, or what a detector finds in an image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tfjs_verify.measurements.detections import Detector, Overlap, compare_detections
from tfjs_verify.measurements.readings import Reading, Scores
from tfjs_verify.tensors import Array

_CONFIDENCE = 0.95
_TOP = (1, 5)


@dataclass(frozen=True)
class Decisions:
    """One kind of decision made from one output, over all rows of all cases.

    `smallest_margin` is the least that the reference was sure by among the decisions that changed,
    in units of the score; a label does not tell. `upper_bound` is the share of changed decisions
    that these rows leave possible, at 95 % confidence (Clopper and Pearson, one-sided).
    """

    output: str
    kind: str
    rows: int
    changed: int
    smallest_margin: float | None
    overlap: Overlap | None = None
    """Of a detector: how well the boxes coincide; its rows are images."""

    @property
    def upper_bound(self) -> float:
        """The largest rate of change that is still plausible, 0 to 1."""
        return upper_bound(self.changed, self.rows)

    def __str__(self) -> str:
        words = f"{self.kind} of {self.output}: {self.changed} of {self.rows} changed"
        margin = self.smallest_margin
        sure = "" if margin is None else f", the closest decided by {margin:.2g}"
        boxes = "" if self.overlap is None else f"; {self.overlap}"
        return f"{words}{sure} (at most {100 * self.upper_bound:.2g} %){boxes}"


class DecisionMeter:
    """Counts the decisions that one candidate changes, case by case."""

    def __init__(self, scores: Mapping[str, Scores]) -> None:
        self._scores = scores
        self._found: dict[tuple[str, str], Decisions] = {}

    def add(self, expected: Mapping[str, Array], actual: Mapping[str, Array]) -> None:
        """Take in one case; outputs that cannot be compared are left out."""
        for name, scores in self._scores.items():
            if isinstance(scores, Detector):
                self._detect(name, scores, expected, actual)
            elif name in actual and actual[name].shape == expected[name].shape:
                for kind, changed, margin in _decide(scores, expected[name], actual[name]):
                    self._count(name, kind, changed, margin)

    def result(self) -> tuple[Decisions, ...]:
        """What was counted, in the order in which it was first seen."""
        return tuple(self._found.values())

    def _detect(
        self,
        name: str,
        detector: Detector,
        expected: Mapping[str, Array],
        actual: Mapping[str, Array],
    ) -> None:
        for changed, found, overlaps in compare_detections(detector, expected, actual):
            margin = np.inf if found.margin is None else found.margin
            self._count(name, detector.kind, np.array([changed]), np.array([margin]))
            counted = self._found[name, detector.kind]
            overlap = (counted.overlap or Overlap()).with_image(len(found.boxes), overlaps)
            self._found[name, detector.kind] = replace(counted, overlap=overlap)

    def _count(self, name: str, kind: str, changed: Array, margin: Array) -> None:
        before = self._found.get((name, kind), Decisions(name, kind, 0, 0, None))
        margins = [] if before.smallest_margin is None else [before.smallest_margin]
        margins += margin[changed & np.isfinite(margin)].tolist()
        self._found[name, kind] = replace(
            before,
            rows=before.rows + changed.size,
            changed=before.changed + int(changed.sum()),
            smallest_margin=min(margins, default=None),
        )


def upper_bound(changed: int, rows: int, *, confidence: float = _CONFIDENCE) -> float:
    """The largest rate at which `changed` of `rows` or fewer is not yet implausible, 0 to 1."""
    from scipy.special import betaincinv

    if changed >= rows:
        return 1.0
    return float(betaincinv(changed + 1, rows - changed, confidence))


def _decide(reading: Reading, expected: Array, actual: Array) -> Iterator[tuple[str, Array, Array]]:
    """Per kind of decision, for every row: whether it changed, and how sure the reference was."""
    if reading.kind == "classes":
        rows = expected.reshape(-1, expected.shape[-1])
        others = actual.reshape(rows.shape)
        finite = np.isfinite(rows).all(axis=1) & np.isfinite(others).all(axis=1)
        for top in _TOP:
            if rows.shape[1] > top and finite.any():
                yield f"top-{top}", *_top(rows[finite], others[finite], top)
        return
    if reading.kind == "label":
        nan = (expected != expected) & (actual != actual)
        changed = ((expected != actual) & ~nan).reshape(-1)
        yield "label", changed, np.full(changed.shape, np.inf)
        return
    threshold = reading.line
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
