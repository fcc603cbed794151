"""Choices between two tensors."""

# ruff: noqa: D103 (what is declared by `expansion` is documented by its op and its `why`)

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call


@expansion(
    "Select",
    name="row-selection",
    why="TensorFlow.js lines the conditions up with the last dimension instead of the rows",
)
def row_selection(call: Call, condition: Any, x: Any, y: Any) -> Any:
    if condition.shape.rank != 1 or x.shape.rank in (None, 1):
        return None
    rows = tf.reshape(condition, [-1] + [1] * (x.shape.rank - 1))
    return tf.where(rows, x, y)


@expansion(
    "Select",
    "SelectV2",
    name="selected-truths",
    why="the wasm backend takes the truths that are chosen from for float32, beyond their memory",
)
def selected_truths(call: Call, condition: Any, x: Any, y: Any) -> Any:
    if x.dtype != tf.bool or (call.node.op == "Select" and condition.shape.rank == 1):
        return None
    return tf.logical_or(tf.logical_and(condition, x), tf.logical_and(tf.logical_not(condition), y))


REWRITES = (row_selection, selected_truths)
