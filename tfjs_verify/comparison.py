"""Expected, actual, allowance → what differs, where, by how much, in which domain. Pure NumPy.

A value belongs to one class: finite, subnormal, NaN or infinite. Two values of different classes
disagree in the domain of the rarer one (NaN before infinite before finite), however much may
differ, unless chance decides the class; two finite ones disagree where they differ by more than is
allowed. Zeros of two signs, and a subnormal that one side flushed to zero, are told apart and are
no disagreement: no sum that they go into shows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from tfjs_verify.tensors import (
    Array,
    Shape,
    TensorSpec,
    as_bytes,
    dtype_name,
    tfjs_dtype,
    value_classes,
)
from tfjs_verify.tolerance import EXACT, Allowance

Domain = Literal[
    "finite",
    "nan",
    "infinite",
    "subnormal",
    "signed_zero",
    "overflow",
    "order",
    "precision",
    "nondeterministic",
]

_INDEFINITE = np.iinfo(np.int32).min
_SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Mismatch:
    """The worst disagreeing element of one output in one domain."""

    domain: Domain
    index: tuple[int, ...]
    expected: object
    actual: object
    error: float
    allowed: float
    count: int

    @property
    def excess(self) -> float:
        """How far beyond the allowance; infinite where one side is no number."""
        return math.inf if math.isnan(self.error) else self.error - self.allowed


@dataclass(frozen=True)
class Errors:
    """How far two tensors are apart, over the elements that are finite on both sides.

    `max_rel` leaves out the elements that are expected to be zero, `scaled` is max |Δ| ÷ max
    |expected|, `max_ulp` counts float32 steps at the expected value. `required_rtol` is what alone
    would allow all of it: infinite where an element differs that is expected to be zero.
    """

    max_abs: float = 0.0
    max_rel: float = 0.0
    required_rtol: float = 0.0
    max_ulp: float = 0.0
    scaled: float = 0.0
    cosine: float | None = None

    def worst(self, other: Errors) -> Errors:
        """The worse of both in each figure."""
        cosines = [c for c in (self.cosine, other.cosine) if c is not None]
        return Errors(
            max_abs=max(self.max_abs, other.max_abs),
            max_rel=max(self.max_rel, other.max_rel),
            required_rtol=max(self.required_rtol, other.required_rtol),
            max_ulp=max(self.max_ulp, other.max_ulp),
            scaled=max(self.scaled, other.scaled),
            cosine=min(cosines, default=None),
        )


@dataclass(frozen=True)
class OutputComparison:
    """One output of one case, compared.

    `structure` is set where the tensors cannot be compared at all: missing, reshaped, retyped;
    `reshaped` where it is the shape alone.
    """

    name: str
    dtype: str
    shape: Shape
    allowance: Allowance
    structure: str | None = None
    reshaped: bool = False
    errors: Errors = field(default_factory=Errors)
    mismatches: tuple[Mismatch, ...] = ()
    mismatched: int = 0
    undecided: tuple[Mismatch, ...] = ()
    """Values of other classes where rounding alone decides about the class."""
    zeros: tuple[Mismatch, ...] = ()
    """Zeros of another sign, and subnormals that one side alone flushed to zero."""

    @property
    def agrees(self) -> bool:
        """Whether nothing at all differs beyond what is allowed."""
        return self.structure is None and not self.mismatches

    @property
    def worst(self) -> Mismatch | None:
        """The mismatch furthest beyond its allowance."""
        return max(self.mismatches, key=lambda mismatch: mismatch.excess, default=None)


def compare_outputs(
    specs: tuple[TensorSpec, ...],
    expected: Mapping[str, Array],
    actual: Mapping[str, Array],
    allowances: Mapping[str, Allowance],
) -> tuple[OutputComparison, ...]:
    """Compare every output by name; a missing or an extra one disagrees."""
    compared = [
        compare(spec.name, expected[spec.name], actual.get(spec.name), allowances[spec.name])
        for spec in specs
    ]
    known = {spec.name for spec in specs}
    for name in sorted(set(actual) - known):
        extra = actual[name]
        compared.append(
            OutputComparison(
                name,
                dtype_name(extra),
                extra.shape,
                EXACT,
                structure=f"TensorFlow.js has an output {name!r} that the model does not have",
            )
        )
    return tuple(compared)


def compare(
    name: str, expected: Array, actual: Array | None, allowance: Allowance
) -> OutputComparison:
    """Compare one output. `actual` is None where TensorFlow.js did not give it."""
    dtype, shape = dtype_name(expected), expected.shape
    structure = _structure(expected, actual)
    if structure is not None or actual is None:
        reshaped = actual is not None and dtype_name(actual) == tfjs_dtype(dtype)
        return OutputComparison(name, dtype, shape, allowance, structure, reshaped)
    mismatches, undecided, zeros = _mismatches(expected, actual, allowance)
    return OutputComparison(
        name,
        dtype,
        shape,
        allowance,
        errors=_errors(expected, actual),
        mismatches=mismatches,
        mismatched=sum(mismatch.count for mismatch in mismatches),
        undecided=undecided,
        zeros=zeros,
    )


def _structure(expected: Array, actual: Array | None) -> str | None:
    if actual is None:
        return "the artifact does not give this output"
    want = tfjs_dtype(dtype_name(expected))
    got = dtype_name(actual)
    if want != got:
        return f"expected {want} (TensorFlow: {dtype_name(expected)}), got {got}"
    if expected.shape != actual.shape:
        return f"expected shape {list(expected.shape)}, got {list(actual.shape)}"
    return None


def _mismatches(
    expected: Array, actual: Array, allowance: Allowance
) -> tuple[tuple[Mismatch, ...], tuple[Mismatch, ...], tuple[Mismatch, ...]]:
    """What disagrees, what would if rounding alone did not decide, and zeros of another kind."""
    if expected.dtype.kind not in "fc" and dtype_name(expected) != "bfloat16":
        return _exact_mismatches(expected, actual, allowance), (), ()
    wide_expected, wide_actual = _widen(expected), _widen(actual)
    domains = _float_domains(wide_expected, wide_actual)
    allowed = allowance.allowed(wide_expected)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(wide_actual - wide_expected)
    classes = allowance.classes(wide_expected)
    excused = np.zeros(error.shape, bool)
    if classes is not None:
        excused = (classes & value_classes(wide_actual)) != 0
    too_far = error > allowed
    wrong: dict[Domain, Array] = {
        "finite": domains["finite"] & too_far,
        "subnormal": domains["subnormal"] & too_far,
        "infinite": domains["infinite"] & ~excused,
        "nan": domains["nan"] & ~excused,
    }
    undecided: dict[Domain, Array] = {
        "infinite": domains["infinite"] & excused,
        "nan": domains["nan"] & excused,
    }
    zeros: dict[Domain, Array] = {
        "subnormal": domains["subnormal"] & _one_is_zero(wide_expected, wide_actual) & ~too_far,
        "signed_zero": _signs_differ(wide_expected, wide_actual),
    }
    found, open_, told = (
        tuple(
            _worst(domain, mask, expected, actual, error, allowed)
            for domain, mask in masks.items()
            if mask.any()
        )
        for masks in (wrong, undecided, zeros)
    )
    return found, open_, told


def _float_domains(expected: Array, actual: Array) -> dict[Domain, Array]:
    """Per domain the elements that it decides; NaN and infinite only where the sides differ."""
    nan_expected, nan_actual = np.isnan(expected), np.isnan(actual)
    with np.errstate(invalid="ignore"):
        same = expected == actual
    infinite = (np.isinf(expected) | np.isinf(actual)) & ~(nan_expected | nan_actual)
    finite = np.isfinite(expected) & np.isfinite(actual)
    subnormal = finite & _subnormal(expected, actual)
    return {
        "nan": nan_expected ^ nan_actual,
        "infinite": infinite & ~same,
        "finite": finite & ~subnormal,
        "subnormal": subnormal,
    }


def _subnormal(expected: Array, actual: Array) -> Array:
    larger = np.maximum(np.abs(expected), np.abs(actual))
    result: Array = (larger < _SMALLEST_NORMAL) & (larger > 0)
    return result


def _one_is_zero(expected: Array, actual: Array) -> Array:
    result: Array = (expected == 0) ^ (actual == 0)
    return result


def _signs_differ(expected: Array, actual: Array) -> Array:
    """Where both are zero and one of them negative; complex zeros are not told apart."""
    both = (expected == 0) & (actual == 0)
    if expected.dtype.kind == "c" or not both.any():
        return np.zeros_like(both)
    result: Array = both & (np.signbit(expected) ^ np.signbit(actual))
    return result


def _exact_mismatches(expected: Array, actual: Array, allowance: Allowance) -> tuple[Mismatch, ...]:
    """What differs at all, but for what rounding alone decides about."""
    if dtype_name(expected) == "string":
        expected, actual = as_bytes(expected), as_bytes(actual)
    different = np.asarray(expected != actual)
    if not different.any():
        return ()
    error, allowed = different.astype(np.float64), np.zeros(different.shape)
    if dtype_name(expected) != "string":
        error = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
        allowed = allowance.allowed(expected)
        different &= error > allowed
    masks: dict[Domain, Array] = {"finite": different}
    if expected.dtype.kind in "iu":
        outside = _beyond(expected, np.int32) | _beyond(actual, expected.dtype)
        masks = {"overflow": different & outside, "finite": different & ~outside}
    return tuple(
        _worst(domain, mask, expected, actual, error, allowed)
        for domain, mask in masks.items()
        if mask.any()
    )


def _beyond(values: Array, dtype: DTypeLike) -> Array:
    """Where integers are out of the range of `dtype`, or the least of int32.

    That is what processors make of a real number that is too large for an int32, and of NaN.
    """
    info = np.iinfo(dtype)
    result: Array = (values > info.max) | (values < info.min) | (values == _INDEFINITE)
    return result


def _worst(
    domain: Domain, mask: Array, expected: Array, actual: Array, error: Array, allowed: Array
) -> Mismatch:
    beyond = np.subtract(error, allowed, out=np.full(error.shape, np.inf), where=np.isfinite(error))
    excess = np.where(mask, beyond, -np.inf)
    index = np.unravel_index(int(np.argmax(excess)), mask.shape)
    return Mismatch(
        domain=domain,
        index=tuple(int(i) for i in index),
        expected=expected[index],
        actual=actual[index],
        error=float(error[index]),
        allowed=float(allowed[index]),
        count=int(mask.sum()),
    )


def _errors(expected: Array, actual: Array) -> Errors:
    if dtype_name(expected) == "string" or expected.size == 0:
        return Errors()
    wide_expected, wide_actual = _widen(expected).reshape(-1), _widen(actual).reshape(-1)
    finite = np.isfinite(wide_expected) & np.isfinite(wide_actual)
    if not finite.any():
        return Errors()
    e, a = wide_expected[finite], wide_actual[finite]
    difference = np.abs(a - e)
    magnitude = np.abs(e)
    largest = float(magnitude.max())
    worst = float(difference.max())
    nonzero = magnitude > 0
    relative = difference[nonzero] / np.maximum(magnitude[nonzero], _SMALLEST_NORMAL)
    different = difference > 0
    with np.errstate(divide="ignore", over="ignore"):
        required = difference[different] / magnitude[different]
    with np.errstate(over="ignore"):  # there is no float32 after the largest
        steps = np.spacing(np.maximum(magnitude, _SMALLEST_NORMAL).astype(np.float32))
    return Errors(
        max_abs=worst,
        max_rel=float(relative.max(initial=0.0)),
        required_rtol=float(required.max(initial=0.0)),
        max_ulp=float((difference / steps.astype(np.float64)).max()),
        scaled=worst / largest if largest else (0.0 if worst == 0 else float("inf")),
        cosine=_cosine(e, a),
    )


def _cosine(expected: Array, actual: Array) -> float | None:
    norms = float(np.linalg.norm(expected) * np.linalg.norm(actual))
    if not norms or not np.isfinite(norms):
        return None
    return min(1.0, float(np.real(np.vdot(expected, actual))) / norms)


def _widen(array: Array) -> Array:
    wide: Array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    return wide
