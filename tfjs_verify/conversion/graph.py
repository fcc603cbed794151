"""Graphs that can be edited: the main one and the bodies of its functions, in one notation.

A GraphDef refers to a tensor as "node:2"; inside a FunctionDef the same is "node:output_arg:0", and
arguments have no node at all. Here both are a `Body` in GraphDef's notation, whose arguments are
placeholders, so that a rewrite written once serves the branches and loops of a model as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tensorflow.core.framework import graph_pb2, node_def_pb2, tensor_pb2
from tensorflow.python.framework import tensor_util

from tfjs_verify.tensors import Array

NodeDef = node_def_pb2.NodeDef


@dataclass
class Body:
    """One graph. References are "node" or "node:k", and "^node" for control."""

    name: str
    """The function's name; "" for the main graph."""
    nodes: dict[str, Any]
    results: list[str]
    """References that are computed for the outside: outputs, or what the function returns."""
    arguments: tuple[str, ...] = ()
    """Placeholders that stand for a function's arguments."""

    def producer(self, reference: str) -> Any:
        """The node that a reference points to."""
        return self.nodes[node_of(reference)]

    def consumers(self) -> dict[str, list[tuple[Any, int]]]:
        """For every tensor ("node:k"), the nodes that take it and as which input.

        What the outside takes counts too, as `(None, position)`.
        """
        result: dict[str, list[tuple[Any, int]]] = {}
        for node in self.nodes.values():
            for position, reference in enumerate(node.input):
                result.setdefault(tensor_of(reference), []).append((node, position))
        for position, reference in enumerate(self.results):
            result.setdefault(tensor_of(reference), []).append((None, position))
        return result

    def constant(self, reference: str) -> Array | None:
        """The value of a reference to a Const, seen through Identity; `None` for anything else."""
        node = self.nodes.get(node_of(reference))
        while node is not None and node.op == "Identity":
            node = self.nodes.get(node_of(node.input[0]))
        if node is None or node.op != "Const":
            return None
        return constant_value(node)

    def add(self, node: Any) -> str:
        """Adds a node, renamed if its name is taken; returns its name."""
        node.name = self.unused_name(node.name)
        self.nodes[node.name] = node
        return str(node.name)

    def add_constant(self, name: str, value: Array) -> str:
        """Adds a Const of this value; returns its name."""
        return self.add(constant_node(name, value))

    def unused_name(self, wanted: str) -> str:
        """`wanted`, or with a number behind it."""
        name, number = wanted, 1
        while name in self.nodes:
            name = f"{wanted}_{number}"
            number += 1
        return name

    def redirect(self, references: Mapping[str, str]) -> None:
        """Lets everything that takes a key ("node:k") take its value instead."""
        for node in self.nodes.values():
            for position, reference in enumerate(node.input):
                replacement = references.get(tensor_of(reference))
                if replacement is not None and not reference.startswith("^"):
                    node.input[position] = replacement
        self.results[:] = [references.get(tensor_of(r), r) for r in self.results]

    def drop_control(self, removed: set[str]) -> None:
        """Removes control inputs from nodes that are about to go."""
        for node in self.nodes.values():
            if any(r.startswith("^") and r[1:] in removed for r in node.input):
                kept = [r for r in node.input if not (r.startswith("^") and r[1:] in removed)]
                del node.input[:]
                node.input.extend(kept)

    def forget_control(self) -> None:
        """Removes all control inputs."""
        for node in self.nodes.values():
            data = data_inputs(node)
            if len(data) != len(node.input):
                node.input[:] = data

    def prune(self) -> None:
        """Removes the nodes that no result needs; placeholders stay."""
        needed: set[str] = set()
        waiting = [node_of(reference) for reference in self.results]
        while waiting:
            name = waiting.pop()
            if name in needed:
                continue
            needed.add(name)
            waiting.extend(node_of(reference) for reference in self.nodes[name].input)
        self.nodes = {
            name: node
            for name, node in self.nodes.items()
            if name in needed or node.op.startswith("Placeholder")
        }


@dataclass
class Program:
    """A GraphDef in editable form."""

    main: Body
    functions: dict[str, Body] = field(default_factory=dict)
    definitions: dict[str, Any] = field(default_factory=dict)
    """The FunctionDefs that the bodies came from: their signatures and attributes."""
    versions: Any = None

    def bodies(self) -> Iterator[Body]:
        """The main graph first, then every function's body."""
        yield self.main
        yield from self.functions.values()

    def operations(self) -> set[str]:
        """All op types in use."""
        return {node.op for body in self.bodies() for node in body.nodes.values()}

    @classmethod
    def from_graph_def(cls, graph: Any, results: list[str]) -> Program:
        """`results` are the references whose values the outside wants."""
        from tfjs_verify.conversion import functions

        definitions = {f.signature.name: f for f in graph.library.function}
        return cls(
            main=Body("", {node.name: _copy(node) for node in graph.node}, list(results)),
            functions={
                name: functions.read(definition, definitions)
                for name, definition in definitions.items()
            },
            definitions=definitions,
            versions=graph.versions,
        )

    def to_graph_def(self) -> Any:
        """The program as a GraphDef, with the functions that are still reachable."""
        from tfjs_verify.conversion import functions

        graph = graph_pb2.GraphDef()
        if self.versions is not None:
            graph.versions.CopyFrom(self.versions)
        graph.node.extend(self.main.nodes.values())
        for name in self.reachable_functions():
            graph.library.function.append(
                functions.write(self.functions[name], self.definitions[name], self.definitions)
            )
        return graph

    def reachable_functions(self) -> list[str]:
        """The functions that the main graph calls, directly or through others."""
        found: list[str] = []
        waiting = [self.main]
        while waiting:
            for node in waiting.pop().nodes.values():
                for name in called_functions(node):
                    if name in self.functions and name not in found:
                        found.append(name)
                        waiting.append(self.functions[name])
        return found


def called_functions(node: Any) -> Iterator[str]:
    """The names of the functions that a node calls: as its op, or in its attributes."""
    yield node.op
    for value in node.attr.values():
        kind = value.WhichOneof("value")
        if kind == "func":
            yield value.func.name
        elif kind == "list":
            yield from (function.name for function in value.list.func)


def node_of(reference: str) -> str:
    """The node of "node", "node:2" or "^node"."""
    return reference.removeprefix("^").partition(":")[0]


def index_of(reference: str) -> int:
    """The output index of "node" (0) or "node:2" (2)."""
    return int(reference.partition(":")[2] or 0)


def tensor_of(reference: str) -> str:
    """A reference in full: "node:0" for "node"; control references stay as they are."""
    return reference if ":" in reference or reference.startswith("^") else f"{reference}:0"


def data_inputs(node: Any) -> list[str]:
    """The references of a node's inputs without the control inputs."""
    return [reference for reference in node.input if not reference.startswith("^")]


def constant_value(node: Any) -> Array:
    """The value of a Const node."""
    value: Array = tensor_util.MakeNdarray(node.attr["value"].tensor)
    return value


def constant_node(name: str, value: Array) -> Any:
    """A Const node of this value."""
    proto: tensor_pb2.TensorProto = tensor_util.make_tensor_proto(np.asarray(value))
    node = NodeDef(name=name, op="Const")
    node.attr["dtype"].type = proto.dtype
    node.attr["value"].tensor.CopyFrom(proto)
    return node


def _copy(node: Any) -> Any:
    result = NodeDef()
    result.CopyFrom(node)
    return result
