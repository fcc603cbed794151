"""Delta debugging on the tensors of a failing case: fewer rows, more zeros, simpler numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from tfjs_verify.cases.case import fingerprint, is_float, is_integer
from tfjs_verify.cases.dimensions import Dimension
from tfjs_verify.cases.domain import Domain
from tfjs_verify.cases.expansion import anchor, expand
from tfjs_verify.cases.patterns import parse_pattern, sample_strings
from tfjs_verify.cases.plan import CasePlan
from tfjs_verify.cases.recipe import ArrayRecipe
from tfjs_verify.tensors import Array, TensorSpec

Inputs: TypeAlias = Mapping[str, Array]
Fails: TypeAlias = Callable[[Inputs], bool]

_STRUCTURED = frozenset({"one_hot", "probabilities", "mask", "lengths"})
_SINGLE_ROWS = 16
_MOST_PARTS = 32
"""A case that needs every one of so many parts is not to be read element by element anyway."""

_POLISHED = 12
"""Elements that are few enough to be simplified one by one."""


def weight(inputs: Inputs) -> tuple[int, int]:
    """How hard a case is to read: its elements, then those that are not zero."""
    elements = sum(array.size for array in inputs.values())
    nonzero = sum(int(np.count_nonzero(array)) for array in inputs.values())
    return elements, nonzero


class Reduction:
    """One reduction; `best` is the smallest case so far, also when `fails` raised in between."""

    def __init__(self, plan: CasePlan, fails: Fails) -> None:
        self._plan = plan
        self._fails = fails
        self.best: dict[str, Array] | None = None
        self._tried: set[bytes] = set()

    def run(self, inputs: Inputs) -> None:
        """Reduces until nothing more can be taken away."""
        self.best = dict(inputs)
        for _ in range(2):
            before = fingerprint(self.best)
            self._tried.add(before)
            for dimension in self._plan.dimensions.dimensions:
                self._shorten(dimension)
            for spec in self._plan.signature.inputs:
                self._blank(spec)
            self._thin()
            self._polish()
            if fingerprint(self.best) == before:
                return

    def _try(self, changes: Inputs) -> bool:
        assert self.best is not None
        candidate = self.best | dict(changes)
        mark = fingerprint(candidate)
        if mark in self._tried:
            return False
        self._tried.add(mark)
        if not self._fails(candidate):
            return False
        self.best = candidate
        return True

    def _array(self, name: str) -> Array:
        assert self.best is not None
        return self.best[name]

    # --- sizes -----------------------------------------------------------------------------------

    def _shorten(self, dimension: Dimension) -> None:
        name, axis = dimension.members[0]
        size = self._array(name).shape[axis]
        for smaller in sorted(set(dimension.sizes)):
            if smaller >= size:
                return
            starts = range(size) if smaller == 1 and size <= _SINGLE_ROWS else (0, size - smaller)
            for start in starts:
                if self._try(self._sliced(dimension, range(start, start + smaller))):
                    return

    def _sliced(self, dimension: Dimension, kept: range) -> dict[str, Array]:
        changes = {
            name: np.take(self._array(name), kept, axis=axis) for name, axis in dimension.members
        }
        shapes = {name: changes.get(name, self._array(name)).shape for name in self._plan.domains}
        for name, domain in self._plan.domains.items():
            if domain.kind == "lengths":
                lengths = changes.get(name, self._array(name))
                changes[name] = np.minimum(lengths, self._plan.longest(name, shapes)).astype(
                    lengths.dtype
                )
            elif domain.kind in {"one_hot", "probabilities"} and name in changes:
                # Cutting the last axis would leave vectors that are neither any more.
                axis = dict(dimension.members)[name]
                if axis == changes[name].ndim - 1:
                    changes[name] = self._simplest(self._plan.signature.input(name), shapes[name])
        return changes

    # --- elements --------------------------------------------------------------------------------

    def _simplest(self, spec: TensorSpec, shape: tuple[int, ...]) -> Array:
        domain = self._plan.domains[spec.name]
        return expand(ArrayRecipe(), domain, spec.dtype, shape)

    def _blank(self, spec: TensorSpec) -> None:
        """Tries one input as simple as its domain allows, then as one simple value throughout."""
        shape = self._array(spec.name).shape
        if self._try({spec.name: self._simplest(spec, shape)}):
            return
        domain = self._plan.domains[spec.name]
        if domain.kind in _STRUCTURED or spec.dtype == "string":
            return
        array = self._array(spec.name)
        if np.unique(array).size > 1:
            for value in _simple_values(domain, spec):
                if self._try({spec.name: np.full_like(array, value)}):
                    return

    def _thin(self) -> None:
        """Sets as many elements as possible to the simplest value of their domain."""
        places = self._places()
        parts = 2
        while places.size:
            chunks = np.array_split(places, min(parts, places.size))
            kept = [chunk for chunk in chunks if not self._try(self._blanked(chunk))]
            if len(kept) < len(chunks):
                places = np.concatenate(kept) if kept else places[:0]
            elif parts >= min(places.size, _MOST_PARTS):
                return
            else:
                parts *= 2

    def _places(self) -> Array:
        """What is not yet simple, numbered through all inputs."""
        start = 0
        found: list[Array] = []
        for spec in self._plan.signature.inputs:
            if self._plan.domains[spec.name].kind not in _STRUCTURED:
                found.append(self._remaining(spec) + start)
            start += self._array(spec.name).size
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def _remaining(self, spec: TensorSpec) -> Array:
        array = self._array(spec.name).reshape(-1)
        simplest = _zero(self._plan.domains[spec.name], spec)
        if array.dtype == object:
            return np.flatnonzero([item != simplest for item in array.tolist()])
        different = array != simplest
        if is_float(spec.dtype):
            different = different | (np.signbit(array) & (array == 0))
        return np.flatnonzero(different)

    def _blanked(self, places: Array) -> dict[str, Array]:
        changes: dict[str, Array] = {}
        start = 0
        for spec in self._plan.signature.inputs:
            array = self._array(spec.name)
            first, last = np.searchsorted(places, (start, start + array.size))
            if first < last:
                changed = array.copy()
                changed.reshape(-1)[places[first:last] - start] = _zero(
                    self._plan.domains[spec.name], spec
                )
                changes[spec.name] = changed
            start += array.size
        return changes

    def _polish(self) -> None:
        """Replaces the few elements that are left by numbers that are easier to read."""
        for spec in self._plan.signature.inputs:
            domain = self._plan.domains[spec.name]
            remaining = self._remaining(spec)
            if domain.kind in _STRUCTURED or len(remaining) > _POLISHED:
                continue
            # Equal elements change together first: a tie must survive.
            for value in dict.fromkeys(self._array(spec.name).reshape(-1)[remaining].tolist()):
                where = [p for p in remaining if self._array(spec.name).reshape(-1)[p] == value]
                for places in (where, *([p] for p in where[1:])):
                    self._simplify(spec, domain, places)

    def _simplify(self, spec: TensorSpec, domain: Domain, places: Sequence[int]) -> None:
        if not len(places):
            return
        value = self._array(spec.name).reshape(-1)[places[0]]
        for simpler in _simpler(value, domain, spec):
            array = self._array(spec.name).copy()
            array.reshape(-1)[list(places)] = simpler
            if self._try({spec.name: array}):
                return


def _zero(domain: Domain, spec: TensorSpec) -> Any:
    if domain.kind == "string":
        return sample_strings(parse_pattern(domain.pattern), 1, 0)[0]
    if domain.kind == "values":
        first = domain.values[0]
        if isinstance(first, str):
            return first.encode()
        return min((float(value) for value in domain.values), key=abs)
    return anchor(domain) if domain.kind != "bool" else False


def _simple_values(domain: Domain, spec: TensorSpec) -> Iterator[float]:
    if domain.kind == "values":
        yield from (float(value) for value in domain.values if not isinstance(value, str))
        return
    if domain.kind == "bool":
        yield 1.0
        return
    low, high = domain.interval
    for value in map(float, (1, -1, 2, 0.5, -0.5, 10, high, low)):
        if low <= value <= high and (not is_integer(spec.dtype) or value.is_integer()):
            yield value


def _simpler(value: Any, domain: Domain, spec: TensorSpec) -> Iterator[Any]:
    """Replacements for an element, simplest first, each simpler than the element itself."""
    if isinstance(value, bytes):
        if domain.kind == "string":
            lengths = {len(text) for text in sample_strings(parse_pattern(domain.pattern), 2, 0)}
            yield from (value[:size] for size in range(min(lengths), len(value)))
        return
    if spec.dtype.startswith("complex") or not np.isfinite(value):
        return
    simple = list(_simple_values(domain, spec))
    if float(value) in simple:
        simple = simple[: simple.index(float(value))]
    yield from simple
    if domain.kind == "values" or float(value) in (1.0, -1.0):
        return
    if is_integer(spec.dtype):
        number = int(value)
        while abs(number) > 1:
            number = int(number / 2)
            if domain.low <= number <= domain.high:
                yield number
    elif is_float(spec.dtype):
        low, high = domain.interval
        for digits in range(4):
            rounded = round(float(value), digits)
            if rounded != float(value) and low <= rounded <= high:
                yield rounded
