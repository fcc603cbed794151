"""Dtypes that TensorFlow.js does not even read, replaced by those that it computes in instead.

It reads int64, uint8 and float16 as int32 and float32 by itself, and knows nothing of the others: a
cast to one of them fails.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow.core.framework import types_pb2

from tfjs_verify.conversion.graph import Program, constant_node, constant_value

_REPLACED = {
    types_pb2.DT_BFLOAT16: (types_pb2.DT_FLOAT, np.float32),
    types_pb2.DT_INT16: (types_pb2.DT_INT32, np.int32),
    types_pb2.DT_UINT16: (types_pb2.DT_INT32, np.int32),
    types_pb2.DT_UINT32: (types_pb2.DT_INT32, np.int32),
    types_pb2.DT_UINT64: (types_pb2.DT_INT32, np.int32),
}


def replace_unread_dtypes(program: Program) -> None:
    """Does so everywhere at once, so that the graph stays one that TensorFlow computes."""
    for body in program.bodies():
        for name, node in body.nodes.items():
            if node.op == "Const" and node.attr["dtype"].type in _REPLACED:
                _, dtype = _REPLACED[node.attr["dtype"].type]
                value = np.clip(constant_value(node).astype(np.float64), *_range(dtype))
                body.nodes[name] = constant_node(name, value.astype(dtype))
            _replace_attributes(body.nodes[name])
    for definition in program.definitions.values():
        for argument in (*definition.signature.input_arg, *definition.signature.output_arg):
            argument.type = _REPLACED.get(argument.type, (argument.type,))[0]
        for node in definition.node_def:
            _replace_attributes(node)


def _range(dtype: Any) -> tuple[float, float]:
    if dtype is np.float32:
        return -np.inf, np.inf
    return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)


def _replace_attributes(node: Any) -> None:
    for value in node.attr.values():
        kind = value.WhichOneof("value")
        if kind == "type":
            value.type = _REPLACED.get(value.type, (value.type,))[0]
        elif kind == "list":
            value.list.type[:] = [_REPLACED.get(each, (each,))[0] for each in value.list.type]
