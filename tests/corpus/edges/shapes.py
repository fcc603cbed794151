"""Elements moved about."""

from __future__ import annotations

from tests.corpus.edges.common import (
    CUBE,
    NUMBERS,
    PICTURE,
    TRUTHS,
    named,
)
from tests.corpus.op_table import (
    WHOLE,
    Entry,
    In,
    X,
    op,
)

ROWS: tuple[Entry, ...] = (
    op("depth_to_space_3", lambda tf, x: tf.nn.depth_to_space(x, 3), In((None, 2, 3, 18))),
    op(
        "batch_to_space_crops",
        lambda tf, x: tf.batch_to_space(x, [2, 3], [[1, 0], [1, 2]]),
        In((12, 3, 4, 2)),
    ),
    op(
        "space_to_batch_pads",
        lambda tf, x: tf.space_to_batch(x, [2, 3], [[1, 0], [1, 2]]),
        In((2, 3, 6, 2)),
    ),
    op(
        "pad_reflect_3d",
        lambda tf, x: tf.pad(x, [[0, 0], [2, 3], [1, 0]], "REFLECT"),
        In((None, 4, 5)),
    ),
    op(
        "pad_symmetric_3d",
        lambda tf, x: tf.pad(x, [[0, 0], [2, 4], [5, 0]], "SYMMETRIC"),
        In((None, 4, 5)),
    ),
    op(
        "pad_dynamic",
        lambda tf, x, y: tf.pad(x, tf.stack([[0, y], [y, 0]])),
        X,
        In((), "int 0..3", "int32"),
    ),
    op("transpose_6d", lambda tf, x: tf.transpose(x, [0, 5, 1, 3, 2, 4]), In((2, 3, 2, 4, 2, 3))),
    op("split_uneven", lambda tf, x: named("abc", tf.split(x, [2, -1, 1], -1)), CUBE),
    op(
        "reverse_bool_int",
        lambda tf, x: {"i": tf.reverse(x, [-1]), "b": tf.reverse(x > 0, [1])},
        WHOLE,
    ),
    op(
        "bool_move",
        lambda tf, x: {
            "slice": x[:, 1:, ::2],
            "slice1": tf.slice(x, [0, 1, 0], [-1, 2, 3]),
            "tr": tf.transpose(x, [0, 2, 1]),
            "tile": tf.tile(x, [1, 2, 1]),
            "pad": tf.pad(x, [[0, 0], [1, 1], [0, 1]]),
            "cat": tf.concat([x, x], 2),
            "stack": tf.stack([x, ~x], 1),
            "split": tf.split(x, 2, 1)[1],
            "un": tf.unstack(x, axis=2)[1],
            "exp": x[:, None],
            "b": tf.broadcast_to(x[:, :1], tf.shape(x)),
        },
        TRUTHS,
    ),
    op(
        "bool_loop",
        lambda tf, x: tf.while_loop(
            lambda i, v: i < 3, lambda i, v: (i + 1, tf.reverse(v, [1]) | v), (0, x)
        )[1],
        TRUTHS,
    ),
    op(
        "int_move",
        lambda tf, x: {
            "slice": x[:, 1:, ::2],
            "tr": tf.transpose(x, [0, 2, 1]),
            "tile": tf.tile(x, [1, 2, 1]),
            "pad": tf.pad(x, [[0, 0], [1, 1], [0, 1]]),
            "cat": tf.concat([x, x], 2),
            "rev": tf.reverse(x, [1]),
            "mir": tf.pad(x, [[0, 0], [1, 1], [1, 0]], "SYMMETRIC"),
            "roll": tf.roll(x, 1, 1),
            "nd": tf.gather_nd(x, [[0, 1], [0, 2]]),
        },
        NUMBERS,
    ),
    op(
        "int_images",
        lambda tf, x: {
            "d2s": tf.nn.depth_to_space(x, 2),
            "s2d": tf.nn.space_to_depth(x, 2),
            "flip": tf.image.flip_left_right(x),
            "near": tf.image.resize(x, [3, 4], "nearest"),
        },
        PICTURE,
    ),
    op(
        "range_dynamic",
        lambda tf, x: {
            "i": tf.range(tf.shape(x)[0]),
            "f": tf.range(0.0, tf.cast(tf.shape(x)[0], tf.float32), 0.5),
            "d": tf.range(9, 0, -2) + tf.shape(x)[0],
        },
        X,
    ),
    op("linspace_dynamic", lambda tf, x: tf.linspace(tf.reduce_min(x), tf.reduce_max(x), 7), X),
    op("roll_negative_axis", lambda tf, x: tf.roll(x, [-7, 1], [-1, 0]), CUBE),
    op(
        "shape_n_parts",
        lambda tf, x, y: (lambda s: {"a": s[0][1] // 2, "b": s[1] // 2})(tf.shape_n([x, y])),
        X,
        CUBE,
    ),
)
