"""Whether a quantised artifact holds the weights of its model: each, give or take half a step.

Its own graph cannot tell: a replay of faulty files has the same fault, and what quantisation moves
is as large as many faults. A conversion of the same model that is not quantised can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfjs_verify.artifact.contents import Contents
from tfjs_verify.artifact.weights import quantized_entries
from tfjs_verify.tensors import Array

_SAME = 1e-5
"""Relative to the largest number of a weight: two conversions fold constants to this."""
_HALF = 0.51
"""Of a step, with what is lost in computing it."""
_FLOAT16 = np.finfo(np.float16)


@dataclass(frozen=True)
class Unfaithful:
    """A weight that is not what quantising the model's own gives, by its worst element."""

    name: str
    index: tuple[int, ...]
    expected: float
    actual: float
    allowed: float

    @property
    def share(self) -> float:
        """Its error as a multiple of what is allowed."""
        error = abs(self.actual - self.expected)
        return float(error / self.allowed) if self.allowed and np.isfinite(error) else np.inf

    def __str__(self) -> str:
        return (
            f'the weight "{self.name}"{list(self.index)} is {self.actual:.6g}, and the model has '
            f"{self.expected:.6g} there: more than the {self.allowed:.2g} that quantisation may "
            "move it by. The artifact is damaged, or another model's"
        )


def comparable(whole: Contents, quantized: Contents) -> bool:
    """Whether both have the same nodes, or layers, and weights of the same names and shapes."""
    return _skeleton(whole) == _skeleton(quantized)


def unfaithful_weights(whole: Contents, quantized: Contents) -> tuple[Unfaithful, ...]:
    """The weights of `quantized` that are not those of `whole` in fewer bits, the worst first.

    Both have to be comparable.
    """
    steps = quantized_entries(quantized.document)
    found = []
    for name, expected in whole.weights.items():
        actual = quantized.weights[name]
        if expected.dtype.kind == "f" and actual.dtype.kind == "f":
            wide = expected.astype(np.float64), actual.astype(np.float64)
            found += _unfaithful(name, *wide, steps.get(name))
    return tuple(sorted(found, key=lambda each: each.share, reverse=True))


def _unfaithful(
    name: str, expected: Array, actual: Array, how: Mapping[str, Any] | None
) -> list[Unfaithful]:
    magnitude = np.abs(expected)
    half = how is not None and how["dtype"] == "float16"
    allowed = np.full(expected.shape, _SAME * float(magnitude.max(initial=0.0)))
    if half:  # half a step of its own at every element
        allowed += np.maximum(magnitude * 2.0**-11, float(_FLOAT16.smallest_subnormal) / 2)
    elif how is not None:
        allowed += _HALF * float(how["scale"])
    same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    if half:
        same |= np.isinf(actual) & (magnitude > float(_FLOAT16.max))
    with np.errstate(invalid="ignore"):
        excess = np.where(same, -np.inf, np.abs(actual - expected) - allowed)
    excess = np.where(np.isnan(excess), np.inf, excess)
    if not excess.size or excess.max() <= 0:
        return []
    index = np.unravel_index(int(np.argmax(excess)), excess.shape)
    at = tuple(int(i) for i in index)
    return [Unfaithful(name, at, float(expected[at]), float(actual[at]), float(allowed[at]))]


def _skeleton(contents: Contents) -> tuple[frozenset[str], frozenset[tuple[str, Any]]]:
    nodes = frozenset(node["name"] for _, node in contents.nodes())
    shapes = frozenset((name, values.shape) for name, values in contents.weights.items())
    return nodes, shapes
