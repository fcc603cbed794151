"""Integers and truths moved about as float32, without losing a bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

_SHORT = (tf.uint8, tf.int8, tf.uint16, tf.int16)
_HALF = 65536


def is_whole(x: Any) -> bool:
    """Whether these are numbers or truths that TensorFlow.js does not keep as float32."""
    return bool(x.dtype.is_integer or x.dtype == tf.bool)


def moved_as_floats(x: Any, move: Callable[[Any], Any]) -> Any:
    """What `move`, which rearranges elements, makes of integers or truths.

    Truths and integers of up to 16 bits are floats exactly; longer ones are two such halves.
    """
    if x.dtype == tf.bool:
        return tf.not_equal(move(tf.cast(x, tf.float32)), 0.0)
    if x.dtype in _SHORT:
        moved = tf.cast(move(tf.cast(x, tf.float32)), tf.int32)
        return tf.raw_ops.Cast(x=moved, DstT=x.dtype, Truncate=True)
    whole = tf.cast(x, tf.int32)
    # Rounded, if the number is beyond 2²⁴; what is missing is in the other half.
    high = tf.cast(tf.floor(tf.cast(x, tf.float32) / _HALF), tf.int32)
    parts = [tf.cast(move(tf.cast(p, tf.float32)), tf.int32) for p in (high, whole - high * _HALF)]
    return tf.cast(parts[0] * _HALF + parts[1], x.dtype)
