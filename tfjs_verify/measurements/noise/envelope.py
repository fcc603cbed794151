"""How large rounding noise is, by the size of the number that it sits on.

Both are taken relative to the largest number of their tensor. Where an output ends in sums, as
logits do, small numbers carry as much noise as large ones: there the envelope is flat. Where it
ends in exponentials and quotients, as softmax does, noise shrinks with the number: there it
slopes, and a fault that shows in the small probabilities alone is still a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tfjs_verify.tensors import Array

_OCTAVES = 48
"""Octaves below the largest number; the last one holds everything smaller, and zero."""
_POPULATION = 32
"""Elements that an octave must know of, itself or through larger ones, to speak for itself."""


@dataclass(frozen=True)
class Envelope:
    """Per octave of size the largest noise seen and the number of elements that it was seen on."""

    largest: tuple[float, ...] = (0.0,) * _OCTAVES
    counts: tuple[int, ...] = (0,) * _OCTAVES

    @property
    def seen(self) -> bool:
        """Whether there is anything to speak from."""
        return any(self.counts)

    @property
    def peak(self) -> float:
        """The largest noise of all."""
        return max(self.largest)

    def with_samples(self, sizes: Array, noise: Array) -> Envelope:
        """This envelope, widened by elements of these sizes and this noise (both 0 to 1, flat)."""
        octaves = _octaves(sizes)
        largest, counts = np.array(self.largest), np.array(self.counts)
        np.maximum.at(largest, octaves, noise)
        counts += np.bincount(octaves, minlength=_OCTAVES)
        return Envelope(tuple(largest.tolist()), tuple(counts.tolist()))

    def joined(self, other: Envelope) -> Envelope:
        """The envelope of the samples of both."""
        return Envelope(
            tuple(map(max, self.largest, other.largest)),
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
        )

    def at(self, sizes: Array) -> Array:
        """The noise to expect on elements of these sizes; it never shrinks as they grow."""
        noise: Array = self._by_octave[_octaves(sizes)]
        return noise

    @cached_property
    def _by_octave(self) -> Array:
        return np.array(_smooth(self.largest, self.counts))


def _smooth(largest: Sequence[float], counts: Sequence[int]) -> list[float]:
    """Per octave the largest noise among smaller numbers, and larger ones where those are few."""
    smooth = []
    for octave in range(_OCTAVES):
        first = octave
        while first > 0 and sum(counts[first:]) < _POPULATION:
            first -= 1
        smooth.append(max(largest[first:]))
    return smooth


def _octaves(sizes: Array) -> Array:
    smallest = 2.0 ** (1 - _OCTAVES)
    octaves: Array = np.floor(-np.log2(np.clip(sizes, smallest, 1.0))).astype(np.intp)
    return octaves
