"""Recipes turned into tensors: NumPy only, vectorised, and the same bytes every time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tfjs_verify.cases.case import ValueClass, is_float, is_integer, numpy_dtype
from tfjs_verify.cases.domain import Domain
from tfjs_verify.cases.fields import KINDS, Shape, field
from tfjs_verify.cases.patterns import parse_pattern, sample_strings
from tfjs_verify.cases.recipe import POSITIONS, ArrayRecipe
from tfjs_verify.errors import CaseError
from tfjs_verify.tensors import Array

_POOL = 18
_SMALLEST_WIDE = 1.2e-38
_SMALLEST_HALF = 6.2e-5
_SAFE = 1e-25
"""Evenly drawn values of a range that reaches this far are zero or normal numbers."""

_GOLDEN = (math.sqrt(5) - 1) / 2
_SCATTERED = frozenset({"tied", "corners", "checkerboard", "spikes", "patched"})


def expand(
    recipe: ArrayRecipe, domain: Domain, dtype: str, shape: Shape, *, longest: int = 1
) -> Array:
    """The tensor that a recipe describes, inside the domain (but for what `special` plants).

    `longest` is the size that a "lengths" domain measures.
    """
    match domain.kind:
        case "float" | "normal" if dtype.startswith("complex"):
            real = _numbers(recipe, domain, "float32", shape)
            twin = ArrayRecipe(**{**vars(recipe), "seed": recipe.seed ^ 1, "spots": ()})
            return np.asarray(real + 1j * _numbers(twin, domain, "float32", shape), dtype)
        case "float" | "normal" | "int":
            return _numbers(recipe, domain, dtype, shape)
        case "bool":
            return np.asarray(_levels(recipe, domain, shape) >= 0.5)
        case "string":
            return _strings(recipe, domain, shape)
        case "values":
            return _choices(recipe, domain, dtype, shape)
        case "lengths":
            last = max(1, longest)
            picked = 1 + np.floor(_levels(recipe, domain, shape).astype(np.float64) * last)
            return np.asarray(np.minimum(picked, last), numpy_dtype(dtype))
        case "one_hot" | "probabilities" | "mask":
            return _rows(recipe, domain, shape).astype(numpy_dtype(dtype))


def anchor(domain: Domain) -> float:
    """The value of a numeric domain that is nearest to zero."""
    low, high = domain.interval
    return float(min(max(0.0, low), high))


def _fraction(level: int, domain: Domain) -> float:
    """Where a level lies in the domain, 0 the low end and 1 the high one."""
    low, high = domain.interval
    span = high - low
    if level == 1:
        return 1.0
    if level == 2 or not span:
        return 0.0
    if level == 0:
        return (anchor(domain) - low) / span
    if level == 3:
        return (min(max(1.0, low), high) - low) / span
    return (level * _GOLDEN) % 1.0


def _value(level: int, domain: Domain) -> float:
    low, high = domain.interval
    exact = {0: anchor(domain), 1: high, 2: low, 3: min(max(1.0, low), high)}
    value = exact.get(level, low + _fraction(level, domain) * (high - low))
    return math.floor(value) if domain.integral and level > 3 else value


def _constant(recipe: ArrayRecipe, domain: Domain) -> float:
    if recipe.level <= 3 or recipe.band == "whole":
        return _value(recipe.level, domain)
    low, high = domain.interval
    start, stop = _band(recipe, domain)
    fraction = start + (stop - start) * _fraction(recipe.level, domain)
    value = low + fraction * (high - low)
    return math.floor(value) if domain.integral else value


def _positions(recipe: ArrayRecipe, size: int) -> list[int]:
    return [position * size // POSITIONS for position, _ in recipe.spots]


def _band(recipe: ArrayRecipe, domain: Domain) -> tuple[float, float]:
    zero = _fraction(0, domain)
    match recipe.band:
        case "above zero":
            return (zero + 0.1 * (1 - zero), 1.0) if zero < 1 else (0.5, 1.0)
        case "below zero":
            return (0.0, 0.9 * zero) if zero > 0 else (0.0, 0.5)
        case "near zero":
            return max(0.0, zero - 0.03), min(1.0, zero + 0.03)
        case "high end":
            return 0.92, 1.0
        case "low end":
            return 0.0, 0.08
        case _:
            return 0.0, 1.0


def _levels(recipe: ArrayRecipe, domain: Domain, shape: Shape) -> Array:
    """A field from 0 to 1 over the domain, its spots set."""
    if recipe.kind == "constant":
        levels = np.full(shape, _fraction(recipe.level, domain), dtype=np.float32)
    else:
        levels = field(recipe.kind, shape, recipe.seed, recipe.detail)
        if KINDS[recipe.kind].anchored:
            np.abs(levels, out=levels)
    flat = levels.reshape(-1)
    for position, (_, level) in zip(_positions(recipe, flat.size), recipe.spots, strict=True):
        flat[position] = _fraction(level, domain)
    return levels


def _numbers(recipe: ArrayRecipe, domain: Domain, dtype: str, shape: Shape) -> Array:
    low, high = domain.interval
    # float32 is wide enough to hold the field of every dtype but integers beyond 2^24 and doubles.
    exact = "float64" if domain.integral or dtype in {"float64"} else "float32"
    if recipe.kind == "constant":
        values = np.full(shape, _constant(recipe, domain), dtype=exact)
    else:
        values = field(recipe.kind, shape, recipe.seed, recipe.detail).astype(exact, copy=False)
        start, stop = _band(recipe, domain)
        if KINDS[recipe.kind].anchored:
            values = _anchored(values, recipe, domain)
        elif domain.integral:
            first = math.floor(low + start * (high - low))
            last = math.ceil(low + stop * (high - low))
            values *= last - first + 1
            values += first
        else:
            values *= np.asarray((stop - start) * (high - low), dtype=exact)
            values += np.asarray(low + start * (high - low), dtype=exact)
        if domain.integral:
            np.floor(values, out=values)
    flat = values.reshape(-1)
    for position, (_, level) in zip(_positions(recipe, flat.size), recipe.spots, strict=True):
        flat[position] = _value(level, domain)
    if domain.integral:
        np.clip(values, low, high, out=values)
    if recipe.scale != 1.0:
        values *= np.asarray(recipe.scale, dtype=exact)
    result = values.astype(numpy_dtype(dtype), copy=False)
    if is_float(dtype):
        _tidy(result, recipe, domain)
    return result if recipe.special == "finite" else _special(result, recipe, dtype)


def _anchored(values: Array, recipe: ArrayRecipe, domain: Domain) -> Array:
    low, high = domain.interval
    zero = anchor(domain)
    above, below = high - zero, zero - low
    if recipe.band == "above zero" or not below:
        np.abs(values, out=values)
    elif recipe.band == "below zero" or not above:
        np.negative(np.abs(values, out=values), out=values)
    if recipe.band == "near zero":
        values *= values.dtype.type(0.03)
    if above and below and above != below:
        values = np.where(values > 0, values * above, values * below).astype(values.dtype)
    else:
        values *= values.dtype.type(above or below)
    values += values.dtype.type(zero)
    return values


def _tidy(values: Array, recipe: ArrayRecipe, domain: Domain) -> None:
    """Drops what only special cases may hold (subnormals, -0.0) and what rounding put outside."""
    low, high = (end * recipe.scale for end in domain.interval)
    wide = values.dtype.itemsize >= 4
    anchored = recipe.kind in KINDS and KINDS[recipe.kind].anchored
    if anchored or not wide or max(-low, high) < _SAFE:
        tiny = _SMALLEST_WIDE if wide or values.dtype.name == "bfloat16" else _SMALLEST_HALF
        np.copyto(values, 0, where=np.abs(values) < tiny)
    kind = values.dtype.type
    bottom, top = kind(low), kind(high)
    # The ends themselves may have been rounded outward.
    bottom = np.nextafter(bottom, kind(np.inf)) if float(bottom) < low else bottom
    top = np.nextafter(top, kind(-np.inf)) if float(top) > high else top
    if bottom <= top:
        np.clip(values, bottom, top, out=values)


def _special(values: Array, recipe: ArrayRecipe, dtype: str) -> Array:
    if recipe.special in {"large", "tiny"}:
        largest = float(np.abs(values.astype(np.float64)).max(initial=0.0))
        goal = _extent(recipe.special, dtype)
        return (values.astype(np.float64) * (goal / (largest or 1.0))).astype(values.dtype)
    planted = special_values(recipe.special, dtype)
    flat = values.reshape(-1)
    rng = np.random.Generator(np.random.SFC64(recipe.seed))
    everywhere = recipe.detail % 4 == 3
    count = flat.size if everywhere else max(1, flat.size >> (1 + recipe.detail))
    where = np.arange(flat.size) if everywhere else rng.integers(0, flat.size, count)
    flat[where] = np.asarray(planted, dtype=values.dtype)[rng.integers(0, len(planted), count)]
    return values


def _extent(special: ValueClass, dtype: str) -> float:
    small = dtype == "float16"
    if special == "large":
        return 3e4 if small else 1e30
    return 1e-4 if small else 1e-30


def special_values(special: ValueClass, dtype: str) -> tuple[float, ...]:
    """Values of a class that a dtype can hold; none where it cannot."""
    if is_integer(dtype):
        limits = np.iinfo(numpy_dtype(dtype))
        return (int(limits.max), int(limits.min)) if special == "int_extreme" else ()
    if not is_float(dtype):
        return ()
    subnormal = 1e-7 if dtype == "float16" else 1e-310 if dtype == "float64" else 1e-39
    table: dict[ValueClass, tuple[float, ...]] = {
        "nan": (math.nan,),
        "infinite": (math.inf, -math.inf),
        "signed_zero": (-0.0,),
        "subnormal": (subnormal, -subnormal, subnormal / 8),
        "large": (_extent("large", dtype),),
        "tiny": (_extent("tiny", dtype),),
    }
    return table.get(special, ())


def _index(recipe: ArrayRecipe, domain: Domain, shape: Shape, count: int) -> Array:
    levels = _levels(recipe, domain, shape).astype(np.float64)
    return np.asarray(np.minimum(np.floor(levels * count), count - 1), np.int64)


def _choices(recipe: ArrayRecipe, domain: Domain, dtype: str, shape: Shape) -> Array:
    values: Sequence[object] = domain.values
    if dtype == "string":
        values = [str(value).encode() for value in values]
    table = np.empty(len(values), dtype=numpy_dtype(dtype))
    table[:] = values
    return np.asarray(table[_index(recipe, domain, shape, len(values))])


def _strings(recipe: ArrayRecipe, domain: Domain, shape: Shape) -> Array:
    pool = sample_strings(parse_pattern(domain.pattern), _POOL, recipe.seed)
    table = np.empty(len(pool), dtype=object)
    table[:] = pool
    return np.asarray(table[_index(recipe, domain, shape, len(pool))]).reshape(shape)


def _rows(recipe: ArrayRecipe, domain: Domain, shape: Shape) -> Array:
    """One-hot vectors, distributions or masks along the last axis; a mask keeps one or more."""
    if not shape:
        raise CaseError(f'Domain "{domain}" needs a tensor with an axis to run along.')
    levels = _levels(recipe, domain, shape).astype(np.float64)
    size = shape[-1]
    if domain.kind == "probabilities":
        weights = (levels + 1e-6) ** (1 + recipe.detail)
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
    places = np.arange(size)
    chosen = np.minimum(np.floor(levels[..., :1] * size), size - 1)
    if domain.kind == "one_hot":
        return np.asarray(places == chosen)
    if recipe.kind in _SCATTERED:
        return np.asarray((levels > 0.5) | (places == chosen))
    return np.asarray(places <= chosen)
