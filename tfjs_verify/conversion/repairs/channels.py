"""Images with their channels first, which TensorFlow.js's backends refuse or take for others."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call

_FIRST = (b"NCHW", b"NCDHW")
_PER_DIMENSION = ("strides", "ksize", "dilations")


@expansion(
    *("Conv2D", "Conv3D", "DepthwiseConv2dNative", "BiasAdd"),
    *("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D"),
    name="channels-first",
    why="the backends refuse channels in front, or add a bias along the last dimension anyway",
)
def channels_first(call: Call, x: Any, *weights: Any) -> Any:
    """The same with the channels moved to the back and forth again."""
    if call.attribute("data_format") not in _FIRST or x.shape.rank is None:
        return None
    rank = x.shape.rank
    if call.node.op == "BiasAdd":
        (bias,) = weights
        return x + tf.reshape(bias, [-1] + [1] * (rank - 2))
    backwards = [0, *range(2, rank), 1]
    options = {
        name: [call.attribute(name)[axis] for axis in backwards]
        for name in _PER_DIMENSION
        if call.attribute(name)
    }
    pads = call.attribute("explicit_paddings")
    if pads:
        options["explicit_paddings"] = [
            pads[2 * axis + side] for axis in backwards for side in (0, 1)
        ]
    x = tf.transpose(x, backwards)
    padding = call.attribute("padding").decode()
    compute = getattr(tf.raw_ops, call.node.op)
    image = "value" if call.node.op.startswith("Avg") else "input"
    operands = {image: x, **dict(zip(("filter",), weights, strict=False))}
    moved = compute(**operands, padding=padding, **options)
    return tf.transpose(moved, [0, rank - 1, *range(1, rank - 1)])


@expansion("Conv2DBackpropInput", name="channels-first", why=channels_first.why)
def transposed_channels_first(call: Call, sizes: Any, filters: Any, x: Any) -> Any:
    """The transposed convolution with the channels moved to the back and forth again."""
    if call.attribute("data_format") not in _FIRST:
        return None
    backwards = [0, 2, 3, 1]
    pads = call.attribute("explicit_paddings") or []
    moved = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.gather(sizes, backwards),
        filter=filters,
        out_backprop=tf.transpose(x, backwards),
        strides=[call.attribute("strides")[axis] for axis in backwards],
        padding=call.attribute("padding").decode(),
        explicit_paddings=[pads[2 * axis + side] for axis in backwards for side in (0, 1) if pads],
        dilations=[(call.attribute("dilations") or [1] * 4)[axis] for axis in backwards],
    )
    return tf.transpose(moved, [0, 3, 1, 2])


REWRITES = (channels_first, transposed_channels_first)
