"""Integers: what becomes a float, loses bits, or does not wrap in TensorFlow.js."""

# ruff: noqa: D103 (what is declared by `expansion` is documented by its op and its `why`)

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.repairs.exactness import is_whole, moved_as_floats
from tfjs_verify.conversion.splicing import Call

_ENDS = {
    tf.uint8: (0, 255),
    tf.int8: (-128, 127),
    tf.uint16: (0, 65535),
    tf.int16: (-(2**15), 2**15 - 1),
}
_PLACES = frozenset({"Shape", "ShapeN", "Size", "Rank", "ArgMax", "ArgMin", "Where"})
_KEEPING_SMALL = frozenset(
    {
        *("Identity", "Cast", "Reshape", "ExpandDims", "Squeeze", "Pack", "ConcatV2", "GatherV2"),
        *("StridedSlice", "Slice", "Maximum", "Minimum", "AddV2", "Sub", "Mul", "FloorDiv"),
        *("FloorMod", "Range", "Prod", "Sum", "Max", "Min", "Tile", "BroadcastTo", "SelectV2"),
    }
)
"""What makes of the sizes of tensors what are the sizes of tensors in practice."""
_WRAP_WHY = "TensorFlow.js computes short integers in int32 and never wraps them"


@expansion("Mean", name="integer-mean", why="TensorFlow.js gives the mean of integers as a float")
def integer_mean(call: Call, x: Any, axis: Any) -> Any:
    """Rounded towards zero; short integers are added up as longer ones."""
    if not x.dtype.is_integer:
        return None
    wide = tf.cast(x, tf.int32) if x.dtype in _ENDS else x
    total = tf.reduce_sum(wide, axis, keepdims=bool(call.attribute("keep_dims")))
    count = tf.size(wide, out_type=wide.dtype) // tf.size(total, out_type=wide.dtype)
    mean = tf.truncatediv(total, count)
    return mean if wide is x else tf.raw_ops.Cast(x=mean, DstT=x.dtype, Truncate=True)


@expansion(
    "Abs",
    name="integer-magnitude",
    why="TensorFlow.js computes it in float32, which rounds integers beyond 2²⁴",
)
def integer_magnitude(call: Call, x: Any) -> Any:
    return tf.maximum(x, -x) if x.dtype in (tf.int32, tf.int64) else None


@expansion(
    "Neg",
    name="integer-negative",
    why="the wasm backend computes it in float32, which rounds integers beyond 2²⁴",
)
def integer_negative(call: Call, x: Any) -> Any:
    return tf.zeros((), x.dtype) - x if x.dtype in (tf.int32, tf.int64) else None


@expansion(
    "Square",
    name="integer-square",
    why="the cpu backend computes it in float32, which rounds integers beyond 2²⁴",
)
def integer_square(call: Call, x: Any) -> Any:
    """TensorFlow's own simplification makes squares of products."""
    return x * x if x.dtype in (tf.int32, tf.int64) else None


@expansion(
    "FloorDiv",
    name="integer-quotient",
    why="the wasm backend computes it in float32, which rounds integers beyond 2²⁴",
)
def integer_quotient(call: Call, x: Any, y: Any) -> Any:
    """The quotient in float32, and what the exact remainder shows to be missing from it.

    Sizes of tensors, and what else is known to be small, stay as they are.
    """
    if x.dtype not in (tf.int32, tf.int64) or _is_small(call.outputs[0].op.inputs[0]):
        return None
    divisor = tf.cast(y, tf.float32)
    rough = tf.cast(tf.floor(tf.cast(x, tf.float32) / divisor), x.dtype)
    rest = x - tf.math.floormod(x, y) - rough * y
    return rough + tf.cast(tf.round(tf.cast(rest, tf.float32) / divisor), x.dtype)


@expansion("DepthToSpace", name="integer-blocks", why="TensorFlow.js moves blocks of floats only")
def integer_blocks(call: Call, x: Any) -> Any:
    if not is_whole(x):
        return None
    options = {"data_format": (call.attribute("data_format") or b"NHWC").decode()}
    return moved_as_floats(
        x, lambda part: tf.nn.depth_to_space(part, call.attribute("block_size"), **options)
    )


