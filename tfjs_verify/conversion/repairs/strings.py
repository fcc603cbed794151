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
    """A replacement that replaces nothing: cpu and node have it, wasm has not."""
    if x.dtype != tf.string or _is_guarded(call):
        return None
    guarded = tf.raw_ops.StaticRegexReplace(
        input=x, pattern=_NOTHING, rewrite="", replace_global=False
    )
    compare = tf.raw_ops.Equal if call.node.op == "Equal" else tf.raw_ops.NotEqual
    return compare(x=guarded, y=y, incompatible_shape_error=True)


def _is_guarded(call: Call) -> bool:
    return any(tensor.op.type == "StaticRegexReplace" for tensor in call.outputs[0].op.inputs)


REWRITES = (string_comparison,)
