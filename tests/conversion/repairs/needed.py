"""What each repair is needed for: a graph, and a backend that is wrong or refuses without it.

`EXPANSIONS` rewrite a graph into one that TensorFlow computes as well; `PASSES` come later, where
the stock converter has its own. What takes a model of another kind has tests of its own.
"""

# ruff: noqa: E501 (one case, one line)

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf


def floats(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def integers(*shape, low=0, high=10):
    return np.random.default_rng(len(shape)).integers(low, high, shape).astype(np.int32)


raw = tf.raw_ops
X, Y, IMAGE = floats(3, 6, 4), floats(3, 6, 4) + 2, floats(2, 8, 8, 4)
COLOURS = 1 / (1 + np.exp(-floats(2, 4, 4, 3)))
VOLUME = floats(2, 6, 6, 6, 3)
IDS = integers(3, 6)
TRANSFORMS = np.array(
    [[0.9, 0.1, 0.5, -0.1, 1.1, 0.2, 0, 0], [1.3, -0.2, -3, 0.3, 0.8, -2, 0.01, 0.02]], np.float32
)
WIDE = integers(3, 6, low=-(2**31), high=2**31 - 1)
WIDE_IMAGE = integers(2, 4, 6, 8, low=-(2**31), high=2**31 - 1)
SHORT = integers(3, 6, high=256).astype(np.uint8)
FILTERS = {
    name: floats(*shape) for name, shape in {"groups": (3, 3, 2, 6), "each": (3, 3, 1, 8)}.items()
}


class Expansion(NamedTuple):
    name: str
    backend: str
    """One that fails without it."""
    function: object
    arguments: tuple
    free: bool = True


def case(name, backend, function, *arguments, free=True):
    return Expansion(name, backend, function, arguments, free)


def training(x):
    scale, offset = tf.constant([0.5, 1, 2, 3]), tf.constant([1.0, 2, 3, 4])
    return tf.compat.v1.nn.fused_batch_norm(x, scale, offset, is_training=True)[0]


def softly(boxes, scores, overlap):
    found = tf.image.non_max_suppression_with_scores(boxes, scores, 3, overlap, soft_nms_sigma=0.5)
    return found[1]


BOXES = np.array([[0, 0, 1, 1], [0, 0.1, 1, 1.1], [2, 2, 3, 3]], np.float32)
EXPANSIONS = [
    case("erfc", "cpu", tf.math.erfc, X),
    case("softsign", "cpu", tf.nn.softsign, X),
    case("xlogy", "cpu", lambda x, y: tf.math.xlogy(tf.nn.relu(x), abs(y)), X, Y),
    case("xlog1py", "cpu", lambda x, y: tf.math.xlog1py(tf.nn.relu(x), abs(y)), X, Y),
    case("xdivy", "cpu", lambda x: tf.math.xdivy(tf.nn.relu(x), x), X),
    case("mul-no-nan", "cpu", lambda x, y: tf.math.multiply_no_nan(y, tf.nn.relu(x)), X, Y),
    case("log1p", "wasm", lambda x: tf.math.log1p(1e-7 * x) * 1e7, X),
    case("sign", "wasm", lambda x: tf.sign(1e-9 * x), X),
    case("float-range", "cpu", lambda x: tf.range(0.0, x, 0.1), np.array(0.3, np.float32)),
    case("rint", "cpu", lambda x: tf.math.rint(3 * x), X),
    case("inv", "cpu", lambda x: raw.Inv(x=x), X),
    case("l2-loss", "cpu", tf.nn.l2_loss, X),
    case("truncate-div", "cpu", tf.truncatediv, IDS - 5, IDS + 1),
    case("truncate-mod", "cpu", tf.truncatemod, IDS - 5, IDS + 1),
    case("approximate-equal", "cpu", lambda x: raw.ApproximateEqual(x=x, y=x + 0.1, tolerance=0.2), X),
    case("float-floordiv", "cpu", lambda x: tf.floor(x * 1e10) // 3.0, X),
    case("cast-to-bool", "wasm", lambda x: tf.cast(x, tf.bool), np.array([0.5, 256, 0, -1], np.float32)),
    case("cross", "cpu", tf.linalg.cross, floats(4, 3), floats(4, 3) + 1),
    case("fake-quantization", "cpu", lambda x: tf.quantization.fake_quant_with_min_max_vars(x, -1.0, 1.5), X),
    case("bitwise-and", "cpu", tf.bitwise.bitwise_and, WIDE, WIDE[::-1].copy()),
    case("bitwise-or", "cpu", tf.bitwise.bitwise_or, WIDE, WIDE[::-1].copy()),
    case("bitwise-xor", "cpu", tf.bitwise.bitwise_xor, WIDE, WIDE[::-1].copy()),
    case("invert", "cpu", tf.bitwise.invert, WIDE),
    case("shift", "cpu", tf.bitwise.right_shift, WIDE, IDS),
    case("matrix-band-part", "cpu", lambda x: tf.linalg.band_part(x, -1, 0), floats(2, 5, 5)),
    case("einsum", "wasm", lambda x, y: tf.einsum("aecd,abcd->acbe", x, y), floats(2, 5, 4, 3), floats(2, 6, 4, 3)),
    case("batch-matmul-v3", "cpu", lambda x: raw.BatchMatMulV3(x=x, y=floats(4, 3), Tout=tf.float32), X),
    case("matrix-diag", "cpu", tf.linalg.diag, X),
    case("matrix-diag-part", "cpu", tf.linalg.diag_part, X),
    case("matrix-set-diag", "cpu", tf.linalg.set_diag, floats(3, 5, 5), floats(3, 5)),
    case("one-hot", "cpu", lambda i: tf.one_hot(i, 10, axis=1), IDS),
    case("gather-axis", "node", lambda x: tf.gather(x, [2, 0], axis=-1), X),
    case("gather-batched", "wasm", lambda x, i: tf.gather(x, i, axis=2, batch_dims=1), X, IDS % 4),
    case("cumulative-axis", "cpu", lambda x: tf.cumsum(x, -1, reverse=True), X[:2]),
    case("bucketize", "cpu", lambda x: raw.Bucketize(input=x, boundaries=[-1.0, 0.0, 0.5]), X),
    case("search-sorted", "node", lambda x: tf.searchsorted([-1.0, 0.0, 0.5], x, side="right"), floats(7)),
    case("bincount", "node", lambda i: tf.math.bincount(i, minlength=9, maxlength=9, axis=-1), IDS),
    case("roll", "cpu", lambda x: tf.roll(x, [2, -1], [0, 2]), X),
    case("reverse-sequence", "cpu", lambda x, n: tf.reverse_sequence(x, n, 1), X, np.array([2, 6, 1], np.int32)),
    case("space-to-depth", "cpu", lambda x: tf.nn.space_to_depth(x, 2), IMAGE),
    case("tensor-scatter", "cpu", lambda x: tf.tensor_scatter_nd_add(x, [[0], [1], [0]], Y), X),
    case("segment-sum", "wasm", lambda x: tf.math.unsorted_segment_sum(x, [3, -1, 3], 5), X, free=False),
    case("segment-extreme", "cpu", lambda x: tf.math.unsorted_segment_max(x, [3, 0, 3], 5), X, free=False),
    case("segment-product", "cpu", lambda x: tf.math.unsorted_segment_prod(x, [3, 0, 3], 5), X, free=False),
    case("segment-mean", "cpu", lambda x: tf.math.segment_mean(x, [0, 0, 2]), X, free=False),
    case("invert-permutation", "cpu", tf.math.invert_permutation, np.array([2, 0, 1], np.int32)),
    case("ensure-shape", "cpu", lambda x: tf.ensure_shape(x, [None, 6, 4]) * 2, X),
    case("batch-norm-training", "cpu", training, IMAGE),
    case("grouped-convolution", "cpu", lambda x: tf.nn.conv2d(x, FILTERS["groups"], 2, "SAME"), IMAGE),
    case("skipping-convolution", "wasm", lambda x: tf.nn.conv2d(x, floats(3, 3, 3, 4), 4, "SAME"), floats(1, 8, 8, 3)),
    case("skipping-convolution", "wasm", lambda x: tf.nn.depthwise_conv2d(x, floats(2, 2, 3, 1), [1, 3, 3, 1], "SAME"), floats(2, 9, 8, 3)),
    case("grouped-convolution", "cpu", lambda x: tf.nn.conv2d(x, FILTERS["each"], 1, "VALID"), IMAGE),
    case("transposed-convolution-3d", "cpu", lambda x: tf.nn.conv3d_transpose(x, floats(3, 2, 3, 5, 3), [2, 12, 11, 12, 5], 2, "SAME"), VOLUME, free=False),
    case("dilated-transposed-convolution", "cpu", lambda x: tf.nn.conv2d_transpose(x, floats(3, 3, 5, 4), [2, 8, 8, 5], 1, "SAME", dilations=2), IMAGE, free=False),
    case("max-pooling-3d", "wasm", lambda x: tf.nn.max_pool3d(-abs(x), 3, 2, "SAME"), VOLUME),
    case("dilation-2d", "wasm", lambda x: tf.nn.dilation2d(x - 9, floats(3, 3, 4), [1, 2, 2, 1], "SAME", "NHWC", [1, 2, 2, 1]), IMAGE),
    case("resize", "cpu", lambda x: tf.image.resize(x, [5, 11], "bicubic"), IMAGE),
    case("soft-suppression", "cpu", lambda boxes, scores: softly(boxes, scores, 0.4), BOXES, np.array([0.9, 0.8, 0.3], np.float32)),
    case("resize", "cpu", lambda x: tf.image.resize(x, [4, 6], "area"), IMAGE),
    case("rgb-to-hsv", "cpu", tf.image.rgb_to_hsv, COLOURS),
    case("rgb-to-hsv", "cpu", tf.image.rgb_to_hsv, 2 * COLOURS - 1),
    case("hsv-to-rgb", "cpu", tf.image.hsv_to_rgb, COLOURS),
    case("adjust-contrast", "cpu", lambda x: tf.image.adjust_contrast(x, 2.0), COLOURS),
    case("adjust-saturation", "cpu", lambda x: tf.image.adjust_saturation(x, 0.5), COLOURS),
    case("adjust-saturation", "cpu", lambda x: tf.image.adjust_saturation(x, 1.5), 2 * COLOURS - 1),
    case("adjust-hue", "cpu", lambda x: tf.image.adjust_hue(x, 0.2), COLOURS),
    case("adjust-hue", "cpu", lambda x: tf.image.adjust_hue(x, -0.4), 2 * COLOURS - 1),
    case("extract-image-patches", "cpu", lambda x: tf.image.extract_patches(x, [1, 3, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME"), IMAGE),
    case("debug-ops", "cpu", lambda x: tf.debugging.check_numerics(x, "x") * 2, X),
    case("scale-and-translate", "cpu", lambda x: raw.ScaleAndTranslate(images=x, size=[5, 11], scale=[0.6, 1.4], translation=[0.5, -0.3], kernel_type="lanczos3", antialias=True), IMAGE),
    case("cast-to-float16", "cpu", lambda x: tf.cast(tf.cast(x, tf.float16), tf.float32), np.concatenate([floats(50) * 10.0 ** np.arange(-25, 25) / 1e6, [65519, 65520, np.inf, -0.0]]).astype(np.float32)),
    case("channels-first", "cpu", lambda x: tf.nn.bias_add(x, [1.0, 2, 3, 4], "NCHW"), floats(2, 4, 6, 4)),
    case("einsum", "cpu", lambda x: tf.einsum("bii->b", x), floats(2, 5, 5)),
    case("max-pool-with-argmax", "node", lambda x: tf.nn.max_pool_with_argmax(x, 3, 2, "SAME", include_batch_in_index=True), IMAGE),
    *(
        case("projective-transform", "node", lambda x, fill=fill, how=how: raw.ImageProjectiveTransformV3(images=x, transforms=TRANSFORMS, output_shape=[10, 9], interpolation=how, fill_mode=fill, fill_value=0.5), IMAGE, free=False)
        for fill, how in (("CONSTANT", "BILINEAR"), ("REFLECT", "BILINEAR"), ("WRAP", "NEAREST"), ("NEAREST", "BILINEAR"))
    ),
    case("projective-transform", "cpu", lambda x: raw.ImageProjectiveTransformV3(images=x, transforms=TRANSFORMS[:1], output_shape=[8, 8], interpolation="BILINEAR", fill_mode="CONSTANT", fill_value=0.0), IMAGE),
    case("complex-numbers", "wasm", lambda x: tf.abs(tf.signal.rfft(x, [96])), floats(2, 90)),
    case("complex-numbers", "wasm", lambda x: tf.math.angle(tf.signal.rfft(x))[:, ::8], floats(24, 16)),
    case("complex-numbers", "wasm", lambda x: tf.signal.irfft(tf.signal.rfft(x)[..., 1:], [15]), floats(2, 20)),
    case("complex-numbers", "wasm", lambda x, y: tf.math.angle(tf.signal.ifft2d(tf.complex(x, y) / tf.complex(y, x + 9))), X, Y),
    case("complex-numbers", "wasm", lambda x, y: [tf.math.real(part) for part in tf.split(tf.exp(tf.complex(x, y)) * (1 + 2j), 2, axis=1)], X, Y),
    case("complex-numbers", "cpu", tf.signal.dct, floats(3, 8)),
    case("complex-numbers", "cpu", lambda x, y: tf.math.imag(tf.matmul(tf.complex(x, y), tf.complex(y, x), transpose_b=True)), X, Y),
    case("matrix-diag", "cpu", lambda x: [tf.linalg.diag(x, k=2), tf.linalg.diag(x, k=-1)], X),
    case("dynamic-stitch", "cpu", lambda x: tf.dynamic_stitch([[0, 2], [[1], [2]]], [x[:2], x[1:, None]]), X, free=False),
    case("dynamic-partition", "cpu", lambda x, i: tf.dynamic_partition(x, i[:, 0] % 2, 2), X, IDS),
    case("in-top-k", "cpu", lambda x, i: tf.math.in_top_k(i[:, 0], x[:, :, 0], 3), X, IDS),
    case("tensor-scatter-extreme", "cpu", lambda x: [tf.tensor_scatter_nd_max(x, [[0], [2], [0]], Y), tf.tensor_scatter_nd_min(x, [[1], [1], [1]], Y - 3)], X, free=False),
    case("switch-case", "cpu", lambda x, i: tf.switch_case(i, [lambda: x + 1, lambda: x[:, :2], lambda: -x]), X, np.int32(1)),
    case("switch-case", "cpu", lambda x, i: tf.switch_case(i, [lambda: x + 1, lambda: x * 2]), X, np.int32(-3)),
    case("sign-bit", "cpu", lambda x: tf.bitwise.bitwise_and(tf.bitcast(x, tf.int32), -(2**31)) < 0, np.array([0.0, -0.0, 2, -3], np.float32)),
    case("sign-bit", "wasm", lambda x: [tf.bitcast(x, tf.int32) < 0, tf.bitcast(-x, tf.int32) >= 0], np.array([0.0, -0.0, 2, -3, -np.inf], np.float32)),
    case("shape-n", "node", lambda x, y: [shape // 2 for shape in tf.shape_n([x, y])], X, IMAGE),
    case("index-beside-stride", "cpu", lambda x: [x[:, ::2, 1], x[:, -1, ::-2], x[1, ..., ::2]], X),
    case("index-beside-stride", "wasm", lambda x: [x[:, 0, ..., tf.newaxis, ::3], x[:, :, tf.newaxis, 2, 1::2]], IMAGE),
    case("index-beside-stride", "cpu", lambda x, i: x[:, i[0, 0], ::2], X, IDS % 6),
    case("strided-integers", "wasm", lambda x: [x[:, ::2], x[:, ::-1], (x > 0)[:, 1::2]], WIDE),
    case("reversed-truths", "wasm", lambda x: tf.reverse(x > 0, [1]), X),
    case("row-selection", "cpu", lambda x: tf.compat.v1.where(x[:, 0] > 0, x, -x), floats(4, 4)),
    case("selected-truths", "wasm", lambda x: tf.where(x[:, :1] > 0, x > 1, x < -1), X),
    case("integer-mean", "cpu", lambda i: [tf.reduce_mean(i - 7, 1), tf.reduce_mean(tf.cast(i, tf.int64), keepdims=True)], IDS),
    case("integer-mean", "cpu", lambda x: tf.cast(tf.reduce_mean(x, [0, 1]), tf.float32), SHORT, free=False),
    case("integer-magnitude", "cpu", tf.abs, WIDE),
    case("integer-negative", "wasm", tf.negative, WIDE),
    case("integer-square", "cpu", tf.square, integers(3, 6, low=-40000, high=40000)),
    case("integer-quotient", "wasm", lambda x, i: [x // 7, x // (i + 1), (x // 9) // -5, x // WIDE[::-1]], WIDE, IDS, free=False),
    case("integer-blocks", "cpu", lambda x: tf.nn.depth_to_space(x, 2), WIDE_IMAGE),
    case("nearest-integers", "wasm", lambda x: tf.image.resize(x, [3, 5], "nearest"), WIDE_IMAGE),
    case("wrapped-cast", "cpu", lambda i: [tf.cast(tf.cast(77 * i - 300, dtype), tf.int32) for dtype in (tf.uint8, tf.int8)], IDS),
    case("wrapped-cast", "wasm", lambda x: tf.cast(tf.cast(x, tf.int8), tf.int32), SHORT),
    case("wrapped-arithmetic", "cpu", lambda x, y: [tf.cast(part, tf.int32) for part in (x + y, x - y, x * y, tf.square(x), tf.reduce_sum(x, 1))], SHORT, SHORT[::-1].copy()),
    case("empty-reduction", "cpu", lambda x: [tf.reduce_max(x[:, :0], 1), tf.reduce_min(x[:, 2:2], [1, 2]), tf.reduce_all(x[:, :0] > 0, 1, keepdims=True)], X),
    case("empty-reduction", "wasm", lambda x: [tf.reduce_prod(x[:, :0], 1), tf.reduce_any(x[:, :0] > 0, 1)], X),
    case("batch-matmul-broadcast", "cpu", tf.matmul, floats(2, 3, 4, 5), floats(2, 1, 5, 2)),
    case("batch-matmul-broadcast", "wasm", lambda x, y: tf.matmul(x, y, transpose_b=True), floats(2, 1, 4, 5), floats(3, 2, 5), free=False),
    case("explicit-pooling", "cpu", lambda x: tf.nn.max_pool2d(x - 9, 3, 2, [[0, 0], [1, 1], [0, 2], [0, 0]]), IMAGE),
    case("explicit-transposed-convolution", "node", lambda x: tf.nn.conv2d_transpose(x, floats(3, 3, 5, 4), [2, 16, 15, 5], 2, [[0, 0], [1, 0], [1, 1], [0, 0]]), IMAGE, free=False),
    case("channels-first", "cpu", lambda x: tf.nn.conv2d_transpose(x, floats(3, 3, 5, 4), [2, 5, 12, 9], [2, 1], "SAME", "NCHW"), floats(2, 4, 6, 9), free=False),
    case("gather-batched", "wasm", lambda x, i: tf.gather(x, i[:, 0] % 4, axis=2, batch_dims=1), X, IDS),
]  # fmt: skip

ROWS = floats(3, 4)
KERNEL, DEPTHWISE, BIAS = floats(3, 3, 4, 6), floats(3, 3, 4, 1), floats(6)


def convolved(x):
    return tf.nn.conv2d(x, KERNEL, 1, "SAME")


def normalized(x):
    return tf.compat.v1.nn.fused_batch_norm(
        x, BIAS, BIAS + 1, mean=BIAS / 2, variance=abs(BIAS) + 0.5, is_training=False
    )[0]


def norm_and_relu(x):
    y = convolved(x)
    return normalized(y), tf.nn.relu(y)


def norms_of_biased(x):
    y = tf.nn.bias_add(convolved(x), BIAS)
    return normalized(y), tf.nn.relu(y)


def biased_and_not(x):
    y = tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, 1, 1, 1], "SAME")
    return tf.nn.bias_add(y, BIAS[:4]), y


def mapped(x):
    return tf.map_fn(lambda row: tf.reduce_sum(row) * row, x)


PASSES = {
    "bias of rank 4": ("bias-rank", "wasm", lambda x: tf.nn.relu(convolved(x) + BIAS[None, None, None]), IMAGE),
    "bias of rank 0": ("bias-rank", "wasm", lambda x: tf.nn.relu6(convolved(x) + 3.0), IMAGE),
    "residual": ("bias-rank", "wasm", lambda x: tf.nn.relu(tf.nn.conv2d(x, KERNEL[..., :4], 1, "SAME") + x), IMAGE),
    "tanh": ("fused-activation", "cpu", lambda x: tf.tanh(tf.nn.bias_add(x @ KERNEL[0, 0], BIAS)), ROWS),
    "two users": ("batch-norm-folding", "cpu", norm_and_relu, IMAGE),
    "two users of a bias": ("batch-norm-folding", "cpu", norms_of_biased, IMAGE),
    "depthwise with two users": ("shared-convolution", "cpu", biased_and_not, IMAGE),
    "transposed": ("fused-transposition", "wasm", lambda x: tf.nn.relu(tf.nn.bias_add(tf.matmul(x, KERNEL[0, 0].T.copy(), transpose_b=True), BIAS)), ROWS),
    "two outputs of a branch": ("separate-returns", "cpu", lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: tf.split(x, 2, 1), lambda: tf.split(-x, 2, 1)), ROWS),
    "two outputs of a loop": ("separate-returns", "wasm", lambda x: tf.while_loop(lambda i, a, b: i < 2, lambda i, a, b: (i + 1, *tf.split(tf.concat([b, a], 1) + 1, 2, 1)), (0, x[:, :2], x[:, 2:]))[1:], ROWS),
    "a named output in a branch": ("numbered-outputs", "cpu", lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: tf.math.top_k(x, 2)[1], lambda: tf.math.top_k(-x, 2)[1]), ROWS),
    "a named output in a loop": ("numbered-outputs", "wasm", lambda x: tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, v + tf.cast(tf.math.top_k(v, 4)[1], tf.float32)), (0, x))[1], ROWS),
}  # fmt: skip
