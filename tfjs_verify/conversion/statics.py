"""What TensorFlow knows of a graph without running it: dtypes, shapes, constants (worker side)."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.core.framework import graph_pb2, node_def_pb2

from tfjs_verify.conversion.graph import Body, Program, index_of, node_of, tensor_of

_LARGE_BYTES = 1 << 14


class Statics:
    """The inferred dtypes and shapes of one body, as it was when this was made.

    Nodes that were added later, and bodies with ops that TensorFlow does not know, have none.
    """

    def __init__(self, body: Body, program: Program) -> None:
        definition = program.to_graph_def() if program.functions else graph_pb2.GraphDef()
        del definition.node[:]
        definition.node.extend(_light(node) for node in body.nodes.values())
        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.import_graph_def(definition, name="")

    def tensor(self, reference: str) -> Any:
        """The symbolic tensor of a reference."""
        return self.graph.get_tensor_by_name(tensor_of(reference))

    def outputs(self, name: str) -> list[Any]:
        """The symbolic tensors that a node gives."""
        return list(self.graph.get_operation_by_name(name).outputs)

    def shape(self, reference: str) -> tuple[int | None, ...] | None:
        """The shape, with `None` for unknown dimensions, or `None` for an unknown rank."""
        shape = self.tensor(reference).shape
        return None if shape.rank is None else tuple(shape.as_list())

    def dtype(self, reference: str) -> Any:
        """The dtype, as TensorFlow's DType."""
        return self.tensor(reference).dtype

    def knows(self, reference: str) -> bool:
        """Whether there is such a tensor here."""
        try:
            outputs = self.outputs(node_of(reference))
        except KeyError:
            return False
        return index_of(reference) < len(outputs)


def _light(node: Any) -> Any:
    """Weights as placeholders: inference needs their shapes and not their values."""
    if node.op != "Const" or node.attr["value"].tensor.ByteSize() < _LARGE_BYTES:
        return node
    light = node_def_pb2.NodeDef(name=node.name, op="Placeholder")
    light.attr["dtype"].CopyFrom(node.attr["dtype"])
    light.attr["shape"].shape.CopyFrom(node.attr["value"].tensor.tensor_shape)
    return light
