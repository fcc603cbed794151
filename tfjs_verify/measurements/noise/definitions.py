"""What an op means, in ops that have float64 kernels, where it has none itself.

Each definition takes the op's attributes and its inputs, and gives all its outputs in order. The
forms are chosen so that rounding noise injected into them (see `dither`) covers every usual
kernel: batch normalisation, for one, is written with the offset folded, which rounds worse than
`(x - mean) * scale`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

Definition: TypeAlias = Callable[..., list[Any]]


def _fused_batch_norm(attributes: Mapping[str, Any], *inputs: Any) -> list[Any]:
    import tensorflow as tf

    x, scale, offset, mean, variance = inputs
    channels_first = attributes["data_format"].s.decode().startswith("NC")
    rank = tf.rank(x)
    if channels_first:
        x = tf.transpose(x, tf.concat([[0], tf.range(2, rank), [1]], 0))
    population = variance
    if attributes["is_training"].b:
        axes = tf.range(rank - 1)
        batch_mean = tf.reduce_mean(x, axes)
        population = tf.reduce_mean(tf.square(x - batch_mean), axes)
        count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), x.dtype)
        sample = population * count / tf.maximum(count - 1, 1)
        given = "exponential_avg_factor" in attributes
        factor = attributes["exponential_avg_factor"].f if given else 1.0
        if factor == 1.0:
            mean, variance = batch_mean, sample
        else:
            mean = (1 - factor) * mean + factor * batch_mean
            variance = (1 - factor) * variance + factor * sample
        center = batch_mean
    else:
        center = mean
    multiplier = scale * tf.math.rsqrt(population + attributes["epsilon"].f)
    y = x * multiplier + (offset - center * multiplier)
    if channels_first:
        y = tf.transpose(y, tf.concat([[0], [rank - 1], tf.range(1, rank - 1)], 0))
    return [y, mean, variance, center, population]


def _fused_batch_norm_3(attributes: Mapping[str, Any], *inputs: Any) -> list[Any]:
    import tensorflow as tf

    return [*_fused_batch_norm(attributes, *inputs), tf.zeros([0], inputs[0].dtype)]


def _local_response(attributes: Mapping[str, Any], x: Any) -> list[Any]:
    import tensorflow as tf

    radius, bias = attributes["depth_radius"].i, attributes["bias"].f
    alpha, beta = attributes["alpha"].f, attributes["beta"].f
    depth = tf.shape(x)[-1]
    padded = tf.pad(tf.square(x), [[0, 0]] * 3 + [[radius, radius]])
    energy = tf.add_n([padded[..., k : k + depth] for k in range(2 * radius + 1)])
    return [x * tf.pow(bias + alpha * energy, -beta)]


def _adjust_contrast(attributes: Mapping[str, Any], images: Any, factor: Any) -> list[Any]:
    import tensorflow as tf

    mean = tf.reduce_mean(images, [-3, -2], keepdims=True)
    return [(images - mean) * tf.cast(factor, images.dtype) + mean]


def _resize_bilinear(attributes: Mapping[str, Any], images: Any, size: Any) -> list[Any]:
    import tensorflow as tf

    result = tf.cast(images, tf.float64)
    for axis in (1, 2):
        low, high, weight = _bilinear_positions(attributes, tf.shape(images)[axis], size[axis - 1])
        weight = tf.reshape(weight, [-1, 1, 1] if axis == 1 else [-1, 1])
        below = tf.gather(result, low, axis=axis)
        result = below + (tf.gather(result, high, axis=axis) - below) * weight
    return [result]


def _bilinear_positions(
    attributes: Mapping[str, Any], before: Any, after: Any
) -> tuple[Any, Any, Any]:
    import tensorflow as tf

    wide, narrow = tf.cast(before, tf.float64), tf.cast(after, tf.float64)
    scale = wide / narrow
    if attributes["align_corners"].b:
        scale = tf.where(after > 1, (wide - 1) / tf.maximum(narrow - 1, 1), scale)
    position = tf.cast(tf.range(after), tf.float64)
    if attributes["half_pixel_centers"].b:
        position = (position + 0.5) * scale - 0.5
    else:
        position = position * scale
    floor = tf.floor(position)
    low = tf.maximum(tf.cast(floor, tf.int32), 0)
    high = tf.minimum(tf.cast(tf.math.ceil(position), tf.int32), before - 1)
    return low, high, position - floor


def _crop_and_resize(
    attributes: Mapping[str, Any], image: Any, boxes: Any, box_index: Any, size: Any
) -> list[Any]:
    """What lies beyond the image is filled; rounding alone decides that for a box on its edge."""
    import tensorflow as tf

    nearest = attributes["method"].s == b"nearest"
    result = tf.gather(tf.cast(image, tf.float64), box_index)
    inside = tf.constant(True)
    for axis in (1, 2):
        last = tf.cast(tf.shape(image)[axis] - 1, tf.float64)
        start, end = boxes[:, axis - 1, None] * last, boxes[:, axis + 1, None] * last
        count = size[axis - 1]
        step = (end - start) / tf.cast(tf.maximum(count - 1, 1), tf.float64)
        position = start + tf.cast(tf.range(count), tf.float64) * step
        position = tf.where(count > 1, position, 0.5 * (start + end))
        within = (position >= 0) & (position <= last)
        position = tf.clip_by_value(position, 0, last)
        if nearest:
            position = tf.floor(position + 0.5)
        floor = tf.floor(position)
        low, high = (tf.cast(each, tf.int32) for each in (floor, tf.math.ceil(position)))
        shape = [-1, count, 1, 1] if axis == 1 else [-1, 1, count, 1]
        below = tf.gather(result, low, axis=axis, batch_dims=1)
        above = tf.gather(result, high, axis=axis, batch_dims=1)
        result = below + (above - below) * tf.reshape(position - floor, shape)
        inside &= tf.reshape(within, shape)
    return [tf.where(inside, result, tf.cast(attributes["extrapolation_value"].f, tf.float64))]


def _pool_3d(pool: str) -> Definition:
    """Pooling in depth and then in the plane: both parts are pooling in two dimensions."""

    def define(attributes: Mapping[str, Any], x: Any) -> list[Any]:
        import tensorflow as tf

        channels_first = attributes["data_format"].s == b"NCDHW"
        order = [0, 2, 3, 4, 1] if channels_first else [0, 1, 2, 3, 4]
        window = [attributes["ksize"].list.i[axis] for axis in order]
        steps = [attributes["strides"].list.i[axis] for axis in order]
        padding = attributes["padding"].s.decode()
        operation = tf.nn.avg_pool2d if pool == "average" else tf.nn.max_pool2d
        x = tf.transpose(x, order)
        n, d, h, w, c = tf.unstack(tf.shape(x), num=5)
        x = operation(tf.reshape(x, [n, d, h * w, c]), [window[1], 1], [steps[1], 1], padding)
        d = tf.shape(x)[1]
        x = operation(tf.reshape(x, [n * d, h, w, c]), window[2:4], steps[2:4], padding)
        x = tf.reshape(x, [n, d, tf.shape(x)[1], tf.shape(x)[2], c])
        return [tf.transpose(x, [0, 4, 1, 2, 3]) if channels_first else x]

    return define


DEFINITIONS: Mapping[str, Definition] = MappingProxyType(
    {
        "FusedBatchNorm": _fused_batch_norm,
        "FusedBatchNormV2": _fused_batch_norm,
        "FusedBatchNormV3": _fused_batch_norm_3,
        "CropAndResize": _crop_and_resize,
        "AdjustContrastv2": _adjust_contrast,
        "LRN": _local_response,
        "ResizeBilinear": _resize_bilinear,
        "AvgPool3D": _pool_3d("average"),
        "MaxPool3D": _pool_3d("max"),
    }
)
"""Used only where TensorFlow has no float64 kernel, or where an op's result is always float32."""


