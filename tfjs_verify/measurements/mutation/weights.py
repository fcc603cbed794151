"""Faults in weights: the values, their order, their layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import Random

import numpy as np

from tfjs_verify.artifact.contents import Contents
from tfjs_verify.measurements.mutation.faults import Fault, Operator
from tfjs_verify.measurements.mutation.uses import Uses
from tfjs_verify.tensors import Array

_BIAS_POSITIONS = {
    "BiasAdd": (1,),
    "_FusedConv2D": (2,),
    "FusedDepthwiseConv2dNative": (2,),
    "_FusedMatMul": (2,),
    "AddV2": (0, 1),
    "Add": (0, 1),
}
_KERNEL_POSITIONS = {
    "MatMul": (0, 1),
    "_FusedMatMul": (1,),
    "BatchMatMul": (1,),
    "BatchMatMulV2": (0, 1),
    "Conv2D": (1,),
    "_FusedConv2D": (1,),
    "DepthwiseConv2dNative": (1,),
    "FusedDepthwiseConv2dNative": (1,),
    "Conv2DBackpropInput": (1,),
    "Conv3D": (1,),
    "Einsum": (0, 1),
}
_ELEMENTS = 1000
"""Elements that an operator changes at most, one a mutation: endless enough for any sample."""


def change_elements(change: Callable[[float], float]) -> Operator:
    """An operator that changes one number; every weight is as likely as any other."""

    def operate(contents: Contents, random: Random) -> Iterator[Fault]:
        uses = Uses(contents)
        names = [name for name, values in contents.weights.items() if _numbers(values).size]
        seen = set()
        for _ in range(_ELEMENTS if names else 0):
            name = random.choice(names)
            position = int(random.choice(_numbers(contents.weights[name])))
            if (name, position) not in seen:
                seen.add((name, position))
                yield _change_one(contents, uses, name, position, change)

    return operate


def change_element(
    contents: Contents, name: str, position: int, change: Callable[[float], float]
) -> Fault:
    """One number of one weight, changed; `position` counts its elements in order."""
    return _change_one(contents, Uses(contents), name, position, change)


def _change_one(
    contents: Contents, uses: Uses, name: str, position: int, change: Callable[[float], float]
) -> Fault:
    values = contents.weights[name]
    before = values.reshape(-1)[position]
    changed = values.copy()
    changed.reshape(-1)[position] = change(float(before))
    after = changed.reshape(-1)[position]
    where = [int(each) for each in np.unravel_index(position, values.shape)]
    index = str(where) if where else ""
    return Fault(
        f"{_called(uses, name)}{index}: {before:.6g} → {after:.6g}",
        partial(Contents.with_weight, name=name, values=changed),
    )


def swap_channels(contents: Contents, random: Random) -> Iterator[Fault]:
    """Two slices along one of the last two axes, exchanged."""
    uses = Uses(contents)
    sites = [
        (name, axis)
        for name, values in contents.weights.items()
        if _is_real(values)
        for axis in range(-1, max(-3, -values.ndim - 1), -1)
        if values.shape[axis] > 1
    ]
    random.shuffle(sites)
    for name, axis in sites:
        values = contents.weights[name]
        one, other = random.sample(range(values.shape[axis]), 2)
        order = list(range(values.shape[axis]))
        order[one], order[other] = other, one
        swapped = np.take(values, order, axis)
        if not _same(values, swapped):
            what = f"{_called(uses, name)}: channels {one} and {other} of axis {axis} exchanged"
            yield _set(what, name, swapped)


def drop_bias(contents: Contents, random: Random) -> Iterator[Fault]:
    """A whole bias set to zero."""
    uses = Uses(contents)
    names = [
        name
        for name, values in contents.weights.items()
        if _is_real(values)
        and values.ndim <= 1
        and np.any(values)
        and _is(uses, name, _BIAS_POSITIONS, "bias")
    ]
    random.shuffle(names)
    for name in names:
        values = contents.weights[name]
        yield _set(f"{_called(uses, name)}: all zeros", name, np.zeros_like(values))


def transpose_kernel(contents: Contents, random: Random) -> Iterator[Fault]:
    """A kernel whose numbers lie in the order of two exchanged axes, under its old shape."""
    uses = Uses(contents)
    sites = [
        (name, axes)
        for name, values in contents.weights.items()
        if _is_real(values) and values.ndim >= 2 and _is(uses, name, _KERNEL_POSITIONS, "kernel")
        for axes in ((-2, -1), (0, 1))[: 1 if values.ndim == 2 else 2]
    ]
    random.shuffle(sites)
    for name, axes in sites:
        values = contents.weights[name]
        transposed = np.ascontiguousarray(np.swapaxes(values, *axes)).reshape(values.shape)
        if not _same(values, transposed):
            what = f"{_called(uses, name)}: stored with axes {axes[0]} and {axes[1]} exchanged"
            yield _set(what, name, transposed)


def _set(what: str, name: str, values: Array) -> Fault:
    return Fault(what, partial(Contents.with_weight, name=name, values=values))


def _is(uses: Uses, name: str, positions: Mapping[str, tuple[int, ...]], called: str) -> bool:
    """Whether an op takes a weight as this; in a layers model, whether the weight is called so."""
    found = uses.of(name)
    if not found:
        return name.endswith(called)
    return any(use.position in positions.get(use.op, ()) for use in found)


def _called(uses: Uses, name: str) -> str:
    found = uses.of(name)
    if not found:
        return f'weight "{name}"'
    return f'weight "{name}" of "{found[0].node["name"]}" ({found[0].op})'


def _is_real(values: Array) -> bool:
    return values.dtype.kind == "f"


def _numbers(values: Array) -> Array:
    """The positions of the finite numbers other than zero."""
    if not _is_real(values):
        return np.array([], np.int64)
    return np.flatnonzero(np.isfinite(values) & (values != 0))


def _same(one: Array, other: Array) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))
