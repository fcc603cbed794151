"""The noise of one output, and what it allows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from tfjs_verify.measurements.noise.envelope import Envelope
from tfjs_verify.measurements.noise.parts import Columns
from tfjs_verify.tensors import Array
from tfjs_verify.tolerance import default_tolerance

DEFAULT_FACTOR = 5.0
"""k, how many times the noise is allowed.

Beyond the floor, backends that are right needed up to 2.28 on 17,120 answers to 416 models
(`benchmarks/noise.py`). Of 1,554 planted faults, 5 loses one that 3 finds: 1 % of one bias.
"""
_DOUBLE = frozenset({"float64", "complex128"})
_HALF = frozenset({"float16", "bfloat16"})
_ULP = 2.0**-23
_FLOOR_ULPS = 4.0


@dataclass(frozen=True)
class OutputNoise:
    """The noise of one output. All figures are relative to the largest number of the output."""

    name: str
    dtype: str
    reference: float = 0.0
    """The largest error of TensorFlow itself."""
    sensitivity: float = 0.0
    """The largest deviation under random rounding."""
    envelope: Envelope = field(default_factory=Envelope)
    on_zeros: float = 0.0
    """The largest deviation where TensorFlow says nothing but zeros: of no size, so absolute."""
    scales: tuple[float, ...] = ()
    """The largest number of the output, per case measured."""
    jumps: Array | None = field(default=None, compare=False, repr=False)
    """How far, in this one case, rounding moves the elements that it alone decides about; 0 where
    it does not, None where nowhere."""
    step: float = 0.0
    """Of a count: 1 where rounding alone has been seen to decide between two integers."""
    classes: Array | None = field(default=None, compare=False, repr=False)
    """Per element of this one case the classes (`value_classes`) that rounding alone decides among,
    0 where it does not; None where nowhere."""
    reshapes: bool = False
    """Whether rounding alone decides about the output's shape in this one case."""
    dtypes: frozenset[str] = frozenset()
    """What the model computes this in that TensorFlow.js does not have."""
    parts: tuple[tuple[Columns, OutputNoise], ...] = ()
    """The noise of columns whose numbers are of other sizes; empty where all are of one."""
    outer: float = 0.0
    """Of a part: the size that its numbers might have, as far as the output's other parts tell."""

    @property
    def double(self) -> bool:
        """Whether the model computes this in float64, where its own noise is next to nothing."""
        return not self.dtypes.isdisjoint(_DOUBLE)

    @property
    def measured(self) -> bool:
        """Whether there is an envelope; else the table of defaults speaks."""
        return self.envelope.seen or bool(self.scales)

    def noise(self, expected: Array) -> Array:
        """The noise to expect per element of `expected`, float64, in its units."""
        magnitude, scale = magnitudes(expected)
        if not scale:
            return np.full(magnitude.shape, self.on_zeros)
        result: Array = self.envelope.at(magnitude / scale) * scale
        return result

    def allowance(self, expected: Array, *, factor: float = DEFAULT_FACTOR) -> Array:
        """What an element may differ by, float64, of the shape of `expected`.

        `factor` times its noise, and never less than 4 ULP of the output's usual scale: kernels
        compute sin, erf or gelu to that, not to the ULPs of a result near zero. What the model
        computes in float64 may differ as the table of defaults says, for float32 is all that
        TensorFlow.js has. Integers and booleans are exact but where rounding decides about them: an
        element that jumps may do so `factor` times as far as any does. Without a measurement the
        table of defaults speaks.
        """
        if self.parts and expected.shape[-1:] == (sum(len(columns) for columns, _ in self.parts),):
            whole = np.empty(expected.shape)
            for columns, part in self.parts:
                whole[..., columns] = part.allowance(expected[..., columns], factor=factor)
            return whole
        if not self.measured:
            return self._leaping(expected, factor, default_tolerance(self.dtype).allowed(expected))
        if expected.dtype.kind in "iu":
            return self._leaping(expected, factor, factor * self.noise(expected) + self.step)
        magnitude, scale = magnitudes(expected)
        usual = max(scale, float(np.median(self.scales)) if self.scales else 0.0, self.outer)
        floor = np.full_like(magnitude, _FLOOR_ULPS * _ULP * usual)
        if self.double:
            floor = np.maximum(floor, default_tolerance(self.dtype).allowed(expected))
        floor = np.maximum(floor, np.finfo(np.float32).tiny)
        return self._leaping(expected, factor, np.maximum(factor * self.noise(expected), floor))

    def ratio(self, expected: Array, actual: Array, *, factor: float = DEFAULT_FACTOR) -> float:
        """The largest |actual - expected| ÷ noise, over the elements that are finite in both.

        More than `factor` just where that refuses an element: what the floor of the allowance lets
        through counts as `factor` times the noise, however little noise was measured.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            error = np.abs(widened(actual) - widened(expected))
        wrong = np.isfinite(error) & (error > 0)
        if not wrong.any():
            return 0.0
        with np.errstate(divide="ignore"):  # integers are allowed nothing
            shares = error[wrong] / self.allowance(expected, factor=factor)[wrong]
        return factor * float(np.max(shares))

    def _leaping(self, expected: Array, factor: float, allowed: Array) -> Array:
        """What is `allowed`, and more where rounding decides about an element."""
        if self.jumps is None or self.jumps.shape != expected.shape:
            return allowed
        leap = factor * float(self.jumps.max())
        return np.where(self.jumps > 0, np.maximum(allowed, leap), allowed)

    def classes_of(self, expected: Array) -> Array | None:
        """`classes`, for the answer that they are of.

        None in float16: that it overflows where float32 does not is no chance, and is to be told.
        """
        fits = self.classes is not None and self.classes.shape == expected.shape
        return self.classes if fits and self.dtypes.isdisjoint(_HALF) else None

    def resolution(self, *, factor: float = DEFAULT_FACTOR) -> float:
        """The smallest error that is told from rounding, relative to the output's largest number.

        Where it is large, an answer that agrees says little about the model.
        """
        return max(factor * self.envelope.peak, _FLOOR_ULPS * _ULP)

    def joined(self, other: OutputNoise) -> OutputNoise:
        """The noise over the cases of both; what rounding decides in one is not known of all."""
        return replace(
            self,
            reference=max(self.reference, other.reference),
            sensitivity=max(self.sensitivity, other.sensitivity),
            envelope=self.envelope.joined(other.envelope),
            on_zeros=max(self.on_zeros, other.on_zeros),
            scales=self.scales + other.scales,
            step=max(self.step, other.step),
            parts=tuple(
                (columns, part.joined(others))
                for (columns, part), (_, others) in zip(self.parts, other.parts, strict=False)
            ),
            outer=max(self.outer, other.outer),
            jumps=None,
            classes=None,
            reshapes=False,
        )

    def deciding(self, case: OutputNoise) -> OutputNoise:
        """This noise, where rounding alone decides what it decides in `case`."""
        return replace(
            self,
            jumps=case.jumps,
            classes=case.classes,
            reshapes=case.reshapes,
            parts=tuple(
                (columns, part.deciding(own))
                for (columns, part), (_, own) in zip(self.parts, case.parts, strict=False)
            ),
        )


def magnitudes(array: Array) -> tuple[Array, float]:
    """|array| and the largest finite one; what is not finite counts as that."""
    magnitude = np.abs(widened(array))
    finite = np.isfinite(magnitude)
    scale = float(np.max(magnitude[finite], initial=0.0))
    return np.where(finite, magnitude, scale), scale


def widened(array: Array) -> Array:
    """The array in float64, or complex128."""
    wide: Array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    return wide
