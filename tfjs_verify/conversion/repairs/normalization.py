"""Batch normalisation as TensorFlow.js does not know it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call


@expansion(
    "FusedBatchNorm",
    "FusedBatchNormV2",
    "FusedBatchNormV3",
    name="batch-norm-training",
    why="TensorFlow.js normalises by the statistics that it is given, even in training mode,"
    " and along the last dimension only",
)
def batch_norm(call: Call, x: Any, scale: Any, offset: Any, mean: Any, variance: Any) -> Any:
    """Normalisation by the batch's own statistics, or along the second dimension, spelled out."""
    training = call.attribute("is_training") in (None, True)
    first = call.attribute("data_format") in (b"NCHW", b"NCDHW")
    if not training and not first:
        return None
    if training and call.attribute("exponential_avg_factor") not in (None, 1.0):
        return None
    rank = len(x.shape)
    channel = 1 if first else rank - 1
    axes = [axis for axis in range(rank) if axis != channel]
    shape = [-1 if axis == channel else 1 for axis in range(rank)]
    unbiased = variance
    if training:
        mean = tf.reduce_mean(x, axes)
        variance = tf.reduce_mean(tf.square(x - tf.reshape(mean, shape)), axes)
        count = tf.cast(tf.size(x) // tf.size(mean), x.dtype)
        unbiased = variance * count / tf.maximum(count - 1, 1)
    factor = scale * tf.math.rsqrt(variance + call.attribute("epsilon"))
    result = (x - tf.reshape(mean, shape)) * tf.reshape(factor, shape) + tf.reshape(offset, shape)
    outputs = [result, mean, unbiased, mean, variance]
    return outputs if len(call.outputs) == 5 else [*outputs, tf.zeros_like(mean)]


REWRITES = (batch_norm,)
