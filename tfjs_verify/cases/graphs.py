"""A frozen GraphDef as something to walk: who consumes a value, and what a constant is.

Function bodies are scopes of their own; their arguments lead back to the call that runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from tfjs_verify.tensors import Array

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})


class Scope:
    """The nodes of a graph or function body, and where a body's arguments come from."""

    def __init__(
        self,
        nodes: Any,
        functions: Mapping[str, Any],
        arguments: Mapping[str, tuple[Scope, str]] | None = None,
    ) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.arguments = dict(arguments or {})
        self._functions = functions
        self._bodies: dict[str, Scope] = {}
        self._consumers: dict[str, list[tuple[Any, int]]] = {}
        for node in nodes:
            for slot, tensor in enumerate(data_inputs(node)):
                self._consumers.setdefault(producer(tensor), []).append((node, slot))

    def consumers(self, name: str) -> list[tuple[Any, int]]:
        """The nodes that take an output of this one, and in which slot."""
        return self._consumers.get(name, [])

    def argument(self, call: Any, slot: int) -> Place | None:
        """Where the value in a slot of a call node goes on, inside the function it runs."""
        body = self._body(call)
        if body is None or slot >= len(body.arguments):
            return None
        return body, list(body.arguments)[slot]

    def _body(self, call: Any) -> Scope | None:
        function = self._functions.get(call.attr["f"].func.name)
        if function is None:
            return None
        if call.name not in self._bodies:
            names = [argument.name for argument in function.signature.input_arg]
            sources = [(self, producer(tensor)) for tensor in data_inputs(call)]
            arguments = dict(zip(names, sources, strict=False))
            self._bodies[call.name] = Scope(function.node_def, self._functions, arguments)
        return self._bodies[call.name]


Place: TypeAlias = tuple[Scope, str]


@dataclass(frozen=True)
class Use:
    """One node that takes a value, in one of its slots."""

    scope: Scope
    node: Any
    slot: int


def open_graph(graph: Any) -> Scope:
    """The outermost scope of a GraphDef."""
    return Scope(graph.node, {each.signature.name: each for each in graph.library.function})


def data_inputs(node: Any) -> list[str]:
    """The tensors that a node takes, control inputs left out."""
    return [tensor for tensor in node.input if not tensor.startswith("^")]


def producer(tensor: str) -> str:
    """The node, or argument, that a tensor's name begins with."""
    return tensor.partition(":")[0]


def uses(start: Place, onward: Callable[[Use], tuple[Place, ...]]) -> Iterator[Use]:
    """Every consumer reached from a value; `onward` says where a consumer hands it on to."""
    pending = [start]
    seen = {start}
    while pending:
        scope, name = pending.pop()
        for node, slot in scope.consumers(name):
            use = Use(scope, node, slot)
            yield use
            for place in onward(use):
                if place not in seen:
                    seen.add(place)
                    pending.append(place)


def resolve(scope: Scope, tensor: str) -> tuple[Scope, Any] | None:
    """The node behind a tensor, seen through identities and out of function bodies."""
    name = producer(tensor)
    while True:
        if name in scope.arguments:
            scope, name = scope.arguments[name]
            continue
        node = scope.nodes.get(name)
        if node is None or node.op not in {"Identity", "ReadVariableOp", "EnsureShape"}:
            return None if node is None else (scope, node)
        name = producer(node.input[0])


def shape_of(scope: Scope, tensor: str) -> tuple[int, ...] | None:
    """The shape of a constant or variable; None where it is not known in full."""
    found = resolve(scope, tensor)
    if found is None:
        return None
    node = found[1]
    if node.op == "Const":
        dims = node.attr["value"].tensor.tensor_shape.dim
    elif node.op in {"VarHandleOp", "Placeholder"} and "shape" in node.attr:
        dims = node.attr["shape"].shape.dim
    else:
        return None
    sizes = tuple(int(dim.size) for dim in dims)
    return sizes if all(size > 0 for size in sizes) else None


def constant(scope: Scope, tensor: str) -> Array | None:
    """The value of a tensor that depends on constants only, by the few operations folded here."""
    found = resolve(scope, tensor)
    if found is None:
        return None
    scope, node = found
    if node.op == "Const":
        from tensorflow import make_ndarray

        return np.asarray(make_ndarray(node.attr["value"].tensor))
    operands = [constant(scope, each) for each in data_inputs(node)[:2]]
    known = [operand for operand in operands if operand is not None]
    if not known or len(known) < len(operands):
        return None
    match node.op:
        case "Cast" | "Reshape" | "ExpandDims" | "Squeeze":
            return known[0]
        case "Sqrt":
            return np.asarray(np.sqrt(known[0]))
        case "Rsqrt":
            return np.asarray(1 / np.sqrt(known[0]))
        case "Maximum":
            return np.asarray(np.maximum(*known))
        case "Add" | "AddV2":
            return np.asarray(known[0] + known[1])
    return None
