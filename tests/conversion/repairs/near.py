"""What each repair must not touch: its op where TensorFlow.js is right, or a neighbour of it.

Each is run on the backend that needs the repair, so that it is right there is no assumption.
"""

# ruff: noqa: E501 (one case, one line)

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tests.conversion.repairs.needed import (
    BIAS,
    BOXES,
    COLOURS,
    DEPTHWISE,
    IDS,
    IMAGE,
    KERNEL,
    ROWS,
    SHORT,
    TRANSFORMS,
    VOLUME,
    WIDE,
    X,
    Y,
    convolved,
    floats,
    integers,
    normalized,
    softly,
)


class NearMiss(NamedTuple):
    name: str
    """The repair."""
    backend: str
    operation: str
    """What has to be there still."""
    function: object
    arguments: tuple
    free: bool = True
    others: tuple = ()
    """Other repairs that are in place."""


def near(name, backend, operation, function, *arguments, free=True, others=()):
    return NearMiss(name, backend, operation, function, arguments, free, others)


def inference(x):
    return tf.compat.v1.nn.fused_batch_norm(
        x, [1.0] * 4, [0.0] * 4, mean=[0.5] * 4, variance=[2.0] * 4, is_training=False
    )[0]


SQUARES = floats(2, 5, 5)
SMALL = integers(3, 6, low=-1000, high=1000)

