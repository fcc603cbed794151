"""The op graphs, by family. A row is (name, function of `tf` and the inputs, inputs).

Single float inputs of shape [?, 5] are the default, so that most rows say only what they compute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class In:
    """One input: its shape, the values it takes, its dtype."""

    shape: tuple[int | None, ...]
    domain: str = "normal 0 2"
    dtype: str = "float32"


Function = Callable[..., Any]
Entry = tuple[str, Function, Mapping[str, In]]

X = In((None, 5))
SQUARE = In((None, 4, 4))
IMAGE = In((None, 8, 9, 3))
POSITIVE = In((None, 5), "float 0.1..4")
UNIT = In((None, 5), "float -0.95..0.95")
WHOLE = In((None, 5), "int -20..20", "int32")
NATURAL = In((None, 5), "int 1..9", "int32")
BOOL = In((None, 5), "bool", "bool")


def op(name: str, function: Function, *unnamed: In, **inputs: In) -> Entry:
    named = dict(zip("xyzw", unnamed, strict=False)) | inputs
    return name, function, named or {"x": X}


def _weights(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0, 0.5, shape).astype(np.float32)


def _bn(tf: Any, x: Any) -> Any:
    depth = x.shape[-1]
    return tf.nn.batch_normalization(
        x, _weights(depth), 1.0 + _weights(depth) ** 2, _weights(depth), 1 + _weights(depth), 1e-3
    )


def _fused_bn(tf: Any, x: Any, **options: Any) -> Any:
    depth = x.shape[-1]
    return tf.compat.v1.nn.fused_batch_norm(
        x, 1.0 + _weights(depth) ** 2, _weights(depth),
        mean=_weights(depth, seed=1), variance=1.0 + _weights(depth, seed=2) ** 2,
        is_training=False, **options,
    )[0]  # fmt: skip


UNARY = tuple(
    op(name, function, spec)
    for name, function, spec in (
        ("abs", lambda tf, x: tf.abs(x), X),
        ("neg", lambda tf, x: -x, X),
        ("sign", lambda tf, x: tf.sign(x), X),
        ("square", lambda tf, x: tf.square(x), X),
        ("sqrt", lambda tf, x: tf.sqrt(x), POSITIVE),
        ("rsqrt", lambda tf, x: tf.math.rsqrt(x), POSITIVE),
        ("reciprocal", lambda tf, x: tf.math.reciprocal(x), POSITIVE),
        ("exp", lambda tf, x: tf.exp(x), X),
        ("expm1", lambda tf, x: tf.math.expm1(x), X),
        ("log", lambda tf, x: tf.math.log(x), POSITIVE),
        ("log1p", lambda tf, x: tf.math.log1p(x), POSITIVE),
        ("sin", lambda tf, x: tf.sin(x), X),
        ("cos", lambda tf, x: tf.cos(x), X),
        ("tan", lambda tf, x: tf.tan(x), UNIT),
        ("asin", lambda tf, x: tf.asin(x), UNIT),
        ("acos", lambda tf, x: tf.acos(x), UNIT),
        ("atan", lambda tf, x: tf.atan(x), X),
        ("sinh", lambda tf, x: tf.sinh(x), X),
        ("cosh", lambda tf, x: tf.cosh(x), X),
        ("asinh", lambda tf, x: tf.asinh(x), X),
        ("acosh", lambda tf, x: tf.acosh(1 + x), POSITIVE),
        ("atanh", lambda tf, x: tf.atanh(x), UNIT),
        ("erf", lambda tf, x: tf.math.erf(x), X),
        ("erfc", lambda tf, x: tf.math.erfc(x), X),
        ("lgamma", lambda tf, x: tf.math.lgamma(x), POSITIVE),
        ("digamma", lambda tf, x: tf.math.digamma(x), POSITIVE),
        ("floor", lambda tf, x: tf.floor(x), X),
        ("ceil", lambda tf, x: tf.math.ceil(x), X),
        ("round", lambda tf, x: tf.round(x * 2) / 2, X),
        ("rint", lambda tf, x: tf.math.rint(x), X),
        ("is_nan", lambda tf, x: tf.math.is_nan(tf.math.log(x)), X),
        ("is_finite", lambda tf, x: tf.math.is_finite(1 / tf.nn.relu(x)), X),
        ("is_inf", lambda tf, x: tf.math.is_inf(1 / tf.nn.relu(x)), X),
        ("tanh", lambda tf, x: tf.tanh(x), X),
        ("sigmoid", lambda tf, x: tf.sigmoid(x), X),
        ("log_sigmoid", lambda tf, x: tf.math.log_sigmoid(x), X),
        ("softplus", lambda tf, x: tf.nn.softplus(x), X),
        ("softsign", lambda tf, x: tf.nn.softsign(x), X),
        ("relu", lambda tf, x: tf.nn.relu(x), X),
        ("relu6", lambda tf, x: tf.nn.relu6(4 * x), X),
        ("elu", lambda tf, x: tf.nn.elu(x), X),
        ("selu", lambda tf, x: tf.nn.selu(x), X),
        ("leaky_relu", lambda tf, x: tf.nn.leaky_relu(x, 0.1), X),
        ("swish", lambda tf, x: tf.nn.silu(x), X),
        ("gelu", lambda tf, x: tf.nn.gelu(x), X),
        ("gelu_tanh", lambda tf, x: tf.nn.gelu(x, approximate=True), X),
        ("softmax", lambda tf, x: tf.nn.softmax(x), X),
        ("softmax_axis", lambda tf, x: tf.nn.softmax(x, axis=1), SQUARE),
        ("log_softmax", lambda tf, x: tf.nn.log_softmax(x), X),
        ("l2_normalize", lambda tf, x: tf.math.l2_normalize(x, -1), X),
        ("clip_by_value", lambda tf, x: tf.clip_by_value(x, -1.0, 0.5), X),
        ("identity", lambda tf, x: tf.identity(x), X),
        ("zeros_like", lambda tf, x: x + tf.zeros_like(x) + tf.ones_like(x), X),
    )
)

BINARY = (
    op("add", lambda tf, x, y: x + y, X, X),
    op("add_broadcast", lambda tf, x, y: x[:, None, :] + y[None, :, :], X, X),
    op("sub", lambda tf, x, y: x - y, X, X),
    op("mul", lambda tf, x, y: x * y, X, X),
    op("real_div", lambda tf, x, y: x / y, X, POSITIVE),
    op("div_no_nan", lambda tf, x, y: tf.math.divide_no_nan(x, tf.nn.relu(y)), X, X),
    op("floor_div", lambda tf, x, y: x // y, X, POSITIVE),
    op("floor_div_int", lambda tf, x, y: x // y, WHOLE, NATURAL),
    op("floor_mod", lambda tf, x, y: x % y, X, POSITIVE),
    op("floor_mod_int", lambda tf, x, y: x % y, WHOLE, NATURAL),
    op("truncate_mod", lambda tf, x, y: tf.truncatemod(x, y), WHOLE, NATURAL),
    op("truncate_div", lambda tf, x, y: tf.truncatediv(x, y), WHOLE, NATURAL),
    op("pow", lambda tf, x, y: tf.pow(x, y), POSITIVE, X),
    op("pow_int", lambda tf, x: tf.pow(x, 3), WHOLE),
    op("maximum", lambda tf, x, y: tf.maximum(x, y), X, X),
    op("minimum", lambda tf, x, y: tf.minimum(x, y), X, X),
    op("squared_difference", lambda tf, x, y: tf.math.squared_difference(x, y), X, X),
    op("atan2", lambda tf, x, y: tf.atan2(x, y), X, POSITIVE),
    op("xlogy", lambda tf, x, y: tf.math.xlogy(x, y), X, POSITIVE),
    op("add_n", lambda tf, x, y: tf.add_n([x, y, x]), X, X),
    op("less", lambda tf, x, y: tf.less(x, y), X, X),
    op("greater_equal_int", lambda tf, x, y: x >= y, WHOLE, WHOLE),
    op("equal", lambda tf, x, y: tf.equal(x, y), NATURAL, NATURAL),
    op("not_equal", lambda tf, x, y: tf.not_equal(x, y), NATURAL, NATURAL),
    op("logical_and", lambda tf, x, y: x & y, BOOL, BOOL),
    op("logical_or", lambda tf, x, y: x | y, BOOL, BOOL),
    op("logical_xor", lambda tf, x, y: tf.math.logical_xor(x, y), BOOL, BOOL),
    op("logical_not", lambda tf, x: ~x, BOOL),
    op("bitwise_and", lambda tf, x, y: tf.bitwise.bitwise_and(x, y), WHOLE, WHOLE),
    op("bitwise_or", lambda tf, x, y: tf.bitwise.bitwise_or(x, y), WHOLE, WHOLE),
    op("bitwise_xor", lambda tf, x, y: tf.bitwise.bitwise_xor(x, y), WHOLE, WHOLE),
    op("right_shift", lambda tf, x: tf.bitwise.right_shift(x, 2), NATURAL),
    op("where", lambda tf, x, y: tf.where(x > 0, x, y), X, X),
    op("where_broadcast", lambda tf, x: tf.where(x > 0, x, 0.5), X),
)

CASTS = (
    op("cast_int", lambda tf, x: tf.cast(x, tf.int32), X),
    op("cast_float", lambda tf, x: tf.cast(x, tf.float32) / 3, WHOLE),
    op("cast_bool", lambda tf, x: tf.cast(x, tf.bool), In((None, 5), "values [0, 0.5, -1, 256]")),
    op("cast_bool_to_float", lambda tf, x: tf.cast(x, tf.float32), BOOL),
    op("cast_int64", lambda tf, x: tf.cast(x, tf.int64) * 2, X),
    op("cast_float16", lambda tf, x: tf.cast(tf.cast(x, tf.float16), tf.float32), X),
    op("cast_uint8", lambda tf, x: tf.cast(x, tf.uint8), In((None, 5), "float 0..255")),
    op("int64_input", lambda tf, x: x + 1, In((None, 5), "int -99..99", "int64")),
    op("uint8_image", lambda tf, x: tf.cast(x, tf.float32) / 255,
       In((None, 4, 4, 3), "int 0..255", "uint8")),
)  # fmt: skip

REDUCTIONS = (
    op("reduce_sum", lambda tf, x: tf.reduce_sum(x, -1), SQUARE),
    op("reduce_sum_all", lambda tf, x: tf.reduce_sum(x), X),
    op("reduce_sum_int", lambda tf, x: tf.reduce_sum(x, 1), WHOLE),
    op("reduce_mean_keepdims", lambda tf, x: tf.reduce_mean(x, [1, 2], keepdims=True), IMAGE),
    op("reduce_max", lambda tf, x: tf.reduce_max(x, 1), SQUARE),
    op("reduce_min", lambda tf, x: tf.reduce_min(x, [1, 2]), SQUARE),
    op("reduce_prod", lambda tf, x: tf.reduce_prod(x, 1), X),
    op("reduce_any", lambda tf, x: tf.reduce_any(x, 1), BOOL),
    op("reduce_all", lambda tf, x: tf.reduce_all(x, 1), BOOL),
    op("reduce_variance", lambda tf, x: tf.math.reduce_variance(x, 1), X),
    op("reduce_std", lambda tf, x: tf.math.reduce_std(x, 1), X),
    op("reduce_logsumexp", lambda tf, x: tf.reduce_logsumexp(x, 1), X),
    op("euclidean_norm", lambda tf, x: tf.math.reduce_euclidean_norm(x, 1), X),
    op("norm", lambda tf, x: tf.norm(x, axis=1), X),
    op("arg_max", lambda tf, x: tf.argmax(x, 1), X),
    op("arg_min", lambda tf, x: tf.argmin(x, -1, output_type=tf.int32), X),
    op("cumsum", lambda tf, x: tf.cumsum(x, 1), X),
    op("cumsum_exclusive_reverse", lambda tf, x: tf.cumsum(x, 1, exclusive=True, reverse=True), X),
    op("cumprod", lambda tf, x: tf.math.cumprod(x, 1), X),
    op("top_k", lambda tf, x: dict(zip(("values", "indices"), tf.math.top_k(x, 3), strict=True))),
    op("in_top_k", lambda tf, x, y: tf.math.in_top_k(y, x, 2), X, In((None,), "int 0..4", "int32")),
    op("sort", lambda tf, x: tf.sort(x, direction="DESCENDING"), X),
    op("argsort", lambda tf, x: tf.argsort(x), X),
    op("moments", lambda tf, x: dict(zip("mv", tf.nn.moments(x, [1, 2]), strict=True)), IMAGE),
    op("bincount", lambda tf, x: tf.math.bincount(x, minlength=10, maxlength=10, axis=-1), NATURAL),
    op("zero_fraction", lambda tf, x: tf.math.zero_fraction(tf.nn.relu(x)), X),
    op("count_nonzero", lambda tf, x: tf.math.count_nonzero(x, 1, dtype=tf.int32), WHOLE),
)

SHAPES = (
    op("reshape", lambda tf, x: tf.reshape(x, [-1, 2, 8]), SQUARE),
    op("reshape_dynamic", lambda tf, x: tf.reshape(x, [tf.shape(x)[0], -1]), SQUARE),
    op("shape", lambda tf, x: tf.shape(x), SQUARE),
    op("size_rank", lambda tf, x: tf.size(x) + tf.rank(x), SQUARE),
    op("expand_dims", lambda tf, x: tf.expand_dims(x, 1), X),
    op("squeeze", lambda tf, x: tf.squeeze(x, [1]), In((None, 1, 4))),
    op("transpose", lambda tf, x: tf.transpose(x, [0, 3, 1, 2]), IMAGE),
    op("concat", lambda tf, x, y: tf.concat([x, y], 1), X, X),
    op("stack", lambda tf, x, y: tf.stack([x, y], 1), X, X),
    op("unstack", lambda tf, x: dict(zip("abcd", tf.unstack(x, axis=1), strict=True)), SQUARE),
    op("split", lambda tf, x: dict(zip("ab", tf.split(x, 2, 1), strict=True)), SQUARE),
    op("split_v", lambda tf, x: dict(zip("ab", tf.split(x, [1, 3], 1), strict=True)), SQUARE),
    op("slice", lambda tf, x: tf.slice(x, [0, 1, 0], [-1, 2, 3]), SQUARE),
    op("strided_slice", lambda tf, x: x[:, ::2, 1:], SQUARE),
    op("strided_slice_reverse", lambda tf, x: x[:, ::-1], SQUARE),
    op("strided_slice_masks", lambda tf, x: x[..., -1, tf.newaxis, 1:3], SQUARE),
    op("tile", lambda tf, x: tf.tile(x, [1, 3]), X),
    op("repeat", lambda tf, x: tf.repeat(x, 2, axis=1), X),
    op("broadcast_to", lambda tf, x: tf.broadcast_to(x[:, None], [3, 4, 5]), In((3, 5))),
    op("pad", lambda tf, x: tf.pad(x, [[0, 0], [1, 2]], constant_values=0.5), X),
    op("pad_reflect", lambda tf, x: tf.pad(x, [[0, 0], [1, 2]], "REFLECT"), X),
    op("pad_symmetric", lambda tf, x: tf.pad(x, [[0, 0], [1, 2]], "SYMMETRIC"), X),
    op("reverse", lambda tf, x: tf.reverse(x, [1]), SQUARE),
    op("reverse_sequence", lambda tf, x, y: tf.reverse_sequence(x, y, 1, 0), In((3, 6)),
       In((3,), "int 1..6", "int32")),
    op("roll", lambda tf, x: tf.roll(x, 2, 1), X),
    op("roll_axes", lambda tf, x: tf.roll(x, [1, -1], [1, 2]), SQUARE),
    op("space_to_depth", lambda tf, x: tf.nn.space_to_depth(x, 2), In((None, 4, 6, 2))),
    op("depth_to_space", lambda tf, x: tf.nn.depth_to_space(x, 2), In((None, 2, 3, 8))),
    op("space_to_batch", lambda tf, x: tf.space_to_batch(x, [2, 2], [[0, 0], [0, 0]]),
       In((2, 4, 6, 2))),
    op("batch_to_space", lambda tf, x: tf.batch_to_space(x, [2, 2], [[0, 0], [0, 1]]),
       In((8, 2, 3, 2))),
    op("range", lambda tf, x: x + tf.cast(tf.range(5), tf.float32), X),
    op("linspace", lambda tf, x: x + tf.linspace(0.0, 1.0, 5), X),
    op("fill", lambda tf, x: tf.fill([tf.shape(x)[0], 2], 3.0), X),
    op("one_hot", lambda tf, x: tf.one_hot(x, 10), NATURAL),
    op("one_hot_axis",
       lambda tf, x: tf.one_hot(x, 10, axis=1, on_value=2.0, off_value=-1.0), NATURAL),
    op("one_hot_matmul", lambda tf, x: tf.one_hot(x, 10) @ _weights(10, 3), NATURAL),
    op("meshgrid", lambda tf, x: tf.stack(tf.meshgrid(x, x[:2]), -1), In((4,))),
    op("sequence_mask", lambda tf, x: tf.sequence_mask(x, 10), NATURAL),
    op("ensure_shape", lambda tf, x: tf.ensure_shape(x, [None, 5]) * 2, X),
    op("stop_gradient", lambda tf, x: tf.stop_gradient(x) + 1, X),
)  # fmt: skip

_INDEX = In((None, 3), "int 0..3", "int32")
_VECTOR_INDEX = In((4,), "int 0..3", "int32")

INDEXING = (
    op("gather", lambda tf, x, y: tf.gather(x, y), In((4, 3)), _INDEX),
    op("gather_axis",
       lambda tf, x, y: tf.gather(x, y, axis=1), SQUARE, In((3,), "int 0..3", "int32")),
    op("gather_negative_axis", lambda tf, x, y: tf.gather(x, y, axis=-1), SQUARE,
       In((3,), "int 0..3", "int32")),
    op("gather_batch_dims", lambda tf, x, y: tf.gather(x, y, batch_dims=1), In((3, 4, 2)),
       In((3, 2), "int 0..3", "int32")),
    op("gather_nd",
       lambda tf, x, y: tf.gather_nd(x, y), In((4, 4)), In((5, 2), "int 0..3", "int32")),
    op("scatter_nd",
       lambda tf, x, y: tf.scatter_nd(y[:, None], x, [6, 3]), In((4, 3)), _VECTOR_INDEX),
    op("tensor_scatter_update",
       lambda tf, x: tf.tensor_scatter_nd_update(x, [[0], [2]], tf.zeros([2, 3])), In((4, 3))),
    op("tensor_scatter_add", lambda tf, x, y, z: tf.tensor_scatter_nd_add(x, z[:, None], y),
       In((4, 3)), In((4, 3)), _VECTOR_INDEX),
    op("tensor_scatter_max",
       lambda tf, x: tf.tensor_scatter_nd_max(x, [[0], [2]], tf.ones([2, 3])), In((4, 3))),
    op("embedding_lookup", lambda tf, x: tf.nn.embedding_lookup(_weights(10, 4), x), NATURAL),
    op("boolean_mask", lambda tf, x: tf.boolean_mask(x, x[:, 0] > 0), In((6, 3))),
    op("where_indices", lambda tf, x: tf.where(x > 0), In((4, 3))),
    op("unique", lambda tf, x: dict(zip("vi", tf.unique(x), strict=True)),
       In((8,), "int 0..4", "int32")),
    op("dynamic_stitch", lambda tf, x, y: tf.dynamic_stitch([[0, 2], [1, 3]], [x, y]), In((2, 3)),
       In((2, 3))),
    op("dynamic_partition", lambda tf, x, y: dict(zip("ab", tf.dynamic_partition(x, y, 2),
       strict=True)), In((5, 2)), In((5,), "int 0..1", "int32")),
    op("segment_sum", lambda tf, x: tf.math.segment_sum(x, [0, 0, 1, 2]), In((4, 3))),
    op("unsorted_segment_sum", lambda tf, x, y: tf.math.unsorted_segment_sum(x, y, 4), In((4, 3)),
       _VECTOR_INDEX),
    op("unsorted_segment_max", lambda tf, x, y: tf.math.unsorted_segment_max(x, y, 4), In((4, 3)),
       _VECTOR_INDEX),
    op("search_sorted", lambda tf, x: tf.searchsorted([-1.0, 0.0, 0.5, 2.0], x[0]), X),
    op("bucketize", lambda tf, x: tf.raw_ops.Bucketize(input=x, boundaries=[-1.0, 0.0, 2.0]), X),
    op("set_slice", lambda tf, x: tf.concat([x[:1], x[2:]], 0), In((4, 3))),
)  # fmt: skip

LINEAR_ALGEBRA = (
    op("matmul", lambda tf, x: x @ _weights(5, 3), X),
    op("matmul_two", lambda tf, x, y: x @ y, In((None, 5)), In((5, 3))),
    op("matmul_transposed", lambda tf, x, y: tf.matmul(x, y, transpose_b=True), X, X),
    op("matmul_bias_relu", lambda tf, x: tf.nn.relu(x @ _weights(5, 3) + _weights(3)), X),
    op("matmul_bias_tanh",
       lambda tf, x: tf.tanh(tf.nn.bias_add(x @ _weights(5, 3), _weights(3))), X),
    op("matmul_bias_gelu",
       lambda tf, x: tf.nn.gelu(tf.nn.bias_add(x @ _weights(5, 3), _weights(3))), X),
    op("batch_matmul", lambda tf, x, y: tf.matmul(x, y, transpose_a=True), SQUARE, SQUARE),
    op("batch_matmul_broadcast", lambda tf, x: tf.matmul(x, _weights(1, 4, 3)), SQUARE),
    op("einsum", lambda tf, x: tf.einsum("bij,jk->bik", x, _weights(4, 3)), SQUARE),
    op("einsum_attention", lambda tf, x, y: tf.einsum("bqhd,bkhd->bhqk", x, y), In((None, 3, 2, 4)),
       In((None, 5, 2, 4))),
    op("einsum_trace", lambda tf, x: tf.einsum("bii->b", x), SQUARE),
    op("tensordot", lambda tf, x: tf.tensordot(x, _weights(4, 2), [[1], [0]]), SQUARE),
    op("band_part_causal", lambda tf, x: tf.linalg.band_part(x, -1, 0), SQUARE),
    op("band_part", lambda tf, x: tf.linalg.band_part(x, 1, 2), SQUARE),
    op("causal_mask", lambda tf, x: tf.where(
        tf.linalg.band_part(tf.ones([4, 4], tf.bool), -1, 0), x, -1e9), SQUARE),
    op("diag", lambda tf, x: tf.linalg.diag(x), X),
    op("diag_offset", lambda tf, x: tf.linalg.diag(x, k=1), X),
    op("diag_part", lambda tf, x: tf.linalg.diag_part(x), SQUARE),
    op("set_diag", lambda tf, x: tf.linalg.set_diag(x, x[:, 0]), SQUARE),
    op("trace", lambda tf, x: tf.linalg.trace(x), SQUARE),
    op("eye", lambda tf, x: x + tf.eye(4), SQUARE),
    op("matrix_transpose", lambda tf, x: tf.linalg.matrix_transpose(x), SQUARE),
    op("cross", lambda tf, x, y: tf.linalg.cross(x, y), In((None, 3)), In((None, 3))),
    op("inverse", lambda tf, x: tf.linalg.inv(x + 9 * tf.eye(4)), SQUARE),
    op("determinant", lambda tf, x: tf.linalg.det(x), SQUARE),
    op("cholesky",
       lambda tf, x: tf.linalg.cholesky(x @ tf.transpose(x, [0, 2, 1]) + tf.eye(4)), SQUARE),
)  # fmt: skip


def _conv(tf: Any, x: Any, strides: Any = 1, padding: Any = "SAME", **options: Any) -> Any:
    return tf.nn.conv2d(x, _weights(3, 3, x.shape[-1], 4), strides, padding, **options)


NETWORK = (
    op("conv2d", lambda tf, x: _conv(tf, x), IMAGE),
    op("conv2d_explicit", lambda tf, x: _conv(tf, x, 2, [[0, 0], [1, 2], [0, 1], [0, 0]]), IMAGE),
    op("conv2d_dilated", lambda tf, x: _conv(tf, x, padding="VALID", dilations=2), IMAGE),
    op("conv2d_bias_relu6",
       lambda tf, x: tf.nn.relu6(tf.nn.bias_add(_conv(tf, x), _weights(4))), IMAGE),
    op("conv2d_bias_tanh", lambda tf, x: tf.tanh(tf.nn.bias_add(_conv(tf, x), _weights(4))), IMAGE),
    op("conv2d_bias_leaky",
       lambda tf, x: tf.nn.leaky_relu(tf.nn.bias_add(_conv(tf, x), _weights(4)), 0.3),
       IMAGE),
    op("conv2d_scalar_bias", lambda tf, x: _conv(tf, x) + 0.5, IMAGE),
    op("conv2d_rank_4_bias", lambda tf, x: _conv(tf, x) + _weights(1, 1, 1, 4), IMAGE),
    op("conv2d_batch_norm", lambda tf, x: _bn(tf, _conv(tf, x)), IMAGE),
    op("conv2d_fused_batch_norm", lambda tf, x: tf.nn.relu(_fused_bn(tf, _conv(tf, x))), IMAGE),
    op("conv2d_two_consumers", lambda tf, x: {"a": _fused_bn(tf, _conv(tf, x)),
       "b": tf.nn.relu(_conv(tf, x))}, IMAGE),
    op("conv2d_shared_two_consumers",
       lambda tf, x: (lambda c: {"a": _fused_bn(tf, c), "b": tf.nn.relu(c)})(_conv(tf, x)), IMAGE),
    op("conv2d_bias_two_consumers",
       lambda tf, x: (lambda c: {"a": _fused_bn(tf, c), "b": tf.nn.relu(c)})(
           tf.nn.bias_add(_conv(tf, x), _weights(4))), IMAGE),
    op("conv2d_two_batch_norms",
       lambda tf, x: (lambda c: {"a": _fused_bn(tf, c), "b": _fused_bn(tf, c, epsilon=0.01)})(
           _conv(tf, x)), IMAGE),
    op("conv2d_grouped", lambda tf, x: tf.nn.conv2d(x, _weights(3, 3, 2, 4), 1, "SAME"),
       In((None, 6, 6, 4))),
    op("conv1d", lambda tf, x: tf.nn.conv1d(x, _weights(3, 3, 4), 1, "SAME"), In((None, 8, 3))),
    op("conv3d", lambda tf, x: tf.nn.conv3d(x, _weights(2, 2, 2, 3, 4), [1] * 5, "SAME"),
       In((None, 4, 5, 4, 3))),
    op("depthwise_conv2d", lambda tf, x: tf.nn.depthwise_conv2d(
        x, _weights(3, 3, 3, 2), [1, 1, 1, 1], "SAME"), IMAGE),
    op("separable_conv2d", lambda tf, x: tf.nn.separable_conv2d(
        x, _weights(3, 3, 3, 2), _weights(1, 1, 6, 4), [1, 1, 1, 1], "VALID"), IMAGE),
    op("conv2d_transpose", lambda tf, x: tf.nn.conv2d_transpose(
        x, _weights(3, 3, 4, 3), [2, 16, 18, 4], 2), In((2, 8, 9, 3))),
    op("conv2d_transpose_any_batch", lambda tf, x: tf.nn.conv2d_transpose(
        x, _weights(3, 3, 4, 3), tf.stack([tf.shape(x)[0], 16, 18, 4]), 2), IMAGE),
    op("dilation2d", lambda tf, x: tf.nn.dilation2d(
        x, _weights(2, 2, 3), [1, 1, 1, 1], "VALID", "NHWC", [1, 1, 1, 1]), IMAGE),
    op("max_pool", lambda tf, x: tf.nn.max_pool2d(x, 3, 2, "SAME"), IMAGE),
    op("max_pool_argmax", lambda tf, x: dict(zip("vi", tf.nn.max_pool_with_argmax(x, 2, 2, "VALID"),
       strict=True)), IMAGE),
    op("avg_pool", lambda tf, x: tf.nn.avg_pool2d(x, 3, 2, "SAME"), IMAGE),
    op("avg_pool3d", lambda tf, x: tf.nn.avg_pool3d(x, 2, 2, "VALID"), In((None, 4, 4, 4, 2))),
    op("lrn", lambda tf, x: tf.nn.local_response_normalization(x, 2), IMAGE),
    op("batch_norm", lambda tf, x: _bn(tf, x), IMAGE),
    op("fused_batch_norm", lambda tf, x: _fused_bn(tf, x), IMAGE),
    op("bias_add", lambda tf, x: tf.nn.bias_add(x, _weights(3)), IMAGE),
    op("dropout_at_inference", lambda tf, x: tf.nn.dropout(x, 0.0), X),
)  # fmt: skip

# A box that ends at 1.0 ends beyond the image once float32 has rounded, and TensorFlow fills that
# column; TensorFlow.js's cpu computes positions in double and does not.
_BOXES = np.array([[0, 0, 0.5, 0.5], [0.1, 0.2, 0.9, 0.95]], np.float32)

IMAGES = (
    op("resize_bilinear", lambda tf, x: tf.image.resize(x, [5, 14]), IMAGE),
    op("resize_nearest", lambda tf, x: tf.image.resize(x, [5, 14], "nearest"), IMAGE),
    op("resize_align_corners", lambda tf, x: tf.compat.v1.image.resize_bilinear(
        x, [5, 14], align_corners=True), IMAGE),
    op("resize_bicubic", lambda tf, x: tf.image.resize(x, [5, 14], "bicubic"), IMAGE),
    op("crop_and_resize", lambda tf, x: tf.image.crop_and_resize(x, _BOXES, [0, 0], [4, 4]), IMAGE),
    op("flip_left_right", lambda tf, x: tf.image.flip_left_right(x), IMAGE),
    op("rot90", lambda tf, x: tf.image.rot90(x), In((None, 6, 6, 3))),
    op("central_crop", lambda tf, x: tf.image.central_crop(x, 0.5), In((None, 8, 8, 3))),
    op("rgb_to_grayscale", lambda tf, x: tf.image.rgb_to_grayscale(x), IMAGE),
    op("rgb_to_hsv", lambda tf, x: tf.image.rgb_to_hsv(x), In((None, 4, 4, 3), "float 0..1")),
    op("adjust_contrast", lambda tf, x: tf.image.adjust_contrast(x, 1.7), IMAGE),
    op("standardization", lambda tf, x: tf.image.per_image_standardization(x), IMAGE),
    op("projective_transform", lambda tf, x: tf.raw_ops.ImageProjectiveTransformV3(
        images=x, transforms=[[0.9, 0.1, 0.5, -0.1, 1.1, 0.2, 0.0, 0.0]], output_shape=[8, 9],
        interpolation="BILINEAR", fill_mode="CONSTANT", fill_value=0.0), In((2, 8, 9, 3))),
    op("extract_patches", lambda tf, x: tf.image.extract_patches(
        x, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID"), IMAGE),
    op("nms", lambda tf, x, y: tf.image.non_max_suppression(x, y, 4, 0.3),
       In((8, 4), "float 0..1"), In((8,), "float 0..1")),
    op("nms_padded", lambda tf, x, y: dict(zip(("indices", "valid"), tf.raw_ops.NonMaxSuppressionV4(
        boxes=x, scores=y, max_output_size=6, iou_threshold=0.3, score_threshold=0.2,
        pad_to_max_output_size=True), strict=True)),
       In((8, 4), "float 0..1"), In((8,), "float 0..1")),
    op("nms_combined", lambda tf, x, y: tf.image.combined_non_max_suppression(
        x[:, :, None, :], y, 3, 5)[0], In((2, 8, 4), "float 0..1"), In((2, 8, 2), "float 0..1")),
)  # fmt: skip

SIGNALS = (
    op("fft", lambda tf, x: tf.math.real(tf.signal.fft(tf.cast(x, tf.complex64))), In((None, 8))),
    op("rfft", lambda tf, x: tf.abs(tf.signal.rfft(x)), In((None, 16))),
    op("irfft", lambda tf, x: tf.signal.irfft(tf.signal.rfft(x)), In((None, 16))),
    op("fft2d", lambda tf, x: tf.abs(tf.signal.fft2d(tf.cast(x, tf.complex64))), In((None, 4, 4))),
    op("complex", lambda tf, x, y: tf.math.imag(tf.complex(x, y) * tf.complex(y, x)), X, X),
    op("stft", lambda tf, x: tf.abs(tf.signal.stft(x, 8, 4)), In((None, 32))),
    op("frame", lambda tf, x: tf.signal.frame(x, 8, 4), In((None, 32))),
    op("dct", lambda tf, x: tf.signal.dct(x), In((None, 8))),
)


def _while(tf: Any, x: Any) -> Any:
    return tf.while_loop(
        lambda i, v: i < 4, lambda i, v: (i + 1, tf.tanh(v @ _weights(5, 5))), (0, x)
    )[1]


def _while_dynamic(tf: Any, x: Any) -> Any:
    return tf.while_loop(lambda v: tf.reduce_sum(tf.abs(v)) > 1.0, lambda v: (v * 0.5,), (x,))[0]


def _nested(tf: Any, x: Any) -> Any:
    def body(i: Any, v: Any) -> Any:
        return i + 1, tf.cond(i % 2 > 0, lambda: v * 1.5, lambda: _while(tf, v))

    return tf.while_loop(lambda i, v: i < 3, body, (0, x))[1]


def _tensor_array(tf: Any, x: Any) -> Any:
    array = tf.TensorArray(tf.float32, size=5, element_shape=[3])
    return tf.while_loop(
        lambda i, a: i < 5,
        lambda i, a: (i + 1, a.write(i, x[i] * tf.cast(i, tf.float32))),
        (0, array),
    )[1].stack()


def _switch(tf: Any, x: Any, y: Any) -> Any:
    branches = [lambda: x + 1, lambda: x * 2, lambda: -x]
    return tf.switch_case(y, branches)


CONTROL_FLOW = (
    op("cond", lambda tf, x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x - 1), X),
    op("switch_case", _switch, X, In((), "int 0..2", "int32")),
    op("while", _while, X),
    op("while_dynamic", _while_dynamic, X),
    op("cond_in_while", _nested, X),
    op("tensor_array", _tensor_array, In((5, 3))),
    op("scan", lambda tf, x: tf.scan(lambda a, b: a * 0.5 + b, x), In((5, 3))),
    op("map_fn", lambda tf, x: tf.map_fn(lambda v: tf.reduce_sum(v) * v, x), In((5, 3))),
    op("fold", lambda tf, x: tf.foldl(lambda a, b: tf.tanh(a + b), x), In((5, 3))),
    op("vectorized_map", lambda tf, x: tf.vectorized_map(lambda v: tf.nn.softmax(v), x), X),
    op("assert", lambda tf, x: tf.debugging.assert_all_finite(x, "finite") + 1, X),
    op("function_call", lambda tf, x: tf.function(lambda v: tf.tanh(v) + 1)(x), X),
)

NAMES = (
    op("outputs_many", lambda tf, x: {"zeta": x + 1, "beta": x * 2, "mu": x - 3}, X),
    op("inputs_many", lambda tf, z, a, m: z - a * 2 + m * 3, z=X, a=X, m=X),
    op("output_is_input", lambda tf, x: {"a": x, "b": x + 1}, X),
    op("output_is_constant", lambda tf, x: {"a": tf.constant([1.0, 2.0]), "b": x * 2}, X),
    op("scalar_input", lambda tf, x, y: x * y, X, In(())),
    op("unknown_dimensions", lambda tf, x: tf.reduce_mean(x, [1, 2]), In((None, None, None, 2))),
)

STRINGS = (
    op("string_equal", lambda tf, x: tf.equal(x, "yes"),
       In((None,), 'string ["yes", "no", "maybe"]', "string")),
    op("string_lower", lambda tf, x: tf.strings.lower(x),
       In((None,), 'string ["Yes", "NO", "maybe"]', "string")),
    op("string_length", lambda tf, x: tf.strings.length(x),
       In((None,), 'string ["Yes", "NO", "maybe"]', "string")),
    op("string_regex", lambda tf, x: tf.strings.regex_replace(x, "[aeiou]", "_"),
       In((None,), 'string ["Yes", "NO", "maybe"]', "string")),
    op("string_hash_bucket", lambda tf, x: tf.strings.to_hash_bucket_fast(x, 10),
       In((None,), 'string ["Yes", "NO", "maybe"]', "string")),
    op("string_identity", lambda tf, x: tf.identity(x),
       In((None,), 'string ["Yes", "NO", "maybe"]', "string")),
)  # fmt: skip

ROWS: tuple[Entry, ...] = (
    *UNARY, *BINARY, *CASTS, *REDUCTIONS, *SHAPES, *INDEXING, *LINEAR_ALGEBRA, *NETWORK, *IMAGES,
    *SIGNALS, *CONTROL_FLOW, *NAMES, *STRINGS,
)  # fmt: skip
