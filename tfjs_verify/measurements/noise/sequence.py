"""Sums as the simplest correct kernel computes them: in float32, one term after the other.

Random rounding is not enough for them. Where all terms are alike, as in a mean of a constant
image, every addition rounds the same way, and the error grows with the number of terms: a million
times 0.1 is 0.96 % too large on wasm, which is right by its own order. TensorFlow adds up in
parallel lanes and trees, so its own error does not tell. Whether this happens depends on the
numbers, so the sum is really done; for products of matrices and convolutions see `products`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from tfjs_verify.measurements.noise.definitions import Definition

TREES = 0.25
"""The share of runs in which sums are added up in a tree."""
SEED = 1
"""All sums of a run do alike."""


def _in_order(x: Any, axes: Any, *, mean: bool) -> Any:
    """The sum or mean of `x` over `axes` as float32 has it, one number per row, float64.

    The order of the axes counts: TensorFlow.js transposes them to the end as they are named, so
    that [2, 1] adds up columns. Where one of them is constant, that is another sum.
    """
    import tensorflow as tf

    shape, rank = tf.shape(x), tf.rank(x)
    summed = tf.reshape(tf.cast(axes, tf.int32), [-1]) % rank
    added = tf.reduce_any(tf.equal(tf.range(rank)[:, None], summed[None]), 1)
    kept = tf.boolean_mask(tf.range(rank), ~added)
    rows = tf.reshape(
        tf.transpose(x, tf.concat([kept, summed], 0)),
        [tf.reduce_prod(tf.gather(shape, kept)), tf.reduce_prod(tf.gather(shape, summed))],
    )
    terms = tf.pad(tf.cast(rows, tf.float32), [[0, 0], [1, 0]])
    total = tf.cumsum(terms, 1)[:, -1]
    return tf.cast(total / tf.cast(tf.shape(rows)[1], tf.float32) if mean else total, tf.float64)


def _reduction(*, mean: bool) -> Definition:
    """Of the terms as they are and of rounded ones, the result that is further off.

    Rounded terms stand for other orders. The terms as they are drift where each addition is a tie,
    which the least rounding would break. Drift always has the same sign: a kernel that adds up in
    a tree has none, so that differences of sums can have either.
    """

    def define(attributes: Mapping[str, Any], x: Any, axes: Any, rounded: Any) -> list[Any]:
        import tensorflow as tf

        keep = attributes["keep_dims"].b
        reduce = partial(tf.reduce_mean if mean else tf.reduce_sum, axis=axes, keepdims=keep)
        exact = reduce(x)
        first, second = (
            tf.reshape(_in_order(terms, axes, mean=mean), tf.shape(exact)) for terms in (x, rounded)
        )
        drifted = tf.where(tf.abs(first - exact) > tf.abs(second - exact), first, second)
        tree = tf.random.uniform([], seed=SEED) < TREES
        return [tf.where(tree, reduce(rounded), drifted)]

    return define


SEQUENTIAL: Mapping[str, Definition] = MappingProxyType(
    {"Sum": _reduction(mean=False), "Mean": _reduction(mean=True)}
)
"""By op: from its attributes, its float64 inputs and its terms rounded at random to its float64
output, rounded on the way."""
