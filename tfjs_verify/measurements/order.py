"""Outputs that are sets in any order, and how two answers are laid side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfjs_verify.tensors import Array


@dataclass(frozen=True)
class Unordered:
    """The outputs that one `top_k(sorted=False)` makes: along the last axis, in any order.

    It is one order for all of them: the third of the values is at the third of the indices.
    """

    values: tuple[str, ...] = ()
    indices: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All outputs of the group."""
        return (*self.values, *self.indices)


def in_order_of(
    expected: Mapping[str, Array], actual: Mapping[str, Array], groups: Iterable[Unordered]
) -> dict[str, Array]:
    """`actual`, the outputs of each group rearranged to the order of `expected`.

    Rows that have the same indices are matched by these, for values that are almost the same may
    change places; other rows by value, from the least to the largest. What cannot be compared
    stays as it is.
    """
    ordered = dict(actual)
    for group in groups:
        values, indices = (
            [name for name in names if _comparable(expected.get(name), actual.get(name))]
            for names in (group.values, group.indices)
        )
        if not (values or indices):
            continue
        by_value = _places(expected, actual, [*values, *indices])
        by_index = _places(expected, actual, [*indices, *values])
        same = np.ones((*by_index.shape[:-1], 1), bool)
        for name in indices:
            found = np.take_along_axis(actual[name], by_index, axis=-1)
            same &= (found == expected[name]).all(axis=-1, keepdims=True)
        places = np.where(same, by_index, by_value)
        for name in (*values, *indices):
            ordered[name] = np.take_along_axis(actual[name], places, axis=-1)
    return ordered


def _places(
    expected: Mapping[str, Array], actual: Mapping[str, Array], names: Sequence[str]
) -> Array:
    """Where in `actual` is what `expected` has, if both are sorted by these outputs, first to last.

    NumPy's lexsort sorts by the last of its keys first.
    """
    theirs, ours = (
        np.lexsort([side[name] for name in reversed(names)], axis=-1) for side in (expected, actual)
    )
    places: Array = np.take_along_axis(ours, np.argsort(theirs, axis=-1), axis=-1)
    return places


def _comparable(expected: Array | None, actual: Array | None) -> bool:
    return (
        expected is not None
        and actual is not None
        and expected.ndim > 0
        and expected.shape == actual.shape
    )
