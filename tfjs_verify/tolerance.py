"""How much two floating-point answers may differ before they disagree.

`DEFAULTS` is the one table of defaults. Its absolute part scales with the reference output: float32
rounding is relative to the numbers that were added up on the way, not to the one that remained, and
TensorFlow.js's own kernels stay within 1e-6 of that scale wherever they are right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tfjs_verify.tensors import Array, tfjs_dtype


class Allowance(Protocol):
    """A rule that says how much each element may differ."""

    def allowed(self, expected: Array) -> Array:
        """The error allowed per element, float64, of the shape of `expected`."""

    def classes(self, expected: Array) -> Array | None:
        """Per element the bits of the classes (`value_classes`) among which chance decides.

        None where every element is of the class that is expected.
        """

    def describe(self) -> str:
        """The rule in words."""


@dataclass(frozen=True)
class Tolerance:
    """An element may differ by `atol + rtol × |tensorflow| + scale × max |tensorflow|`."""

    atol: float = 0.0
    rtol: float = 0.0
    scale: float = 0.0

    def allowed(self, expected: Array) -> Array:
        """The error allowed per element, float64, of the shape of `expected`.

        A NaN or an infinity has no magnitude to be relative to.
        """
        magnitude = np.abs(expected).astype(np.float64)
        magnitude = np.where(np.isfinite(magnitude), magnitude, 0.0)
        largest = float(magnitude.max(initial=0.0))
        allowance: Array = self.atol + self.rtol * magnitude + self.scale * largest
        return allowance

    def classes(self, expected: Array) -> Array | None:
        """None: no tolerance hides a NaN or an infinity."""
        return None

    def describe(self) -> str:
        """The rule in words, without the parts that are zero."""
        parts = [
            f"atol {self.atol:.0e}" if self.atol else "",
            f"rtol {self.rtol:.0e} × |tensorflow|" if self.rtol else "",
            f"{self.scale:.0e} × max |tensorflow|" if self.scale else "",
        ]
        return " + ".join(part for part in parts if part) or "nothing: exact"


EXACT = Tolerance()

DEFAULTS: Mapping[str, Tolerance] = {
    "float32": Tolerance(atol=1e-7, rtol=1e-5, scale=1e-5),
    "complex64": Tolerance(atol=1e-7, rtol=1e-5, scale=1e-5),
    "int32": EXACT,
    "bool": EXACT,
    "string": EXACT,
}


def default_tolerance(dtype: str) -> Tolerance:
    """The tolerance for an output of this (TensorFlow) dtype where the user named none."""
    return DEFAULTS[tfjs_dtype(dtype)]


def resolve_tolerance(dtype: str, *, atol: float | None, rtol: float | None) -> Tolerance:
    """The user's `atol` and `rtol` where given (they replace the default whole), else the default.

    Integers, booleans and strings stay exact whatever was given.
    """
    default = default_tolerance(dtype)
    if default == EXACT or (atol is None and rtol is None):
        return default
    return Tolerance(atol=atol or 0.0, rtol=rtol or 0.0)