NEAR_MISSES = [
    near("erfc", "cpu", "Erf", tf.math.erf, X),
    near("softsign", "cpu", "Softplus", tf.nn.softplus, X),
    near("xlogy", "cpu", "Log", lambda x, y: x * tf.math.log(y), X, abs(Y)),
    near("xlog1py", "cpu", "Log", lambda x: tf.math.log1p(abs(x)), X, others=("log1p",)),
    near("log1p", "wasm", "Expm1", lambda x: tf.math.expm1(1e-7 * x) * 1e7, X),
    near("sign", "wasm", "Sign", lambda i: tf.sign(i - 5), IDS),
    near("float-range", "cpu", "Range", lambda i: tf.range(3, i[0, 0] + 20, 4), IDS),
    near("xdivy", "cpu", "RealDiv", lambda x, y: x / y, X, Y + 9),
    near("mul-no-nan", "cpu", "DivNoNan", lambda x, y: tf.math.divide_no_nan(x, tf.nn.relu(y)), X, Y),
    near("rint", "cpu", "Round", lambda x: tf.round(3 * x), X),
    near("inv", "cpu", "Reciprocal", tf.math.reciprocal, X),
    near("l2-loss", "cpu", "Square", lambda x: tf.reduce_sum(tf.square(x)), X),
    near("truncate-div", "cpu", "FloorDiv", lambda i: (tf.cast(i, tf.int32) - 5) // 3, SHORT),
    near("truncate-mod", "cpu", "FloorMod", lambda i: (i - 5) % 3, IDS),
    near("approximate-equal", "cpu", "Equal", lambda x, y: tf.equal(x, tf.round(y)), np.round(X), Y),
    near("float-floordiv", "cpu", "FloorDiv", lambda x: tf.argmax(x, 1) // 2, X),
    near("cast-to-bool", "wasm", "Cast", lambda x: tf.cast(3 * x, tf.int32), X),
    near("cross", "cpu", "Mul", lambda x, y: x * y, floats(4, 3), floats(4, 3)),
    near("fake-quantization", "cpu", "Minimum", lambda x: tf.minimum(tf.maximum(x, -1.0), 1.5), X),
    near("bitwise-and", "cpu", "LogicalAnd", lambda x: (x > 0) & (x < 1), X),
    near("bitwise-or", "cpu", "LogicalOr", lambda x: (x < 0) | (x > 1), X),
    near("bitwise-xor", "cpu", "NotEqual", lambda x, y: tf.not_equal(x > 0, y > 0), X, Y),
    near("invert", "cpu", "LogicalNot", lambda x: tf.logical_not(tf.math.is_nan(tf.math.log(x))), X),
    near("shift", "cpu", "FloorDiv", lambda x: tf.cast(x, tf.int32) // 8, SHORT),
    near("sign-bit", "wasm", "Less", lambda i: i < 0, WIDE),
    near("matrix-band-part", "cpu", "SelectV2", lambda x: tf.where(np.tri(5) > 0, x, 0.0), SQUARES),
    near("einsum", "wasm", "BatchMatMulV2", lambda x, y: tf.matmul(x, y, transpose_b=True), X, Y),
    near("batch-matmul-v3", "cpu", "BatchMatMulV2", lambda x: tf.matmul(x, floats(1, 4, 3)), X),
    near("batch-matmul-broadcast", "wasm", "BatchMatMulV2", tf.matmul, floats(2, 3, 4, 5), floats(3, 5, 2), free=False),
    near("batch-matmul-broadcast", "cpu", "BatchMatMulV2", tf.matmul, floats(1, 4, 5), floats(2, 3, 5, 2), free=False),
    near("matrix-diag", "cpu", "Mul", lambda x: x[..., None] * np.eye(4, dtype=np.float32), X),
    near("matrix-diag-part", "cpu", "Sum", lambda x: tf.reduce_sum(x * np.eye(5, dtype=np.float32), 2), SQUARES),
    near("matrix-set-diag", "cpu", "SelectV2", lambda x: tf.where(np.eye(5) > 0, 2.0, x), SQUARES),
    near("one-hot", "wasm", "OneHot", lambda i: tf.one_hot(i, 7, dtype=tf.int32), IDS),
    near("gather-axis", "node", "GatherV2", lambda x: tf.gather(x, [1], axis=2), X),
    near("gather-batched", "wasm", "GatherV2", lambda x, i: tf.gather(x, i[0] % 4, axis=2), X, IDS),
    near("cumulative-axis", "cpu", "Cumsum", lambda x: tf.cumsum(x, 1, exclusive=True, reverse=True), X),
    near("bucketize", "cpu", "GreaterEqual", lambda x: x >= 0.5, X),
    near("search-sorted", "node", "Less", lambda x: tf.reduce_sum(tf.cast(x[:, None] < [-1.0, 0.5], tf.int32), 1), floats(7)),
    near("bincount", "node", "Sum", lambda i: tf.reduce_sum(tf.cast(tf.equal(i, 3), tf.int32), 1), IDS),
    near("roll", "cpu", "ConcatV2", lambda x: tf.concat([x[:, 2:], x[:, :2]], 1), X),
    near("reverse-sequence", "cpu", "ReverseV2", lambda x: tf.reverse(x, [1]), X),
    near("space-to-depth", "cpu", "DepthToSpace", lambda x: tf.nn.depth_to_space(x, 2), IMAGE),
    near("tensor-scatter", "cpu", "TensorScatterUpdate", lambda x: tf.tensor_scatter_nd_update(x, [[0], [2]], Y[:2]), X, free=False),
    near("tensor-scatter-extreme", "cpu", "Maximum", lambda x, y: tf.maximum(x, y), X, Y),
    near("segment-sum", "wasm", "Sum", lambda x: tf.reduce_sum(x, 1), X),
    near("segment-extreme", "cpu", "Max", lambda x: tf.reduce_max(x, 1), X),
    near("segment-product", "cpu", "Prod", lambda x: tf.reduce_prod(x, 1), X),
    near("segment-mean", "cpu", "Mean", lambda x: tf.reduce_mean(x, 1), X),
    near("invert-permutation", "cpu", "TopKV2", lambda i: tf.math.top_k(i, 6)[1], np.array([[2, 0, 5, 1, 3, 4]], np.int32)),
    near("ensure-shape", "cpu", "Reshape", lambda x: tf.reshape(x, [-1, 24]), X),
    near("batch-norm-training", "cpu", "FusedBatchNormV3", inference, IMAGE),
    near("skipping-convolution", "wasm", "Conv2D", lambda x: tf.nn.conv2d(x, floats(3, 3, 3, 4), 4, "SAME"), floats(1, 9, 9, 3)),
    near("skipping-convolution", "wasm", "Conv2D", lambda x: tf.nn.conv2d(x, floats(1, 1, 3, 4), 2, "SAME"), floats(1, 8, 8, 3)),
    near("grouped-convolution", "cpu", "Conv2D", lambda x: tf.nn.conv2d(x, floats(3, 3, 4, 5), 2, "SAME"), IMAGE),
    near("transposed-convolution-3d", "cpu", "Conv3D", lambda x: tf.nn.conv3d(x, floats(2, 2, 2, 3, 2), [1] * 5, "SAME"), VOLUME),
    near("dilated-transposed-convolution", "cpu", "Conv2DBackpropInput", lambda x: tf.nn.conv2d_transpose(x, floats(3, 3, 5, 4), [2, 16, 16, 5], 2), IMAGE, free=False),
    near("explicit-transposed-convolution", "node", "Conv2DBackpropInput", lambda x: tf.nn.conv2d_transpose(x, floats(3, 3, 5, 4), [2, 10, 10, 5], 1, "VALID"), IMAGE, free=False),
    near("explicit-pooling", "cpu", "MaxPool", lambda x: tf.nn.max_pool2d(x - 9, 3, 2, "SAME"), IMAGE),
    near("max-pooling-3d", "wasm", "AvgPool3D", lambda x: tf.nn.avg_pool3d(x, 3, 2, "SAME"), VOLUME),
    near("dilation-2d", "wasm", "MaxPool", lambda x: tf.nn.max_pool2d(x - 9, 3, 1, "VALID"), IMAGE),
    near("max-pool-with-argmax", "node", "ArgMax", lambda x: [tf.nn.max_pool2d(x, 2, 2, "SAME"), tf.argmax(x, 3, tf.int32)], IMAGE),
    near("soft-suppression", "cpu", "NonMaxSuppressionV5", lambda x, y: softly(x, y, 1.0), BOXES, np.array([0.9, 0.8, 0.3], np.float32)),
    near("resize", "cpu", "ResizeBilinear", lambda x: tf.image.resize(x, [5, 11]), IMAGE),
    near("scale-and-translate", "cpu", "ResizeNearestNeighbor", lambda x: tf.image.resize(x, [5, 11], "nearest"), IMAGE),
    near("nearest-integers", "wasm", "ResizeNearestNeighbor", lambda x: tf.image.resize(x, [3, 5], "nearest"), IMAGE),
    near("rgb-to-hsv", "cpu", "MatMul", tf.image.rgb_to_grayscale, COLOURS),
    near("hsv-to-rgb", "cpu", "Maximum", lambda x: tf.maximum(x[..., :1], x[..., 1:]), COLOURS),
    near("adjust-contrast", "cpu", "AddV2", lambda x: tf.image.adjust_brightness(x, 0.2), COLOURS),
    near("adjust-saturation", "cpu", "Pow", lambda x: tf.image.adjust_gamma(x, 1.5), COLOURS),
    near("adjust-hue", "cpu", "FloorMod", lambda x: (x + 0.4) % 1.0, COLOURS),
    near("extract-image-patches", "cpu", "StridedSlice", lambda x: x[:, ::2, 1::3], IMAGE),
    near("debug-ops", "cpu", "IsFinite", tf.math.is_finite, X),
    near("cast-to-float16", "cpu", "Cast", lambda i: tf.cast(i, tf.float32) / 3, IDS),
    near("channels-first", "cpu", "BiasAdd", lambda x: tf.nn.bias_add(x, [1.0, 2, 3, 4]), IMAGE),
    near("channels-first", "cpu", "AvgPool", lambda x: tf.nn.avg_pool2d(x, 2, 2, "SAME"), IMAGE),
    near("projective-transform", "node", "CropAndResize", lambda x: tf.image.crop_and_resize(x, abs(TRANSFORMS[:, :4]) / 2, [0, 1], [4, 4]), IMAGE, free=False),
    near("complex-numbers", "wasm", "Sqrt", lambda x, y: tf.sqrt(tf.square(x) + tf.square(y)), X, Y),
    near("dynamic-stitch", "cpu", "ConcatV2", lambda x, y: tf.concat([x, y], 0), X, Y),
    near("dynamic-partition", "cpu", "Where", lambda i: tf.where(i[:, 0] > 3), IDS),
    near("in-top-k", "cpu", "TopKV2", lambda x: tf.math.top_k(x, 3)[0], X),
    near("switch-case", "cpu", "StatelessIf", lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x + 1, lambda: -x), X, others=("control-flow",)),
    near("shape-n", "node", "Shape", lambda x: tf.shape(x) // 2, X),
    near("index-beside-stride", "cpu", "StridedSlice", lambda x: [x[:, 1, -2:], x[:, ::2]], X),
    near("strided-integers", "wasm", "StridedSlice", lambda i: [i[:, 1:4], i[:, -1]], WIDE),
    near("strided-integers", "wasm", "StridedSlice", lambda x: x[:, ::-2], X),
    near("reversed-truths", "wasm", "ReverseV2", lambda i: tf.reverse(i, [1]), WIDE),
    near("row-selection", "cpu", "Select", lambda x: tf.compat.v1.where(x > 0, x, -x), X),
    near("selected-truths", "wasm", "SelectV2", lambda i: tf.where(i > 3, i, -1), WIDE),
    near("integer-mean", "cpu", "Mean", lambda x: tf.reduce_mean(x, [1, 2]), X),
    near("integer-magnitude", "cpu", "Abs", tf.abs, X),
    near("integer-negative", "wasm", "Neg", tf.negative, X),
    near("integer-square", "cpu", "Square", tf.square, X),
    near("integer-quotient", "wasm", "FloorDiv", lambda x: (tf.shape(x)[0] * 6 + 1) // 2, X),
    near("integer-blocks", "cpu", "DepthToSpace", lambda x: tf.nn.depth_to_space(x, 2), IMAGE),
    near("wrapped-cast", "cpu", "Cast", lambda x: tf.cast(tf.cast(tf.clip_by_value(99 * x, 0.0, 255.0), tf.uint8), tf.float32), X),
    near("wrapped-cast", "cpu", "Cast", lambda i: tf.saturate_cast(i, tf.uint8), SMALL),
    near("wrapped-cast", "cpu", "Cast", lambda x: tf.cast(x, tf.int32) + 1, SHORT),
    near("wrapped-arithmetic", "cpu", "Mul", lambda i, j: i * j - 300, IDS, SMALL),
    near("empty-reduction", "cpu", "Max", lambda x: tf.reduce_max(x[:, 1:3], [1, 2]), X),
    near("loop-list-items", "cpu", "StatelessWhile", lambda x: tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, tf.tanh(v)), (0, x))[1], X, others=("control-flow",)),
    near("control-flow", "cpu", "SelectV2", lambda x: tf.where(tf.reduce_sum(x) > 0, x, -x), X),
    near("separate-returns", "cpu", "StatelessIf", lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: (x + 1, -x), lambda: (tf.split(x, 2, 1)[1], x)), X, others=("control-flow",)),
    near("numbered-outputs", "cpu", "StatelessIf", lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: tf.split(x, 2, 2)[1], lambda: tf.math.top_k(x, 2)[0]), X, others=("control-flow",)),
    near("string-comparison-guard", "wasm", "Equal", lambda i: tf.equal(i, 3), IDS),
    near("bias-rank", "wasm", "_FusedConv2D", lambda x: tf.nn.relu(convolved(x) + BIAS), IMAGE),
    near("fused-activation", "cpu", "_FusedMatMul", lambda x: tf.sigmoid(tf.nn.bias_add(x @ KERNEL[0, 0], BIAS)), ROWS),
    near("fused-transposition", "wasm", "_FusedMatMul", lambda x: tf.nn.relu(tf.nn.bias_add(x @ KERNEL[0, 0], BIAS)), ROWS),
    near("fused-transposition", "wasm", "MatMul", lambda x: tf.matmul(x, KERNEL[0, 0].T.copy(), transpose_b=True), ROWS),
    near("batch-norm-folding", "cpu", "_FusedConv2D", lambda x: normalized(convolved(x)), IMAGE),
    near("shared-convolution", "cpu", "DepthwiseConv2dNative", lambda x: (lambda y: [tf.tanh(y), y])(tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, 1, 1, 1], "SAME")), IMAGE),
    near("float64-as-float32", "cpu", "Transpose", lambda x: tf.transpose(x, [1, 0, 2]), X.astype(np.float64), free=False),
    near("float16-as-float32", "cpu", "Reshape", lambda x: tf.reshape(x, [-1, 24]), X.astype(np.float16)),
    near("saturated-constants", "cpu", "AddV2", lambda i: i + 2_000_000_000, IDS.astype(np.int64)),
]  # fmt: skip
