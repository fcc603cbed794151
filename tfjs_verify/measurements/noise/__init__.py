"""How much of a difference is rounding, measured on the model itself."""

from __future__ import annotations

from tfjs_verify.measurements.noise.envelope import Envelope
from tfjs_verify.measurements.noise.freezing import Frozen, freeze
from tfjs_verify.measurements.noise.measuring import (
    DEFAULT_CASES,
    DEFAULT_REPETITIONS,
    Basis,
    CaseNoise,
    Flip,
    Noise,
    Unstable,
    measure_case,
    measure_noise,
)
from tfjs_verify.measurements.noise.oracle import Oracle
from tfjs_verify.measurements.noise.output import DEFAULT_FACTOR, OutputNoise

__all__ = [
    "DEFAULT_CASES",
    "DEFAULT_FACTOR",
    "DEFAULT_REPETITIONS",
    "Basis",
    "CaseNoise",
    "Envelope",
    "Flip",
    "Frozen",
    "Noise",
    "Oracle",
    "OutputNoise",
    "Unstable",
    "freeze",
    "measure_case",
    "measure_noise",
]
