"""Parts put together and taken apart by numbers, and what is largest among them."""

# ruff: noqa: D103 (what is declared by `expansion` is documented by its op and its `why`)

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call

_NO_OP = "TensorFlow.js has no such op; it is spelled out in ops that it has"


@expansion("DynamicStitch", "ParallelDynamicStitch", name="dynamic-stitch", why=_NO_OP)
def dynamic_stitch(call: Call, *operands: Any) -> Any:
    """For known indices: one gather from all parts, where the last of equal indices counts."""
    count = len(operands) // 2
    indices = [tf.get_static_value(operand) for operand in operands[:count]]
    if any(index is None for index in indices):
        return None
    flat = np.concatenate([np.reshape(index, -1) for index in indices])
    source = {int(place): position for position, place in enumerate(flat)}
    if sorted(source) != list(range(len(source))):
        return None
    rest = call.outputs[0].shape[1:]
    if not rest.is_fully_defined():
        return None
    parts = [tf.reshape(part, [-1, *rest]) for part in operands[count:]]
    return tf.gather(tf.concat(parts, axis=0), [source[place] for place in sorted(source)])


@expansion("DynamicPartition", why=_NO_OP)
def dynamic_partition(call: Call, x: Any, numbers: Any) -> Any:
    return [
        tf.gather_nd(x, tf.cast(tf.where(tf.equal(numbers, number)), tf.int32))
        for number in range(call.attribute("num_partitions"))
    ]


@expansion("InTopK", "InTopKV2", name="in-top-k", why=_NO_OP)
def in_top_k(call: Call, predictions: Any, targets: Any, *count: Any) -> Any:
    """Whether fewer than k predictions exceed the target's; never where one is no number."""
    k = count[0] if count else call.attribute("k")
    classes = tf.range(tf.shape(predictions)[1])
    hit = tf.equal(tf.cast(targets, tf.int32)[:, None], classes)
    own = tf.reduce_sum(tf.where(hit, predictions, tf.zeros_like(predictions)), axis=1)
    larger = tf.reduce_sum(tf.cast(predictions > own[:, None], tf.int32), axis=1)
    valid = tf.logical_and(
        tf.reduce_any(hit, axis=1), tf.reduce_all(tf.math.is_finite(predictions), axis=1)
    )
    return tf.logical_and(larger < tf.cast(k, tf.int32), valid)


@expansion("TensorScatterMax", "TensorScatterMin", name="tensor-scatter-extreme", why=_NO_OP)
def tensor_scatter_extreme(call: Call, x: Any, indices: Any, updates: Any) -> Any:
    """Compares every row with every update; only for indices of rows."""
    if indices.shape.rank != 2 or indices.shape[1] != 1 or x.shape.rank is None:
        return None
    largest = call.node.op == "TensorScatterMax"
    rows = tf.range(tf.shape(x)[0])[:, None]
    member = tf.equal(tf.cast(indices, tf.int32)[:, 0][None, :], rows)
    member = tf.reshape(member, tf.concat([tf.shape(member), [1] * (x.shape.rank - 1)], axis=0))
    nothing = tf.constant(x.dtype.min if largest else x.dtype.max, x.dtype)
    masked = tf.where(member, updates[None], nothing)
    if largest:
        return tf.maximum(x, tf.reduce_max(masked, axis=1))
    return tf.minimum(x, tf.reduce_min(masked, axis=1))


@expansion(
    "RandomUniformInt",
    why="TensorFlow.js looks for the limits among the attributes, where they are not",
)
def random_uniform_int(call: Call, shape: Any, low: Any, high: Any) -> Any:
    span = tf.cast(high - low, tf.float32)
    unit = tf.raw_ops.RandomUniform(shape=shape, dtype=tf.float32)
    return low + tf.cast(tf.minimum(tf.floor(unit * span), span - 1.0), low.dtype)


REWRITES = (
    dynamic_stitch,
    dynamic_partition,
    in_top_k,
    tensor_scatter_extreme,
    random_uniform_int,
)