@expansion(
    "ResizeNearestNeighbor",
    name="nearest-integers",
    why="the wasm backend gives the nearest of integers as float32",
)
def nearest_integers(call: Call, images: Any, size: Any) -> Any:
    if not is_whole(images):
        return None
    options = {key: bool(call.attribute(key)) for key in ("align_corners", "half_pixel_centers")}
    return moved_as_floats(
        images,
        lambda part: tf.raw_ops.ResizeNearestNeighbor(images=part, size=size, **options),
    )


@expansion("Cast", name="wrapped-cast", why=_WRAP_WHY)
def wrapped_cast(call: Call, x: Any) -> Any:
    """Of integers: what TensorFlow makes of a float out of range depends on its surroundings.

    A cast that is marked as truncating is one that has been taken care of.
    """
    wanted = call.attribute("DstT")
    if wanted not in _ENDS or not x.dtype.is_integer or call.attribute("Truncate"):
        return None
    if _fits(call.outputs[0].op.inputs[0], *_ENDS[wanted]):
        return None
    return _wrapped(tf.cast(x, tf.int32), wanted)


@expansion(
    *("Add", "AddV2", "Sub", "Mul", "Square", "Neg", "Sum"),
    name="wrapped-arithmetic",
    why=_WRAP_WHY,
)
def wrapped_arithmetic(call: Call, *operands: Any) -> Any:
    dtype = operands[0].dtype
    if dtype not in _ENDS:
        return None
    if call.node.op == "Sum":
        x, axis = operands
        kept = bool(call.attribute("keep_dims"))
        return _wrapped(tf.reduce_sum(tf.cast(x, tf.int32), axis, keepdims=kept), dtype)
    wide = [tf.cast(operand, tf.int32) for operand in operands]
    compute = {"Square": tf.square, "Neg": tf.negative, "Sub": tf.subtract, "Mul": tf.multiply}
    return _wrapped(compute.get(call.node.op, tf.add)(*wide), dtype)


def _wrapped(x: Any, dtype: Any) -> Any:
    low, high = _ENDS[dtype]
    wrapped = tf.math.floormod(x - low, high - low + 1) + low
    return tf.raw_ops.Cast(x=wrapped, DstT=dtype, Truncate=True)


def _fits(x: Any, low: int, high: int) -> bool:
    """Whether it is known that no element lies outside of these ends."""
    if x.dtype in _ENDS:
        return low <= _ENDS[x.dtype][0] and _ENDS[x.dtype][1] <= high
    return _bounded(x, "Maximum", low, high) and _bounded(x, "Minimum", low, high)


def _is_small(x: Any) -> bool:
    """Whether these integers come from sizes, places, small constants or short integers alone."""
    if x.dtype in _ENDS or x.dtype == tf.bool or x.op.type in _PLACES:
        return True
    if x.op.type == "Const":
        value = tf.get_static_value(x)
        return value is not None and bool(np.all(np.abs(value.astype(np.float64)) <= 2**24))
    return x.op.type in _KEEPING_SMALL and all(_is_small(given) for given in x.op.inputs)


def _bounded(x: Any, by: str, low: int, high: int) -> bool:
    """Whether a limit of this kind lies between the ends, with only other limits behind it."""
    while x.op.type in ("Maximum", "Minimum", "ClipByValue", "Identity"):
        given = list(x.op.inputs)
        if x.op.type == "ClipByValue":
            given = given[1:2] if by == "Maximum" else given[2:]
        elif x.op.type != by:
            given = []
        limits = [value for value in map(tf.get_static_value, given) if value is not None]
        if any(low <= value.min() and value.max() <= high for value in limits):
            return True
        x = x.op.inputs[0]
    return False


REWRITES = (
    integer_mean,
    integer_magnitude,
    integer_negative,
    integer_square,
    integer_quotient,
    integer_blocks,
    nearest_integers,
    wrapped_cast,
    wrapped_arithmetic,
)
