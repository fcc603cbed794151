"""FunctionDefs to bodies in GraphDef's notation, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tensorflow.core.framework import function_pb2, node_def_pb2, types_pb2
from tensorflow.python.framework import op_def_registry

from tfjs_verify.conversion.graph import Body, index_of, node_of

_SHAPES = "_output_shapes"
_UNNAMED = "output"
"""The output of ops that TensorFlow does not know; TensorFlow.js reads the index only."""


def read(definition: Any, definitions: Mapping[str, Any]) -> Body:
    """The body of a function, whose arguments become placeholders."""
    nodes: dict[str, Any] = {}
    arguments = tuple(arg.name for arg in definition.signature.input_arg)
    for position, arg in enumerate(definition.signature.input_arg):
        nodes[arg.name] = _placeholder(arg, definition, position)
    for original in definition.node_def:
        node = node_def_pb2.NodeDef()
        node.CopyFrom(original)
        nodes[node.name] = node
    for original in definition.node_def:
        node = nodes[original.name]
        node.input[:] = [flat(reference, nodes, definitions) for reference in original.input]
    results = [
        flat(definition.ret[output.name], nodes, definitions)
        for output in definition.signature.output_arg
    ]
    return Body(definition.signature.name, nodes, results, arguments)


def write(body: Body, definition: Any, definitions: Mapping[str, Any]) -> Any:
    """The FunctionDef of a body; signature and attributes are the original's."""
    result = function_pb2.FunctionDef()
    result.CopyFrom(definition)
    nodes = {name: node for name, node in body.nodes.items() if name not in body.arguments}
    del result.node_def[:]
    for original in nodes.values():
        node = result.node_def.add()
        node.CopyFrom(original)
        node.input[:] = [structured(each, nodes, definitions) for each in original.input]
    result.ret.clear()
    for output, reference in zip(definition.signature.output_arg, body.results, strict=True):
        result.ret[output.name] = structured(reference, nodes, definitions)
    return result


def output_arguments(node: Any, definitions: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The output arguments of a node and how many tensors each is; empty for unknown ops."""
    operation = (
        definitions[node.op].signature if node.op in definitions else op_def_registry.get(node.op)
    )
    if operation is None:
        return []
    return [(arg.name, _length(arg, node)) for arg in operation.output_arg]


def _length(arg: Any, node: Any) -> int:
    if arg.number_attr:
        return int(node.attr[arg.number_attr].i)
    if arg.type_list_attr:
        return len(node.attr[arg.type_list_attr].list.type)
    return 1


def flat(reference: str, nodes: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A reference of a function, "node:argument:1", in GraphDef's notation."""
    if reference.startswith("^") or ":" not in reference:
        return reference
    name, argument, index = reference.split(":")
    offset = 0
    for output, length in output_arguments(nodes[name], definitions):
        if output == argument:
            break
        offset += length
    flat = offset + int(index)
    return f"{name}:{flat}" if flat else name


def structured(reference: str, nodes: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A reference in GraphDef's notation, "node:2", as functions have it.

    `nodes` are the function's own; what is not among them is an argument.
    """
    name = node_of(reference)
    if reference.startswith("^") or name not in nodes:
        return reference if reference.startswith("^") else name
    remaining = index_of(reference)
    for output, length in output_arguments(nodes[name], definitions):
        if remaining < length:
            return f"{name}:{output}:{remaining}"
        remaining -= length
    return f"{name}:{_UNNAMED}:{index_of(reference)}"


def _placeholder(arg: Any, definition: Any, position: int) -> Any:
    node = node_def_pb2.NodeDef(name=arg.name, op="Placeholder")
    node.attr["dtype"].type = arg.type or types_pb2.DT_FLOAT
    attributes = definition.arg_attr[position].attr if position in definition.arg_attr else {}
    if _SHAPES in attributes and attributes[_SHAPES].list.shape:
        node.attr["shape"].shape.CopyFrom(attributes[_SHAPES].list.shape[0])
    else:
        node.attr["shape"].shape.unknown_rank = True
    return node
