"""Sums as the simplest correct kernel computes them: in float32, one term after the other.

Random rounding is not enough for them. Where all terms are alike, as in a mean of a constant
image, every addition rounds the same way, and the error grows with the number of terms: a million
times 0.1 is 0.96 % too large on wasm, which is right by its own order. TensorFlow adds up in
parallel lanes and trees, so its own error does not tell. Whether this happens depends on the
numbers, so the sum is really done.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tfjs_verify.measurements.noise.definitions import Definition


def _in_order(attributes: Mapping[str, Any], x: Any, axes: Any) -> tuple[Any, Any]:
    """The sum of the float64 `x` over `axes` in float32, and the number of terms in each."""
    import tensorflow as tf

    shape, rank = tf.shape(x), tf.rank(x)
    added = tf.equal(tf.range(rank)[:, None], tf.reshape(tf.cast(axes, tf.int32), [1, -1]) % rank)
    added = tf.reduce_any(added, 1)
    kept, summed = (tf.boolean_mask(tf.range(rank), mask) for mask in (~added, added))
    count = tf.reduce_prod(tf.gather(shape, summed))
    rows = tf.reshape(
        tf.transpose(tf.cast(x, tf.float32), tf.concat([kept, summed], 0)),
        [tf.reduce_prod(tf.gather(shape, kept)), count],
    )
    total = tf.cumsum(tf.pad(rows, [[0, 0], [1, 0]]), 1)[:, -1]
    keep_dims = attributes["keep_dims"].b
    result = tf.where(added, 1, shape) if keep_dims else tf.gather(shape, kept)
    return tf.reshape(total, result), tf.cast(count, tf.float32)


def _sum(attributes: Mapping[str, Any], x: Any, axes: Any) -> list[Any]:
    import tensorflow as tf

    return [tf.cast(_in_order(attributes, x, axes)[0], tf.float64)]


def _mean(attributes: Mapping[str, Any], x: Any, axes: Any) -> list[Any]:
    import tensorflow as tf

    total, count = _in_order(attributes, x, axes)
    return [tf.cast(total / count, tf.float64)]


SEQUENTIAL: Mapping[str, Definition] = MappingProxyType({"Sum": _sum, "Mean": _mean})
"""By op: from its attributes and float64 inputs to its float64 output, rounded on the way."""
