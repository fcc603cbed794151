"""Strings."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call

_NOTHING = "a^"
"""A pattern that matches nowhere."""


@expansion(
    "Equal",
    "NotEqual",
    name="string-comparison-guard",
    why="the wasm backend compares where strings lie instead of what they say; an op in front that"
    " it does not have makes it fail instead",
)
def string_comparison(call: Call, x: Any, y: Any) -> Any:
    """The same on strings that wasm never gets to see."""
    if x.dtype != tf.string or _is_guarded(call):
        return None
    compare = tf.raw_ops.Equal if call.node.op == "Equal" else tf.raw_ops.NotEqual
    return compare(x=_guarded(x), y=y, incompatible_shape_error=True)


@expansion(
    "Gather",
    "GatherV2",
    name="string-gather",
    why="TensorFlow.js gathers numbers only; GatherNd takes strings too, though not on wasm, where"
    " an op in front that it does not have makes it fail",
)
def string_gather(call: Call, strings: Any, indices: Any, *axis: Any) -> Any:
    """Labels by their numbers, as a classifier may end."""
    if strings.dtype != tf.string or call.attribute("batch_dims"):
        return None
    if any(tf.get_static_value(each) != 0 for each in axis):
        return None
    return tf.raw_ops.GatherNd(params=_guarded(strings), indices=tf.expand_dims(indices, -1))


def _guarded(strings: Any) -> Any:
    """A replacement that replaces nothing: cpu and node have it, wasm has not."""
    return tf.raw_ops.StaticRegexReplace(
        input=strings, pattern=_NOTHING, rewrite="", replace_global=False
    )


def _is_guarded(call: Call) -> bool:
    return any(tensor.op.type == "StaticRegexReplace" for tensor in call.outputs[0].op.inputs)


REWRITES = (string_comparison, string_gather)
