"""Would a user of a detector notice? Its boxes are matched by how much they overlap.

A box of the reference and one of the candidate are partners if they have the same class and overlap
by at least half of their union; the closest find each other first. An image in which a box has no
partner has other detections. Pure NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tfjs_verify.tensors import Array

PARTNERS = 0.5
"""The part of their union that two boxes of one object have in common at least."""
THRESHOLD = 0.5
"""The score of a detection, where the model itself does not draw the line."""

_RIM = 1e-6
"""Boxes are widened by this part of the image, so that those without an area can overlap too."""


@dataclass(frozen=True)
class Detector:
    """Which outputs of a model are its detections, by name.

    Boxes are [..., N, 4]: two opposite corners, as [ymin, xmin, ymax, xmax]; or, `centred`, centre
    and size. x before y is as good. Scores and classes are [..., N]; the count, [...], says how
    many of the N are no padding. What scores `threshold` or more is a detection.
    """

    boxes: str
    scores: str | None = None
    classes: str | None = None
    count: str | None = None
    threshold: float = THRESHOLD
    centred: bool = False

    @property
    def kind(self) -> str:
        """What is decided, in words."""
        return "detections" if self.scores is None else f"detections over {self.threshold:g}"


@dataclass(frozen=True)
class Detections:
    """What was found in one image: corners [n, 4], and a class for each."""

    boxes: Array
    classes: Array
    margin: float | None
    """The least that the detector was sure by: of all boxes, the score closest to the threshold."""

    @property
    def finite(self) -> bool:
        """Whether every box is one."""
        return bool(np.isfinite(self.boxes).all())


@dataclass(frozen=True)
class Overlap:
    """How well the detections of many images coincide."""

    boxes: int = 0
    """Detections of the reference."""
    matched: int = 0
    total: float = 0.0
    least: float | None = None
    """The worst overlap of two partners, as intersection over union."""

    @property
    def mean(self) -> float | None:
        """The usual overlap of two partners; None where there are none."""
        return self.total / self.matched if self.matched else None

    def with_image(self, boxes: int, overlaps: Array) -> Overlap:
        """This and what one more image showed."""
        least = [*overlaps.tolist(), *([] if self.least is None else [self.least])]
        return Overlap(
            self.boxes + boxes,
            self.matched + overlaps.size,
            self.total + float(overlaps.sum()),
            min(least, default=None),
        )

    def __str__(self) -> str:
        words = f"{self.matched} of {self.boxes} boxes found again"
        if self.least is None:
            return words
        return f"{words}, overlapping by {self.mean:.4g} on average, {self.least:.4g} at least"


def compare_detections(
    detector: Detector, expected: Mapping[str, Array], actual: Mapping[str, Array]
) -> Iterator[tuple[bool, Detections, Array]]:
    """Per image: whether the detections changed, the reference's, and the overlaps of partners.

    Images in which the reference itself finds what is no box are left out, and so is a case whose
    outputs cannot be compared.
    """
    reference, candidate = _images(detector, expected), _images(detector, actual)
    if reference is None or candidate is None or len(reference) != len(candidate):
        return
    for before, after in zip(reference, candidate, strict=True):
        if before.finite:
            overlaps = match(before, after)
            changed = not len(before.boxes) == len(after.boxes) == overlaps.size
            yield changed, before, overlaps


def match(reference: Detections, candidate: Detections) -> Array:
    """The overlaps of the boxes that find a partner; the closest pair first, ties in their order.

    A box that is no number has none.
    """
    overlaps = intersection_over_union(reference.boxes, candidate.boxes)
    alike = reference.classes[:, None] == candidate.classes[None, :]
    rows, columns = np.nonzero(alike & (overlaps >= PARTNERS))
    values = overlaps[rows, columns]
    taken: tuple[set[int], set[int]] = (set(), set())
    found = []
    for place in np.argsort(-values, kind="stable"):
        row, column = int(rows[place]), int(columns[place])
        if row not in taken[0] and column not in taken[1]:
            taken[0].add(row)
            taken[1].add(column)
            found.append(values[place])
    return np.asarray(found, np.float64)


def intersection_over_union(one: Array, other: Array) -> Array:
    """For boxes [n, 4] and [m, 4] of corners [low, low, high, high]: float64 [n, m], 0 to 1."""
    corners = np.concatenate([one, other])
    image = float(np.abs(corners[np.isfinite(corners)]).max(initial=0.0))
    rim = _RIM * (image or 1.0) * np.array([-1.0, -1.0, 1.0, 1.0])
    one, other = one + rim, other + rim
    with np.errstate(invalid="ignore", over="ignore"):
        low = np.maximum(one[:, None, :2], other[None, :, :2])
        high = np.minimum(one[:, None, 2:], other[None, :, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=-1)
        areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1) for boxes in (one, other)]
        overlap = shared / (areas[0][:, None] + areas[1][None, :] - shared)
    return np.where(np.isfinite(overlap), overlap, 0.0)


def _images(detector: Detector, outputs: Mapping[str, Array]) -> list[Detections] | None:
    """The detections of every image; None where an output is missing or of another shape."""
    boxes = outputs.get(detector.boxes)
    if boxes is None or boxes.ndim < 2 or boxes.shape[-1] != 4:
        return None
    shape = boxes.shape[:-1]
    scores, classes = (
        np.zeros(shape) if name is None else outputs.get(name)
        for name in (detector.scores, detector.classes)
    )
    images, places = math.prod(shape[:-1]), shape[-1]
    count = np.full(images, places)
    if detector.count is not None:
        count = outputs.get(detector.count, np.zeros(0))
    if scores is None or classes is None or not scores.shape == classes.shape == shape:
        return None
    if count.size != images:
        return None
    rows = zip(
        _corners(boxes.reshape(images, places, 4), centred=detector.centred),
        scores.reshape(images, places).astype(np.float64),
        classes.reshape(images, places),
        np.clip(np.nan_to_num(count.astype(np.float64)), 0, places).reshape(images).astype(int),
        strict=True,
    )
    return [_detections(detector, *row) for row in rows]


def _detections(
    detector: Detector, boxes: Array, scores: Array, classes: Array, count: int
) -> Detections:
    boxes, scores, classes = boxes[:count], scores[:count], classes[:count]
    if detector.scores is None:
        return Detections(boxes, classes, None)
    kept = scores >= detector.threshold
    margins = np.abs(scores - detector.threshold)[np.isfinite(scores)]
    margin = float(margins.min()) if margins.size else None
    return Detections(boxes[kept], classes[kept], margin)


def _corners(boxes: Array, *, centred: bool) -> Array:
    """Boxes as [low, low, high, high], whichever of the opposite corners came first."""
    one, other = boxes[..., :2].astype(np.float64), boxes[..., 2:].astype(np.float64)
    if centred:
        one, other = one - other / 2, one + other / 2
    return np.concatenate([np.minimum(one, other), np.maximum(one, other)], axis=-1)
