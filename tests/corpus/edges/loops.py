"""Control flow, outputs and unknown dimensions."""

from __future__ import annotations

from tests.corpus.edges.common import (
    looped,
    named,
    weights,
)
from tests.corpus.op_table import (
    Entry,
    In,
    X,
    op,
)

ROWS: tuple[Entry, ...] = (
    op(
        "scan_reverse", lambda tf, x: tf.scan(lambda a, b: a * 0.5 + b, x, reverse=True), In((5, 3))
    ),
    op(
        "scan_initializer",
        lambda tf, x: tf.scan(
            lambda a, b: (a[0] + b, a[1] * 0.5), x, initializer=(tf.zeros(3), tf.ones(2))
        )[0],
        In((5, 3)),
    ),
    op(
        "map_fn_outputs",
        lambda tf, x: named(
            "ab",
            tf.map_fn(
                lambda v: (tf.reduce_max(v), v * 2), x, fn_output_signature=(tf.float32, tf.float32)
            ),
        ),
        In((None, 3)),
    ),
    op(
        "while_zero_iterations",
        lambda tf, x: tf.while_loop(lambda i, v: i < 0, lambda i, v: (i + 1, v * 2), (0, x))[1],
        X,
    ),
    op(
        "while_growing",
        lambda tf, x: tf.while_loop(
            lambda i, v: i < 3,
            lambda i, v: (i + 1, tf.concat([v, v[:1] * 2], 0)),
            (0, x),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, 3])),
        )[1],
        In((2, 3)),
    ),
    op(
        "while_nested",
        lambda tf, x: tf.while_loop(
            lambda i, v: i < 3,
            lambda i, v: (
                i + 1,
                tf.while_loop(lambda j, w: j < i, lambda j, w: (j + 1, w * 1.1 + 1), (0, v))[1],
            ),
            (0, x),
        )[1],
        X,
    ),
    op(
        "cond_constant_outputs",
        lambda tf, x: tf.cond(
            tf.reduce_sum(x) > 0, lambda: tf.constant([1.0, 2]), lambda: tf.constant([3.0, 4])
        ),
        X,
    ),
    op(
        "cond_different_shapes",
        lambda tf, x: tf.cond(tf.reduce_sum(x) > 0, lambda: x[:, :2], lambda: x),
        X,
    ),
    op(
        "case_in_while",
        lambda tf, x: tf.while_loop(
            lambda i, v: i < 5,
            lambda i, v: (i + 1, tf.switch_case(i % 4, [lambda: v + 1, lambda: v * 2, lambda: -v])),
            (0, x),
        )[1],
        X,
    ),
    op(
        "loop_split_outputs",
        lambda tf, x, y: named(
            "ab", looped(tf, lambda i, a, b: tf.split(tf.concat([a, b], 1) * 1.1, 2, 1), 3, x, y)
        ),
        X,
        X,
    ),
    op(
        "cond_top_k",
        lambda tf, x: named(
            "vi",
            tf.cond(
                tf.reduce_sum(x) > 0,
                lambda: tuple(tf.math.top_k(x, 2)),
                lambda: tuple(tf.math.top_k(-x, 2)),
            ),
        ),
        In((None, 4)),
    ),
    op(
        "loop_top_k",
        lambda tf, x: tf.while_loop(
            lambda i, v: i < 2,
            lambda i, v: (i + 1, v + tf.cast(tf.math.top_k(v, 5)[1], tf.float32)),
            (0, x),
        )[1],
        X,
    ),
    op(
        "loop_unique",
        lambda tf, x: tf.while_loop(
            lambda i, v: i < 2, lambda i, v: (i + 1, v + tf.unique(v)[1]), (0, x)
        )[1],
        In((7,), "int 0..3", "int32"),
    ),
    op(
        "loop_cond_outputs",
        lambda tf, x, y: named(
            "ab",
            looped(
                tf,
                lambda i, a, b: tf.cond(i % 2 > 0, lambda: (a + 1, b * 2), lambda: (b, a)),
                3,
                x,
                y,
            ),
        ),
        X,
        X,
    ),
    op(
        "cond_in_cond_outputs",
        lambda tf, x: named(
            "ab",
            tf.cond(
                x[0, 0] > 0,
                lambda: tf.cond(x[0, 1] > 0, lambda: (x, x + 1), lambda: (x * 2, x * 3)),
                lambda: (x - 1, x - 2),
            ),
        ),
        In((2, 3)),
    ),
    op(
        "tensor_array_dynamic",
        lambda tf, x: tf.while_loop(
            lambda i, a: i < 4,
            lambda i, a: (i + 1, a.write(i, x * tf.cast(i, tf.float32))),
            (0, tf.TensorArray(tf.float32, 0, dynamic_size=True, element_shape=[3])),
        )[1].stack(),
        In((3,)),
    ),
    op("outputs_eleven", lambda tf, x: {f"output_{i}": x * i for i in range(12)}, X),
    op(
        "unknown_dims_conv",
        lambda tf, x: tf.nn.conv2d(x, weights(3, 3, 3, 4), 2, "SAME"),
        In((None, None, None, 3)),
    ),
    op("unknown_dims_roll", lambda tf, x: tf.roll(x, 1, 1), In((None, None, 3))),
)
