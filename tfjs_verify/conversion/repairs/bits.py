"""Bitwise ops on integers of up to 32 bits, as arithmetic on their bits."""

# ruff: noqa: D103 (what is declared by `expansion` is documented by its op and its `why`)

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call

_SIGNED = {tf.int8: 8, tf.int16: 16, tf.int32: 32}
_UNSIGNED = {tf.uint8: 8, tf.uint16: 16}
_NO_OP = "TensorFlow.js has no such op; it is spelled out in ops that it has"


@expansion(
    "BitwiseAnd",
    why="TensorFlow.js names its parameters wrongly, and the node backend has no kernel for it",
)
def bitwise_and(call: Call, x: Any, y: Any) -> Any:
    """Bit by bit; or just the sign, where only its bit is asked for."""
    if x.dtype == tf.int32 and _is_sign_alone(y):
        return tf.where(tf.less(x, 0), y, tf.zeros((), tf.int32))
    return _from_bits(x.dtype, [_bits(x), _bits(y)], lambda a, b: a * b)


@expansion("BitwiseOr", why=_NO_OP)
def bitwise_or(call: Call, x: Any, y: Any) -> Any:
    return _from_bits(x.dtype, [_bits(x), _bits(y)], tf.maximum)


@expansion("BitwiseXor", why=_NO_OP)
def bitwise_xor(call: Call, x: Any, y: Any) -> Any:
    return _from_bits(x.dtype, [_bits(x), _bits(y)], lambda a, b: tf.abs(a - b))


@expansion("Invert", why=_NO_OP)
def invert(call: Call, x: Any) -> Any:
    if x.dtype in _UNSIGNED:
        return tf.cast(2 ** _UNSIGNED[x.dtype] - 1 - tf.cast(x, tf.int32), x.dtype)
    return -1 - x


@expansion("LeftShift", "RightShift", name="shift", why=_NO_OP)
def shift(call: Call, x: Any, y: Any) -> Any:
    """By fewer bits than the type has, as TensorFlow defines it."""
    if x.dtype != tf.int32:
        return None
    powers = tf.constant(2 ** np.arange(31), tf.int32)
    factor = tf.gather(powers, tf.clip_by_value(y, 0, 30))
    return x * factor if call.node.op == "LeftShift" else tf.math.floordiv(x, factor)


@expansion(
    "Bitcast",
    name="sign-bit",
    why="TensorFlow.js has no bit casts, by which Keras's argmax asks for the sign of 0",
)
def sign_bit(call: Call, x: Any) -> Any:
    """An integer of the same sign, where nothing but the sign is asked for."""
    (number,) = call.outputs
    if x.dtype != tf.float32 or number.dtype != tf.int32:
        return None
    if not all(_asks_for_the_sign(taker, number) for taker in number.consumers()):
        return None
    below = tf.logical_and(tf.equal(x, 0.0), tf.less(tf.math.reciprocal(x), 0.0))
    return -tf.cast(tf.logical_or(tf.less(x, 0.0), below), tf.int32)


def _asks_for_the_sign(taker: Any, number: Any) -> bool:
    first, *others = taker.inputs
    if first is not number or not others:
        return False
    if taker.type == "BitwiseAnd":
        return _is_sign_alone(others[0])
    return taker.type in ("Less", "GreaterEqual") and bool(
        np.all(tf.get_static_value(others[0]) == 0)
    )


def _is_sign_alone(mask: Any) -> bool:
    value = tf.get_static_value(mask)
    return value is not None and value.ndim == 0 and int(value) == -(2**31)


def _bits(x: Any) -> Any:
    """The bits along a new last dimension, the sign last; `None` for types that are too wide."""
    if x.dtype in _SIGNED:
        count = _SIGNED[x.dtype] - 1
    elif x.dtype in _UNSIGNED:
        count = _UNSIGNED[x.dtype]
    else:
        return None
    number = tf.cast(x, tf.int32)[..., None]
    powers = tf.constant(2 ** np.arange(count), tf.int32)
    bits = tf.math.floormod(tf.math.floordiv(number, powers), 2)
    return tf.concat([bits, tf.cast(number < 0, tf.int32)], axis=-1)


def _from_bits(dtype: Any, operands: list[Any], combine: Any) -> Any:
    if any(bits is None for bits in operands):
        return None
    bits = combine(*operands)
    count = _SIGNED[dtype] - 1 if dtype in _SIGNED else _UNSIGNED[dtype]
    weights = [*(2 ** np.arange(count)), -(2**count) if count < 31 else -(2**31)]
    return tf.cast(tf.reduce_sum(bits * tf.constant(weights, tf.int32), axis=-1), dtype)


REWRITES = (bitwise_and, bitwise_or, bitwise_xor, invert, shift, sign_bit)
