"""Variations on the user's own data, which reach what no synthetic field does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfjs_verify.cases.case import Case, is_float, is_integer, numpy_dtype
from tfjs_verify.cases.dimensions import BATCH, DimensionPlan
from tfjs_verify.cases.domain import Domain
from tfjs_verify.cases.fields import Shape
from tfjs_verify.cases.recipe import MUTATIONS, ArrayRecipe
from tfjs_verify.tensors import Array, TensorSpec

_NOISE = (0.5, 0.1, 0.02, 0.004)


def sample_shapes(dimensions: DimensionPlan, sample: Case, batch: int | None) -> dict[str, Shape]:
    """The shapes of a sample's tensors, with the batch that was drawn where it is open."""
    batched = {
        name
        for dimension in dimensions.dimensions
        if dimension.name == BATCH
        for name, _ in dimension.members
    }
    return {
        name: (batch, *array.shape[1:]) if batch and name in batched else array.shape
        for name, array in sample.inputs.items()
    }


def mutate(
    samples: Sequence[Case],
    index: int,
    recipe: ArrayRecipe,
    spec: TensorSpec,
    domain: Domain,
    shape: Shape,
) -> Array:
    """The sample's tensor for one input, changed as the recipe says and kept inside the domain.

    The batch takes the wanted size by repeating or dropping rows. Inputs that are not real
    numbers, and integers where arithmetic could leave the vocabulary, only trade places.
    """
    rng = np.random.Generator(np.random.SFC64(recipe.seed))
    base = _resized(samples[index].inputs[spec.name], shape)
    mutation = MUTATIONS[recipe.detail % len(MUTATIONS)]
    if mutation == "mixed":
        other = _resized(samples[int(rng.integers(len(samples)))].inputs[spec.name], shape)
        alike = other.shape == base.shape
        return _as(spec, np.where(rng.random(shape) < 0.5, base, other) if alike else base)
    if mutation in {"flipped", "rolled"} and shape:
        axis = int(rng.integers(len(shape)))
        moved = (
            np.flip(base, axis)
            if mutation == "flipped"
            else np.roll(base, int(rng.integers(shape[axis])), axis)
        )
        return _as(spec, moved)
    numeric = is_float(spec.dtype) or is_integer(spec.dtype)
    if not numeric or domain.kind not in {"float", "normal", "int"}:
        return _as(spec, base)
    if mutation == "patch erased":
        return _as(spec, _erased(base, rng))
    if not is_float(spec.dtype):
        return _as(spec, base)
    return _as(spec, _rescaled(base.astype(np.float32), mutation, rng, domain))


def _resized(array: Array, shape: Shape) -> Array:
    if array.shape == shape or not shape or not len(array):
        return array
    return np.asarray(array[np.arange(shape[0]) % len(array)])


def _as(spec: TensorSpec, array: Array) -> Array:
    return np.array(array, dtype=numpy_dtype(spec.dtype), order="C")


def _erased(base: Array, rng: np.random.Generator) -> Array:
    result = base.copy()
    starts = [int(rng.integers(size)) for size in base.shape]
    block = tuple(
        slice(start, start + 1 + int(rng.integers(max(1, size // 2))))
        for start, size in zip(starts, base.shape, strict=True)
    )
    result[block] = result[tuple(starts)]
    return result


def _rescaled(base: Array, mutation: str, rng: np.random.Generator, domain: Domain) -> Array:
    low, high = domain.interval
    if mutation == "noise":
        strength = _NOISE[int(rng.integers(len(_NOISE)))] * (high - low)
        base = base + np.float32(strength) * (rng.random(base.shape, dtype=np.float32) - 0.5)
    elif mutation == "scaled":
        base = base * np.float32(rng.uniform(0.1, 1.5))
    elif mutation == "shifted":
        base = base + np.float32(rng.uniform(-0.3, 0.3) * (high - low))
    else:
        return base
    return np.clip(base, np.float32(low), np.float32(high)) + np.float32(0)
