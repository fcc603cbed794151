"""Sizes that are known although the batch is not, as constants.

`tf.shape(x)[1]` is known wherever the second dimension is. TensorFlow's own simplification only
knows shapes as a whole; repairs that need a size would decline for nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow.python.framework import tensor_util

from tfjs_verify.conversion.graph import Body, Program, constant_node, data_inputs
from tfjs_verify.conversion.statics import Statics
from tfjs_verify.tensors import Array


def fix_known_sizes(program: Program) -> None:
    """Replaces slices of shapes by their values where these are known."""
    for body in program.bodies():
        slices = [node for node in body.nodes.values() if node.op == "StridedSlice"]
        if slices:
            statics = Statics(body, program)
            for node in slices:
                value = _value(body, statics, node)
                if value is not None:
                    body.nodes[node.name] = constant_node(node.name, value)


def _value(body: Body, statics: Statics, node: Any) -> Array | None:
    source = statics.tensor(data_inputs(node)[0])
    if source.shape.rank != 1 or not source.dtype.is_integer:
        return None
    shape = tensor_util.constant_value_as_shape(source)
    bounds = [body.constant(reference) for reference in data_inputs(node)[1:]]
    if shape.rank is None or any(bound is None or bound.shape != (1,) for bound in bounds):
        return None
    begin, end, stride = (int(bound[0]) for bound in bounds if bound is not None)
    masks = ("ellipsis_mask", "new_axis_mask")
    if any(node.attr[mask].i for mask in masks):
        return None
    sizes = shape.as_list()
    if node.attr["shrink_axis_mask"].i:
        chosen: Any = sizes[begin] if -len(sizes) <= begin < len(sizes) else None
        return None if chosen is None else np.array(chosen, source.dtype.as_numpy_dtype)
    first = None if node.attr["begin_mask"].i else begin
    last = None if node.attr["end_mask"].i else end
    chosen = sizes[first:last:stride]
    return None if None in chosen else np.array(chosen, source.dtype.as_numpy_dtype)
