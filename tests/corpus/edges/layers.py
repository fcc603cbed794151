"""Convolutions, poolings and what is fused with them."""

from __future__ import annotations

from tests.corpus.edges.common import (
    FIRST,
    weights,
)
from tests.corpus.op_table import (
    IMAGE,
    Entry,
    In,
    X,
    op,
)

ROWS: tuple[Entry, ...] = (
    op(
        "conv2d_strides_uneven",
        lambda tf, x: tf.nn.conv2d(x, weights(3, 2, 3, 4), [1, 2, 1, 1], "SAME"),
        IMAGE,
    ),
    op(
        "conv2d_dilation_uneven",
        lambda tf, x: tf.nn.conv2d(x, weights(3, 2, 3, 4), 1, "SAME", dilations=[1, 2, 3, 1]),
        IMAGE,
    ),
    op(
        "conv2d_nchw",
        lambda tf, x: tf.nn.conv2d(
            x,
            weights(3, 3, 4, 5),
            [1, 1, 2, 2],
            [[0, 0], [0, 0], [1, 2], [0, 1]],
            data_format="NCHW",
        ),
        FIRST,
    ),
    op(
        "conv2d_even_kernel_same",
        lambda tf, x: tf.nn.conv2d(x, weights(4, 2, 3, 4), 2, "SAME"),
        IMAGE,
    ),
    op(
        "conv2d_explicit_bias_relu",
        lambda tf, x: tf.nn.relu(
            tf.nn.bias_add(
                tf.nn.conv2d(x, weights(3, 3, 3, 4), 2, [[0, 0], [1, 2], [0, 1], [0, 0]]),
                weights(4),
            )
        ),
        IMAGE,
    ),
    op(
        "depthwise_dilated",
        lambda tf, x: tf.nn.depthwise_conv2d(
            x, weights(3, 3, 3, 2), [1, 1, 1, 1], "SAME", dilations=[2, 2]
        ),
        IMAGE,
    ),
    op(
        "depthwise_explicit",
        lambda tf, x: tf.nn.depthwise_conv2d(
            x, weights(3, 3, 3, 2), [1, 2, 2, 1], [[0, 0], [1, 2], [0, 1], [0, 0]]
        ),
        IMAGE,
    ),
    op(
        "conv1d_dilated_causal",
        lambda tf, x: tf.nn.conv1d(
            tf.pad(x, [[0, 0], [4, 0], [0, 0]]), weights(3, 3, 4), 1, "VALID", dilations=2
        ),
        In((None, 8, 3)),
    ),
    op(
        "conv3d_strides",
        lambda tf, x: tf.nn.conv3d(x, weights(2, 3, 2, 3, 4), [1, 1, 2, 2, 1], "SAME"),
        In((None, 4, 5, 4, 3)),
    ),
    op(
        "conv2d_transpose_odd",
        lambda tf, x: tf.nn.conv2d_transpose(x, weights(3, 3, 4, 3), [2, 15, 17, 4], 2, "SAME"),
        In((2, 8, 9, 3)),
    ),
    op(
        "conv2d_transpose_valid",
        lambda tf, x: tf.nn.conv2d_transpose(
            x, weights(3, 2, 4, 3), [2, 18, 27, 4], [2, 3], "VALID"
        ),
        In((2, 8, 9, 3)),
    ),
    op(
        "conv2d_transpose_explicit",
        lambda tf, x: tf.nn.conv2d_transpose(
            x, weights(3, 3, 4, 3), [2, 16, 18, 4], 2, [[0, 0], [1, 0], [1, 0], [0, 0]]
        ),
        In((2, 8, 9, 3)),
    ),
    op(
        "conv2d_transpose_nchw",
        lambda tf, x: tf.nn.conv2d_transpose(
            x, weights(3, 3, 5, 4), [2, 5, 16, 12], 2, "SAME", data_format="NCHW"
        ),
        FIRST,
    ),
    op("avg_pool_same_odd", lambda tf, x: tf.nn.avg_pool2d(x, [3, 2], [2, 3], "SAME"), IMAGE),
    op("avg_pool_nchw", lambda tf, x: tf.nn.avg_pool2d(x, 2, 2, "SAME", data_format="NCHW"), FIRST),
    op(
        "max_pool_explicit",
        lambda tf, x: tf.nn.max_pool2d(x - 5, 3, 2, [[0, 0], [1, 1], [1, 0], [0, 0]]),
        IMAGE,
    ),
    op("max_pool_negative", lambda tf, x: tf.nn.max_pool2d(x - 9, 3, 1, "SAME"), IMAGE),
    op("avg_pool3d_same", lambda tf, x: tf.nn.avg_pool3d(x, 3, 2, "SAME"), In((None, 5, 4, 5, 2))),
    op(
        "depthwise_uneven_strides",
        lambda tf, x: tf.nn.depthwise_conv2d(
            tf.pad(x, [[0, 0], [1, 0], [0, 0], [0, 0]]),
            weights(3, 3, 3, 2),
            [1, 1, 1, 1],
            "SAME",
            dilations=[1, 3],
        ),
        IMAGE,
    ),
    op(
        "leaky_fused_conv",
        lambda tf, x: tf.nn.leaky_relu(
            tf.nn.bias_add(
                tf.nn.depthwise_conv2d(x, weights(3, 3, 3, 1), [1, 1, 1, 1], "SAME"), weights(3)
            ),
            0.05,
        ),
        IMAGE,
    ),
    op(
        "matmul_bias_sigmoid_transposed",
        lambda tf, x: tf.sigmoid(
            tf.nn.bias_add(tf.matmul(x, weights(3, 5), transpose_b=True), weights(3))
        ),
        X,
    ),
    op(
        "matmul_transpose_a_bias",
        lambda tf, x: tf.nn.relu(
            tf.nn.bias_add(tf.matmul(x, weights(4, 3), transpose_a=True), weights(3))
        ),
        In((4, 6)),
    ),
)
