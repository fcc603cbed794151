"""Numbers that are cast to float16 and back, to have them rounded."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfjs_verify.conversion.graph import Program
from tfjs_verify.conversion.narrowing import computes_in
from tfjs_verify.conversion.repairs.base import Rewrite, expansion
from tfjs_verify.conversion.splicing import Call


@expansion(
    "Cast",
    name="cast-to-float16",
    why="TensorFlow.js has no float16 and leaves the number as it is",
)
def _round(call: Call, x: Any) -> Any:
    """Rounds within float32: adding and subtracting a large number drops the last bits."""
    if call.attribute("DstT") != tf.half or x.dtype != tf.float32 or call.attribute("Truncate"):
        return None
    large = x * 8193.0
    normal = large - (large - x)
    magnitude = tf.abs(x)
    subnormal = tf.sign(x) * ((magnitude + 0.75) - 0.75)
    rounded = tf.where(magnitude < 2.0**-14, subnormal, normal)
    rounded = tf.where(magnitude >= 65520.0, x * float("inf"), rounded)
    return tf.raw_ops.Cast(x=rounded, DstT=tf.half, Truncate=True)  # marks it as done


def _apply(program: Program) -> list[str]:
    """Where the model also computes in float16, its roundings are not all told by its casts."""
    return [] if computes_in(program, tf.half.as_datatype_enum) else list(_round.apply(program))


cast_to_float16 = Rewrite(_round.name, _round.why, _apply)
REWRITES = (cast_to_float16,)