def _softmax(attributes: Mapping[str, Any], logits: Any) -> list[Any]:
    import tensorflow as tf

    powers = tf.exp(logits - tf.reduce_max(logits, -1, keepdims=True))
    return [powers / tf.reduce_sum(powers, -1, keepdims=True)]


def _log_softmax(attributes: Mapping[str, Any], logits: Any) -> list[Any]:
    import tensorflow as tf

    shifted = logits - tf.reduce_max(logits, -1, keepdims=True)
    return [shifted - tf.math.log(tf.reduce_sum(tf.exp(shifted), -1, keepdims=True))]


def _erfc(attributes: Mapping[str, Any], x: Any) -> list[Any]:
    """TensorFlow.js has erf alone: what is left of 1 carries the rounding of 1."""
    import tensorflow as tf

    return [1 - tf.math.erf(x)]


STEPS: Mapping[str, Definition] = MappingProxyType(
    {"Softmax": _softmax, "LogSoftmax": _log_softmax, "Erfc": _erfc}
)
"""Ops that round on the way to their result: taken apart to be dithered, so every step rounds."""


def trace(
    definition: Definition, attributes: Mapping[str, Any], dtypes: tuple[int, ...]
) -> tuple[Any, list[Any]]:
    """The `definition` of an op with these attributes as a FunctionDef of inputs of these types.

    With it those of the functions that it calls.
    """
    import tensorflow as tf

    def defined(*inputs: Any) -> list[Any]:
        return definition(attributes, *inputs)

    specs = [tf.TensorSpec(None, tf.as_dtype(dtype)) for dtype in dtypes]
    traced = tf.function(defined, autograph=False, input_signature=specs)
    concrete = traced.get_concrete_function()
    return concrete.function_def, list(concrete.graph.as_graph_def().library.function)
