"""Reductions, gathers, scatters, slices and choices."""

from __future__ import annotations

from tests.corpus.edges.common import (
    CUBE,
    named,
)
from tests.corpus.op_table import (
    BOOL,
    NATURAL,
    WHOLE,
    Entry,
    In,
    X,
    op,
)

ROWS: tuple[Entry, ...] = (
    op(
        "reduce_negative_axes",
        lambda tf, x: {
            "a": tf.reduce_sum(x, [-1, -3]),
            "b": tf.reduce_max(x, -2, keepdims=True),
            "c": tf.reduce_prod(x / 2, [-2]),
        },
        CUBE,
    ),
    op("reduce_empty_axes", lambda tf, x: tf.reduce_sum(x, []) + tf.reduce_max(x, axis=[]), CUBE),
    op(
        "reduce_int",
        lambda tf, x: {
            "max": tf.reduce_max(x, 1),
            "mean": tf.reduce_mean(x, 1),
            "prod": tf.reduce_prod(x % 5 - 2, 1),
        },
        WHOLE,
    ),
    op("reduce_mean_int_negative", lambda tf, x: tf.reduce_mean(x - 30, 1), WHOLE),
    op(
        "reduce_bool_keepdims",
        lambda tf, x: {
            "any": tf.reduce_any(x, -1, keepdims=True),
            "all": tf.reduce_all(x),
            "any0": tf.reduce_any(x, 0),
        },
        BOOL,
    ),
    op(
        "reduce_empty_tensor",
        lambda tf, x: {"sum": tf.reduce_sum(x[:, :0], 1), "prod": tf.reduce_prod(x[:, :0], 1)},
        X,
    ),
    op("reduce_empty_max", lambda tf, x: tf.reduce_max(x[:, :0], 1), X),
    op(
        "argmax_ties",
        lambda tf, x: {"max": tf.argmax(x, 1), "min": tf.argmin(x, 1), "max0": tf.argmax(x, 0)},
        In((None, 7), "int 0..2", "int32"),
    ),
    op(
        "argmax_middle",
        lambda tf, x: {"a": tf.argmax(x, 1), "b": tf.argmin(x, -2), "c": tf.argmax(x, 0)},
        CUBE,
    ),
    op(
        "top_k_ties",
        lambda tf, x: named("vi", tf.math.top_k(x, 4)),
        In((None, 7), "int 0..2", "int32"),
    ),
    op(
        "top_k_dynamic",
        lambda tf, x, y: named("vi", tf.math.top_k(x, y)),
        X,
        In((), "int 1..5", "int32"),
    ),
    op(
        "cumsum_all",
        lambda tf, x: {
            "e": tf.cumsum(x, 1, exclusive=True),
            "r": tf.cumsum(x, 2, reverse=True),
            "n": tf.cumsum(x, -2, exclusive=True, reverse=True),
            "z": tf.cumsum(x, 0),
        },
        CUBE,
    ),
    op(
        "cumprod_all",
        lambda tf, x: {
            "e": tf.math.cumprod(x, 1, exclusive=True),
            "r": tf.math.cumprod(x, -1, reverse=True),
        },
        CUBE,
    ),
    op(
        "sort_ascending",
        lambda tf, x: {
            "a": tf.sort(x, axis=1),
            "b": tf.argsort(x, axis=1, stable=True),
            "d": tf.argsort(x, axis=-1, direction="DESCENDING"),
        },
        CUBE,
    ),
    op(
        "softmax_rank4",
        lambda tf, x: {"s": tf.nn.softmax(x, 1), "l": tf.nn.log_softmax(x, -2)},
        In((None, 3, 4, 2)),
    ),
    # indexing
    op(
        "gather_batch2",
        lambda tf, x, y: tf.gather(x, y, batch_dims=2),
        In((2, 3, 4, 2)),
        In((2, 3, 5), "int 0..3", "int32"),
    ),
    op(
        "gather_batch_axis",
        lambda tf, x, y: tf.gather(x, y, axis=2, batch_dims=1),
        In((2, 3, 4, 2)),
        In((2, 2), "int 0..3", "int32"),
    ),
    op(
        "gather_axis_dynamic_batch",
        lambda tf, x: tf.gather(x, tf.argmax(x[:, :, 0, 0], 1), axis=1, batch_dims=1),
        CUBE,
    ),
    op(
        "gather_nd_batch",
        lambda tf, x, y: tf.gather_nd(x, y, batch_dims=1),
        In((2, 3, 4)),
        In((2, 5, 1), "int 0..2", "int32"),
    ),
    op(
        "scatter_nd_duplicates",
        lambda tf, x, y: tf.scatter_nd(y[:, None], x, [4, 3]),
        In((6, 3)),
        In((6,), "int 0..3", "int32"),
    ),
    op(
        "tensor_scatter_update_deep",
        lambda tf, x, y: tf.tensor_scatter_nd_update(x, [[0, 1], [2, 3]], y),
        In((4, 4, 2)),
        In((2, 2)),
    ),
    op(
        "slice_assign_masks",
        lambda tf, x: {
            "a": x[1:, ..., ::-2],
            "b": x[..., None, -1],
            "c": x[:, -3:-1, 1:5:2],
            "d": x[0, ..., tf.newaxis],
        },
        In((3, 4, 6, 3)),
    ),
    op(
        "slice_negative_strides",
        lambda tf, x: {"a": x[::-1, ::-2], "b": x[:, 3:0:-1], "c": x[:, -1:-4:-1, ::-1]},
        In((3, 4, 6)),
    ),
    op(
        "slice_dynamic",
        lambda tf, x, y: x[:, y:, :y],
        In((None, 4, 6)),
        In((), "int 1..3", "int32"),
    ),
    op(
        "slice_5d",
        lambda tf, x: {
            "a": x[:, 1:, :, ::2, 1],
            "b": tf.reverse(x, [1, 4]),
            "t": tf.tile(x, [1, 2, 1, 1, 2]),
            "c": tf.concat([x, x], 3),
            "g": tf.gather(x, [1, 0], axis=3),
        },
        In((2, 3, 2, 3, 2)),
    ),
    op("shape_reverse", lambda tf, x: tf.shape(x)[::-1], CUBE),
    op("where_broadcast3", lambda tf, x, y: tf.where(x[:, :1] > 0, y[:1], x), X, X),
    op(
        "where_int_bool",
        lambda tf, x: {"i": tf.where(x > 0, x, -1), "b": tf.where(x > 3, x > 5, x < -5)},
        WHOLE,
    ),
    op(
        "where_v1_rows",
        lambda tf, x, y: tf.compat.v1.where(x[:, 0] > 0, x, y),
        In((4, 5)),
        In((4, 5)),
    ),
    op(
        "select_v1_square",
        lambda tf, x, y: tf.compat.v1.where(x[:, 0] > 0, x, y),
        In((4, 4)),
        In((4, 4)),
    ),
    op(
        "unsorted_segment_mean",
        lambda tf, x, y: tf.math.unsorted_segment_mean(x, y, 4),
        In((5, 3)),
        In((5,), "int 0..3", "int32"),
    ),
    op(
        "one_hot_all",
        lambda tf, x: {
            "a": tf.one_hot(x, 4),
            "b": tf.one_hot(x, 6, 5.0, -5.0, axis=0),
            "c": tf.one_hot(x, 6, dtype=tf.int32, axis=1),
            "d": tf.one_hot(x - 3, 5, on_value=True, off_value=False),
        },
        NATURAL,
    ),
)
