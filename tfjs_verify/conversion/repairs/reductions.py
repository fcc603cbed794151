"""Reductions of nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call


@expansion(
    *("Max", "Min", "Prod", "All", "Any"),
    why="TensorFlow.js gives NaN, or whatever lies in memory, where nothing is reduced",
)
def empty_reduction(call: Call, x: Any, axis: Any) -> Any:
    """What the reduction starts with; for sizes that are known to be 0."""
    axes = tf.get_static_value(axis)
    if axes is None or x.shape.rank is None:
        return None
    if 0 not in [x.shape[int(each)] for each in np.atleast_1d(axes)]:
        return None
    kept = bool(call.attribute("keep_dims"))
    shape = tf.shape(tf.reduce_sum(tf.cast(x, tf.float32), axis, keepdims=kept))
    return tf.fill(shape, tf.constant(_start(call.node.op, x.dtype), x.dtype))


def _start(op: str, dtype: Any) -> Any:
    if dtype == tf.bool:
        return op == "All"
    if op == "Prod":
        return 1
    sign = -1 if op == "Max" else 1
    if dtype.is_floating:
        return sign * np.inf
    return dtype.min if op == "Max" else dtype.max


REWRITES = (empty_reduction,)
