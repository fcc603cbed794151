"""Replaces a node by what a Python function computes: the function is traced and spliced in.

So an expansion is written in TensorFlow, in a few lines, instead of in protocol buffers:

    def softsign(call, x):
        return x / (1.0 + tf.abs(x))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import tensorflow as tf
from tensorflow.core.framework import node_def_pb2

from tfjs_verify.conversion.graph import Body, data_inputs, tensor_of
from tfjs_verify.conversion.statics import Statics
from tfjs_verify.errors import ConversionError

_TRACED_AS_CONSTANT_BYTES = 1 << 16


@dataclass(frozen=True)
class Call:
    """The node that is to be replaced."""

    node: Any
    outputs: tuple[Any, ...]
    """Its symbolic outputs, for their dtypes and static shapes."""

    def attribute(self, name: str) -> Any:
        """An attribute: bool, int, float, bytes, DType, or a list of these; `None` if not set."""
        if name not in self.node.attr:
            return None
        value = self.node.attr[name]
        kind = value.WhichOneof("value")
        if kind == "list":
            _, values = next(iter(value.list.ListFields()), (None, ()))
            return list(values)
        if kind == "type":
            return tf.dtypes.as_dtype(value.type)
        return getattr(value, kind) if kind else None


Expansion: TypeAlias = Callable[..., Any]
"""Takes the Call and its input tensors; gives a tensor, a sequence of them, or `None`: not here.

Inputs that are constants in the graph are constants in the trace: `tf.get_static_value` tells.
"""


def splice(body: Body, statics: Statics, name: str, expand: Expansion) -> bool:
    """Replaces a node by what `expand` computes; False, and no change, where it declines."""
    node = body.nodes[name]
    references = data_inputs(node)
    call = Call(node, tuple(statics.outputs(name)))
    with tf.Graph().as_default() as trace:
        operands = [_operand(body, statics, reference) for reference in references]
        results = expand(call, *operands)
        if results is None:
            return False
        results = list(results) if isinstance(results, (list, tuple)) else [results]
    _check(name, trace, call, results)
    sources = {
        operand.op.name: tensor_of(ref) for operand, ref in zip(operands, references, strict=True)
    }
    _connect(body, node, insert(body, name, trace, results, sources), results)
    return True


def _operand(body: Body, statics: Statics, reference: str) -> Any:
    tensor = statics.tensor(reference)
    value = body.constant(reference)
    if value is not None and value.nbytes <= _TRACED_AS_CONSTANT_BYTES:
        return tf.constant(value, dtype=tensor.dtype)
    return tf.compat.v1.placeholder(tensor.dtype, tensor.shape)


def _check(name: str, trace: Any, call: Call, results: Sequence[Any]) -> None:
    if trace.as_graph_def().library.function:
        raise ConversionError(f"The expansion of {call.node.op} ({name}) traced a function.")
    expected = [tensor.dtype for tensor in call.outputs]
    given = [tensor.dtype for tensor in results]
    if expected != given:
        raise ConversionError(
            f"The expansion of {call.node.op} ({name}) gives {given}; expected {expected}."
        )


def insert(
    body: Body, name: str, trace: Any, results: Sequence[Any], sources: dict[str, str]
) -> list[str]:
    """Copies what the results need into the body; returns their references there."""
    needed: set[str] = set()
    waiting = [tensor.op for tensor in results]
    while waiting:
        operation = waiting.pop()
        if operation.name not in needed and operation.name not in sources:
            needed.add(operation.name)
            waiting.extend(tensor.op for tensor in operation.inputs)
    places = dict(sources)
    for operation in trace.get_operations():
        if operation.name in needed:
            copy = node_def_pb2.NodeDef()
            copy.CopyFrom(operation.node_def)
            copy.name = f"{name}/{operation.name}"
            copy.input[:] = [_placed(tensor, places) for tensor in operation.inputs]
            places[operation.name] = body.add(copy)
    return [_placed(tensor, places) for tensor in results]


def _placed(tensor: Any, places: dict[str, str]) -> str:
    place = places[tensor.op.name]
    if ":" in place:  # an operand, which is a tensor and not a node
        return place.removesuffix(":0")
    return f"{place}:{tensor.value_index}" if tensor.value_index else place


def _connect(body: Body, node: Any, references: list[str], results: Sequence[Any]) -> None:
    """One result takes the node's name, so that what refers to it stays; several are redirected."""
    if len(references) == 1:
        identity = node_def_pb2.NodeDef(name=node.name, op="Identity", input=references)
        identity.attr["T"].type = results[0].dtype.as_datatype_enum
        body.nodes[node.name] = identity
        return
    del body.nodes[node.name]
    body.drop_control({node.name})
    body.redirect({f"{node.name}:{k}": reference for k, reference in enumerate(references)})
