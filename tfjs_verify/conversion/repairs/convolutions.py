"""Convolutions and poolings that TensorFlow.js lacks, or has with fewer options."""

# ruff: noqa: D103 (what is declared by `expansion` is documented by its op and its `why`)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call


@expansion(
    "Conv2D",
    "Conv3D",
    name="grouped-convolution",
    why="TensorFlow.js convolves all channels with all filters and refuses groups",
    upstream="https://github.com/tensorflow/tfjs/issues/7231",
)
def grouped_convolution(call: Call, x: Any, filters: Any) -> Any:
    """A depthwise convolution where every channel is a group; else one convolution a group."""
    channels, per_group = x.shape[-1], filters.shape[-2]
    if channels is None or per_group is None or channels == per_group or not _channels_last(call):
        return None
    if call.node.op == "Conv2D" and per_group == 1 and _depthwise_can(call):
        height, width, _, outputs = filters.shape
        return tf.raw_ops.DepthwiseConv2dNative(
            input=x,
            filter=tf.reshape(filters, [height, width, channels, outputs // channels]),
            **_options(call, "strides", "padding", "explicit_paddings", "dilations"),
        )
    groups = channels // per_group
    convolve = tf.raw_ops.Conv2D if call.node.op == "Conv2D" else tf.raw_ops.Conv3D
    names = ["strides", "padding", "dilations"]
    if call.node.op == "Conv2D":
        names.append("explicit_paddings")
    options = _options(call, *names)
    parts = zip(tf.split(x, groups, axis=-1), tf.split(filters, groups, axis=-1), strict=True)
    return tf.concat([convolve(input=a, filter=b, **options) for a, b in parts], axis=-1)


@expansion(
    "Conv2D",
    "DepthwiseConv2dNative",
    name="skipping-convolution",
    why="the wasm backend gives zeros where SAME leaves pixels out: its padding is negative then",
)
def skipping_convolution(call: Call, x: Any, filters: Any) -> Any:
    """Padded as TensorFlow pads, which is not at all along an axis of which pixels are left out."""
    if call.attribute("padding") != b"SAME" or not _channels_last(call):
        return None
    window, strides = filters.shape[:2].as_list(), call.attribute("strides")[1:3]
    if None in window or max(window) == 1:
        return None
    dilations = (call.attribute("dilations") or [1] * 4)[1:3]
    paddings: list[list[Any]] = [[0, 0]]
    leaves_out = False
    for axis, (taps, stride, dilation) in enumerate(
        zip(window, strides, dilations, strict=True), 1
    ):
        size = tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis]
        total = ((size - 1) // stride) * stride + (taps - 1) * dilation + 1 - size
        leaves_out |= stride > (taps - 1) * dilation + 1 if x.shape[axis] is None else total < 0
        total = tf.maximum(total, 0)
        paddings.append([total // 2, total - total // 2])
    if not leaves_out:
        return None
    compute = getattr(tf.raw_ops, call.node.op)
    padded = tf.pad(x, [*paddings, [0, 0]])
    return compute(
        input=padded, filter=filters, padding="VALID", **_options(call, "strides", "dilations")
    )


@expansion(
    "Conv3DBackpropInputV2",
    name="transposed-convolution-3d",
    why="TensorFlow.js has no transposed convolution in three dimensions",
)
def transposed_convolution_3d(call: Call, sizes: Any, filters: Any, x: Any) -> Any:
    return _transposed_convolution(call, filters, x, tf.raw_ops.Conv3D)


@expansion(
    "Conv2DBackpropInput",
    name="dilated-transposed-convolution",
    why="TensorFlow.js ignores the dilations of a transposed convolution",
)
def dilated_transposed_convolution(call: Call, sizes: Any, filters: Any, x: Any) -> Any:
    if all(dilation == 1 for dilation in call.attribute("dilations") or [1]):
        return None
    return _transposed_convolution(call, filters, x, tf.raw_ops.Conv2D)


def _transposed_convolution(call: Call, filters: Any, x: Any, convolve: Any) -> Any:
    """The input with zeros between its elements, convolved with the mirrored filter."""
    target, given = call.outputs[0].shape[1:-1], x.shape[1:-1]
    if not _channels_last(call) or None in [*target, *given, *filters.shape]:
        return None
    strides = call.attribute("strides")[1:-1]
    dilations = (call.attribute("dilations") or [1] * (len(strides) + 2))[1:-1]
    same = call.attribute("padding") == b"SAME"
    if not same and call.attribute("padding") != b"VALID":
        return None
    paddings = []
    for axis, (stride, dilation) in enumerate(zip(strides, dilations, strict=True), start=1):
        x = _with_zeros(x, axis, stride)
        reach = (filters.shape[axis - 1] - 1) * dilation
        size = target[axis - 1]
        forward = max((-(-size // stride) - 1) * stride + reach + 1 - size, 0) // 2 if same else 0
        before = reach - forward
        paddings.append([before, size + reach - x.shape[axis] - before])
    x = _padded(x, paddings)
    spatial = list(range(len(strides)))
    mirrored = tf.reverse(filters, spatial)
    swapped = tf.transpose(mirrored, [*spatial, len(spatial) + 1, len(spatial)])
    return convolve(
        input=x,
        filter=swapped,
        strides=[1] * x.shape.rank,
        padding="VALID",
        dilations=[1, *dilations, 1],
    )


def _with_zeros(x: Any, axis: int, stride: int) -> Any:
    """`stride - 1` zeros behind every element along an axis, with no tensor of a rank above 4."""
    if stride == 1:
        return x
    shape = x.shape.as_list()
    inner = 1
    for size in shape[axis + 1 :]:
        inner *= size
    outer = -1
    flat = tf.reshape(x, [outer, shape[axis], 1, inner])
    spread = tf.pad(flat, [[0, 0], [0, 0], [0, stride - 1], [0, 0]])
    shape[axis] *= stride
    return tf.reshape(spread, [-1, *shape[1:]])


def _padded(x: Any, paddings: Sequence[Sequence[int]]) -> Any:
    """Padded with zeros, and cut where the padding is negative."""
    cut = [slice(max(-before, 0), min(after, 0) or None) for before, after in paddings]
    index = (slice(None), *cut)
    x = x[index]
    return tf.pad(x, [[0, 0], *([max(b, 0), max(a, 0)] for b, a in paddings), [0, 0]])


@expansion(
    "MaxPool",
    name="explicit-pooling",
    why="TensorFlow.js knows no explicit padding of a pooling",
)
def explicit_pooling(call: Call, x: Any) -> Any:
    """Padded by what no maximum takes."""
    if call.attribute("padding") != b"EXPLICIT" or not _channels_last(call):
        return None
    pads = call.attribute("explicit_paddings")
    paddings = [pads[2 * axis : 2 * axis + 2] for axis in range(4)]
    padded = tf.pad(x, paddings, constant_values=x.dtype.min)
    return tf.raw_ops.MaxPool(input=padded, padding="VALID", **_options(call, "ksize", "strides"))


@expansion(
    "Conv2DBackpropInput",
    name="explicit-transposed-convolution",
    why="the node backend knows no explicit padding of a transposed convolution",
)
def explicit_transposed_convolution(call: Call, sizes: Any, filters: Any, x: Any) -> Any:
    """The whole of it, of which the padding is cut off."""
    target, given = call.outputs[0].shape, x.shape
    if call.attribute("padding") != b"EXPLICIT" or not _channels_last(call):
        return None
    if None in [*target[1:], *given[1:], *filters.shape]:
        return None
    pads, strides = call.attribute("explicit_paddings"), call.attribute("strides")
    dilations = call.attribute("dilations") or [1] * 4
    index: list[Any] = [slice(None)]
    whole = [tf.shape(x)[0]]
    for axis in (1, 2):
        reach = (filters.shape[axis - 1] - 1) * dilations[axis] + 1
        start = pads[2 * axis]
        whole.append(max((given[axis] - 1) * strides[axis] + reach, start + target[axis]))
        index.append(slice(start, start + target[axis]))
    result = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.stack([*whole, target[3]]),
        filter=filters,
        out_backprop=x,
        strides=strides,
        padding="VALID",
        dilations=dilations,
    )
    return result[tuple(index)]


@expansion(
    "MaxPool3D",
    name="max-pooling-3d",
    why="the wasm backend takes the maximum of negative windows for 0",
)
def max_pooling_3d(call: Call, x: Any) -> Any:
    """First within the planes, then across them: two poolings in two dimensions."""
    depth, height, width, channels = x.shape[1:]
    if None in (depth, height, width, channels) or not _channels_last(call):
        return None
    _, kd, kh, kw, _ = call.attribute("ksize")
    _, sd, sh, sw, _ = call.attribute("strides")
    padding = call.attribute("padding").decode()
    planes = tf.reshape(x, [-1, height, width, channels])
    planes = tf.nn.max_pool2d(planes, [kh, kw], [sh, sw], padding)
    height, width = planes.shape[1:3]
    stacks = tf.reshape(planes, [-1, depth, height * width, channels])
    stacks = tf.nn.max_pool2d(stacks, [kd, 1], [sd, 1], padding)
    return tf.reshape(stacks, [-1, stacks.shape[1], height, width, channels])


@expansion(
    "Dilation2D",
    name="dilation-2d",
    why="the wasm backend takes the maximum of negative windows for 0",
)
def dilation_2d(call: Call, x: Any, filters: Any) -> Any:
    """The maximum over the filter's positions of the shifted input plus the filter's value."""
    if None in x.shape[1:] or None in filters.shape or None in call.outputs[0].shape[1:]:
        return None
    _, sh, sw, _ = call.attribute("strides")
    _, rh, rw, _ = call.attribute("rates")
    rows, columns = filters.shape[:2]
    height, width = call.outputs[0].shape[1:3]
    pads = []
    for size, out, stride, rate, taps in (
        (x.shape[1], height, sh, rh, rows),
        (x.shape[2], width, sw, rw, columns),
    ):
        total = max((out - 1) * stride + (taps - 1) * rate + 1 - size, 0)
        pads.append([total // 2, total - total // 2])
    x = tf.pad(x, [[0, 0], *pads, [0, 0]], constant_values=x.dtype.min)
    result = None
    for i in range(rows):
        for j in range(columns):
            top, left = i * rh, j * rw
            window = x[
                :, top : top + (height - 1) * sh + 1 : sh, left : left + (width - 1) * sw + 1 : sw
            ]
            value = window + filters[i, j]
            result = value if result is None else tf.maximum(result, value)
    return result


@expansion(
    "MaxPoolWithArgmax",
    why="the wasm backend gives wrong places, and the node backend has no kernel for it",
)
def max_pool_with_argmax(call: Call, x: Any) -> Any:
    """All pixels of a window side by side: the largest, and where in the image it lies."""
    rows, columns, channels = x.shape[1:]
    height, width = call.outputs[0].shape[1:3]
    if None in (rows, columns, channels, height, width) or call.attribute("padding") == b"EXPLICIT":
        return None
    _, kh, kw, _ = call.attribute("ksize")
    _, sh, sw, _ = call.attribute("strides")
    top = max((height - 1) * sh + kh - rows, 0) // 2
    left = max((width - 1) * sw + kw - columns, 0) // 2
    same = call.attribute("padding") == b"SAME"
    pads = [
        [top if same else 0, kh + sh] if same else [0, 0],
        [left if same else 0, kw + sw] if same else [0, 0],
    ]
    padded = tf.pad(x, [[0, 0], *pads, [0, 0]], constant_values=x.dtype.min)
    last_row, last_column = (height - 1) * sh + 1, (width - 1) * sw + 1
    taps = [(i, j) for i in range(kh) for j in range(kw)]
    windows = [padded[:, i : i + last_row : sh, j : j + last_column : sw] for i, j in taps]
    result, place = windows[0], tf.zeros(tf.shape(windows[0]), tf.int32)
    for number, window in enumerate(windows[1:], start=1):
        place = tf.where(window > result, tf.fill(tf.shape(place), number), place)
        result = tf.maximum(result, window)
    first_row = tf.reshape(tf.range(height) * sh - pads[0][0], [1, -1, 1, 1])
    first_column = tf.reshape(tf.range(width) * sw - pads[1][0], [1, 1, -1, 1])
    row, column = first_row + place // kw, first_column + place % kw
    index = (row * columns + column) * channels + tf.range(channels)
    if call.attribute("include_batch_in_index"):
        size = rows * columns * channels
        index += tf.reshape(tf.range(tf.shape(x)[0]) * size, [-1, 1, 1, 1])
    return result, tf.cast(index, call.outputs[1].dtype)


def _options(call: Call, *names: str) -> dict[str, Any]:
    options = {name: call.attribute(name) for name in names if call.attribute(name) is not None}
    if "padding" in options:
        options["padding"] = options["padding"].decode()
    return options


def _channels_last(call: Call) -> bool:
    return call.attribute("data_format") in (None, b"", b"NHWC", b"NDHWC")


def _depthwise_can(call: Call) -> bool:
    """Depthwise convolutions have one stride for both directions."""
    _, vertical, horizontal, _ = call.attribute("strides")
    return bool(vertical == horizontal and call.attribute("padding") != b"EXPLICIT")


REWRITES = (
    grouped_convolution,
    skipping_convolution,
    transposed_convolution_3d,
    dilated_transposed_convolution,
    explicit_transposed_convolution,
    explicit_pooling,
    max_pooling_3d,
    dilation_2d,
    max_pool_with_argmax,
)
