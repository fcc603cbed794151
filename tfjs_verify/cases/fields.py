"""Dense fields of numbers: what a recipe's kind looks like before a domain gives it a scale.

A *level* field runs from 0 to 1 and is stretched over the domain from end to end. An *anchored*
field runs from -1 to 1 around the domain's value nearest to zero. All are float32, vectorised, and
a function of their arguments alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tfjs_verify.tensors import Array

Shape: TypeAlias = tuple[int, ...]
Builder: TypeAlias = Callable[[Shape, np.random.Generator, int], Array]

DETAILS = 8
"""How many variants of a kind there are; what one changes is the kind's own affair."""

_DECADES = 6.0
_WAVES = 3


@dataclass(frozen=True)
class Kind:
    """One way to fill a tensor."""

    name: str
    build: Builder
    random: bool = True
    """Whether the seed matters."""
    detailed: bool = False
    """Whether the detail matters."""
    anchored: bool = False
    """Whether the field runs from -1 to 1 around zero."""
    continuous: bool = False
    """Whether nearly all elements differ from one another."""


def _uniform(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    return rng.random(shape, dtype=np.float32)


def _normal(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    field = rng.standard_normal(shape, dtype=np.float32)
    field *= np.float32(0.125)
    field += np.float32(0.5)
    return np.clip(field, 0, 1, out=field)


def _ramp(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    size = math.prod(shape)
    if detail and shape:
        axis = (detail - 1) % len(shape)
        line = np.linspace(0, 1, shape[axis], dtype=np.float32)
        along = line.reshape([-1 if each == axis else 1 for each in range(len(shape))])
        return np.broadcast_to(along, shape)
    return np.linspace(0, 1, size, dtype=np.float32).reshape(shape)


def _smooth(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    # A product of waves along the axes is an outer product of the leading and the trailing axes,
    # and a sum of those is one matrix product: several times faster than to broadcast, for images.
    split = max(0, len(shape) - 2)
    rows, columns = [], []
    for _ in range(_WAVES):
        # Non-integer frequencies, so that no symmetry makes values repeat.
        waves = [
            np.cos(
                2 * math.pi * rng.uniform(0.2, 1.0 + detail) * np.arange(size) / max(size, 2)
                + 2 * math.pi * rng.random()
            ).astype(np.float32)
            for size in shape
        ]
        rows.append(_outer(waves[:split]))
        columns.append(_outer(waves[split:]))
    field = (np.stack(rows, axis=1) @ np.stack(columns)).reshape(shape)
    field *= np.float32(0.5 / _WAVES)
    field += np.float32(0.5)
    np.clip(field, 0, 1, out=field)
    return np.asarray(field)


def _outer(waves: Sequence[Array]) -> Array:
    product: Array = np.ones(1, dtype=np.float32)
    for wave in waves:
        product = np.multiply.outer(product, wave).reshape(-1)
    return product


def _sorted(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    # One uniform value out of each of `size` equal intervals is sorted without sorting.
    size = math.prod(shape)
    field = rng.random(size)
    field += np.arange(size)
    field *= 1 / max(size, 1)
    return (field[::-1] if detail % 2 else field).reshape(shape).astype(np.float32)


def _repeated(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    if not shape:
        return rng.random(shape, dtype=np.float32)
    axis = detail % len(shape)
    row = rng.random([1 if each == axis else size for each, size in enumerate(shape)], np.float32)
    return np.broadcast_to(row, shape)


def _tied(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    top = 1 + detail
    return rng.integers(0, top + 1, shape, dtype=np.uint8).astype(np.float32) / np.float32(top)


def _checkerboard(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    period = 1 + detail // 2
    signs = [1 - 2 * (np.arange(size) // period % 2).astype(np.float32) for size in shape]
    split = max(0, len(shape) - 2)
    field = np.multiply.outer(_outer(signs[:split]), _outer(signs[split:])).reshape(shape)
    field *= np.float32(0.5 if detail % 2 else -0.5)
    field += np.float32(0.5)
    return np.asarray(field)


def _corners(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    return rng.integers(0, 2, shape, dtype=np.uint8).astype(np.float32)


def _patched(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    field = rng.random(shape, dtype=np.float32)
    block = []
    for size in shape:
        start = int(rng.integers(0, size))
        # Half of the axes are covered whole, so that rows, columns and channels come up.
        whole = bool(rng.integers(0, 2))
        block.append(slice(None) if whole else slice(start, start + 1 + int(rng.integers(size))))
    field[tuple(block)] = rng.random(dtype=np.float32)
    return field


def _one_hot(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    field = np.zeros(shape, dtype=np.float32)
    if not shape:
        field[...] = 1
        return field
    rows = field.reshape(-1, shape[-1])
    rows[np.arange(len(rows)), rng.integers(0, shape[-1], len(rows))] = -1 if detail % 4 == 3 else 1
    return field


def _spikes(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    field = np.zeros(shape, dtype=np.float32)
    flat = field.reshape(-1)
    count = max(1, flat.size >> (3 + detail))
    flat[rng.integers(0, flat.size, count)] = rng.uniform(-1, 1, count)
    return field


def _decades(shape: Shape, rng: np.random.Generator, detail: int) -> Array:
    size = rng.random(shape, dtype=np.float32)
    size *= np.float32(-_DECADES * math.log(10))
    np.exp(size, out=size)
    if detail % 4:
        size *= rng.integers(0, 2, shape, dtype=np.int8) * np.int8(2) - np.int8(1)
    return size


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("ramp", _ramp, random=False, detailed=True),
        Kind("checkerboard", _checkerboard, random=False, detailed=True),
        Kind("one_hot", _one_hot, detailed=True, anchored=True),
        Kind("spikes", _spikes, detailed=True, anchored=True),
        Kind("repeated", _repeated, detailed=True),
        Kind("tied", _tied, detailed=True),
        Kind("corners", _corners),
        Kind("patched", _patched),
        Kind("sorted", _sorted, detailed=True, continuous=True),
        Kind("smooth", _smooth, detailed=True, continuous=True),
        Kind("decades", _decades, detailed=True, anchored=True, continuous=True),
        Kind("normal", _normal, continuous=True),
        Kind("uniform", _uniform, continuous=True),
    )
}
"""Every kind but "constant" (a level and nothing else) and "sample" (the user's own data)."""


def field(kind: str, shape: Shape, seed: int, detail: int) -> Array:
    """The float32 field of that kind, size and seed, contiguous and free to be written to."""
    built = KINDS[kind].build(shape, np.random.Generator(np.random.SFC64(seed)), detail)
    if built.flags.c_contiguous and built.flags.writeable:
        return built
    return np.array(built, order="C")
