"""Sizes for the dimensions that a signature leaves open: small first, coherent where shared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tfjs_verify.cases.domain import Domain, constrain
from tfjs_verify.cases.fields import Shape
from tfjs_verify.tensors import Signature, TensorSpec

_BATCHES = (1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8)
_HEAVY_BATCHES = (1, 1, 1, 1, 2, 2, 3, 4)
_SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 17, 24, 32, 33)
_PLANE_SIZES = (8, 1, 2, 3, 4, 5, 7, 9, 12, 16, 17, 24, 31, 32, 33, 48, 64)
_HEAVY = 50_000
_MOST_ELEMENTS = 2**22
"""Open dimensions do not make a tensor larger than this; fixed ones may."""

BATCH = "batch"


@dataclass(frozen=True)
class Dimension:
    """One open size and every (input, axis) that has it; `sizes` are what may be drawn.

    A size that is listed more often is drawn more often.
    """

    name: str
    members: tuple[tuple[str, int], ...]
    sizes: tuple[int, ...]

    @property
    def smallest(self) -> int:
        """The size that a case shrinks to."""
        return min(self.sizes)


@dataclass(frozen=True)
class DimensionPlan:
    """Every open dimension of a signature."""

    dimensions: tuple[Dimension, ...]

    def shapes(self, signature: Signature, sizes: Mapping[str, int]) -> dict[str, Shape]:
        """The concrete shape of every input; `signature` is of known rank throughout."""
        chosen = {
            member: sizes[dimension.name]
            for dimension in self.dimensions
            for member in dimension.members
        }
        return {
            spec.name: tuple(
                size if size is not None else chosen[spec.name, axis]
                for axis, size in enumerate(spec.shape or ())
            )
            for spec in signature.inputs
        }

    def replaced(self, *dimensions: Dimension) -> DimensionPlan:
        """The plan with the dimensions of the same names replaced."""
        new = {dimension.name: dimension for dimension in dimensions}
        return replace(self, dimensions=tuple(new.get(each.name, each) for each in self.dimensions))


def default_dimensions(signature: Signature, domains: Mapping[str, Domain]) -> DimensionPlan:
    """Inputs share axis 0 as their batch, and every other open axis of equal position.

    A model that takes two sequences of different lengths takes two of equal length as well, most
    often, and one that needs equal lengths takes nothing else: equal is where to begin.
    `infer_dimensions` finds out more by trial.
    """
    constrained = [constrain(spec, domains[spec.name]) for spec in signature.inputs]
    axes = sorted(
        {axis for spec in constrained for axis, size in enumerate(spec.shape or ()) if size is None}
    )
    return DimensionPlan(tuple(_dimension(axis, constrained, domains) for axis in axes))


def _dimension(axis: int, specs: list[TensorSpec], domains: Mapping[str, Domain]) -> Dimension:
    sharing = [
        spec
        for spec in specs
        if spec.shape is not None and axis < len(spec.shape) and spec.shape[axis] is None
    ]
    low, high = 1, _MOST_ELEMENTS
    for spec in sharing:
        limits = domains[spec.name].shape
        limit = limits[axis] if limits is not None else None
        if isinstance(limit, tuple):
            low, high = max(low, limit[0]), min(high, limit[1])
    fixed = max(math.prod(size for size in spec.shape or () if size) for spec in sharing)
    plane = any(len(spec.shape or ()) >= 4 for spec in sharing)
    usual: tuple[int, ...]
    if axis == 0:
        usual = _HEAVY_BATCHES if fixed > _HEAVY else _BATCHES
    else:
        usual = _PLANE_SIZES if plane else _SIZES
    open_axes = max(sum(size is None for size in spec.shape or ()) for spec in sharing)
    most = max(1, int((_MOST_ELEMENTS / fixed) ** (1 / open_axes)))
    sizes = tuple(size for size in usual if low <= size <= high and (size <= most or size == low))
    return Dimension(
        name=BATCH if axis == 0 else f"axis {axis}",
        members=tuple((spec.name, axis) for spec in sharing),
        sizes=sizes or tuple(sorted({low, min(high, max(low, most))})),
    )
