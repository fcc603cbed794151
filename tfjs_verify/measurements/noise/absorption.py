"""Sums in which one term vanishes, as float32 has them.

An attention mask adds -1e9 to a score: in float32 the score is gone, on every backend alike, and
where all are masked, all are equal. In float64 it would still be there, and the graph that is to
say what is exact would be another model. A constant is another matter: an optimiser may move it
past other sums, so that one backend has lost what another keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tfjs_verify.measurements.noise.definitions import Definition

_VANISHING = 2.0**-20
"""Relative to the sum, a term of which no more than four bits are left in float32."""


def _addition(op: str) -> Definition:
    def define(attributes: Mapping[str, Any], x: Any, y: Any) -> list[Any]:
        import tensorflow as tf

        result = x - y if op == "Sub" else x + y
        less = tf.minimum(tf.abs(x), tf.abs(y))
        rounded = tf.cast(tf.cast(result, tf.float32), tf.float64)
        return [tf.where(less < _VANISHING * tf.abs(result), rounded, result)]

    return define


ABSORBING: Mapping[str, Definition] = MappingProxyType(
    {op: _addition(op) for op in ("Add", "AddV2", "Sub")}
)
"""By op, from float64 to float64; not to be dithered inside."""
