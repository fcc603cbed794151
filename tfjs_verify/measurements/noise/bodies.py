"""One way to write nodes into a graph and into a function, which name tensors differently."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any


class Body:
    """Collects the nodes of a GraphDef or a FunctionDef.

    A graph calls a tensor "node" or "node:1", a function "node:argument:1".
    """

    def __init__(self, *, function: bool, taken: Sequence[str]) -> None:
        self._function = function
        self._names = set(taken)
        self._constants: dict[tuple[str, float | tuple[int, ...]], str] = {}
        self.nodes: list[Any] = []

    def reference(self, node: str, argument: str, index: int, position: int) -> str:
        """How consumers name one output: `index` in its argument, `position` among all outputs."""
        if self._function:
            return f"{node}:{argument}:{index}"
        return node if position == 0 else f"{node}:{position}"

    def normal(self, reference: str) -> str:
        """The one spelling of a reference that may have several."""
        return reference.removesuffix(":0") if not self._function else reference

    def keep(self, node: Any) -> Any:
        """A copy of an existing node, now of this body."""
        kept = copy.deepcopy(node)
        self.nodes.append(kept)
        return kept

    def add(self, name: str, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A new node with one output; its reference.

        Attributes are DTypes, their enum values, booleans, or protos.
        """
        import tensorflow as tf
        from tensorflow.core.framework import node_def_pb2

        node = node_def_pb2.NodeDef(name=self.free(name), op=op, input=inputs)
        for key, value in attributes.items():
            if isinstance(value, tf.DType):
                node.attr[key].type = value.as_datatype_enum
            elif isinstance(value, bool):
                node.attr[key].b = value
            elif not isinstance(value, int):
                node.attr[key].CopyFrom(value)
            elif key in ("seed", "seed2"):
                node.attr[key].i = value
            else:
                node.attr[key].type = value
        self.nodes.append(node)
        return self.reference(node.name, _SINGLE_OUTPUT.get(op, "output"), 0, 0)

    def constant(self, name: str, value: float | tuple[int, ...]) -> str:
        """A float64 or int32 scalar, or an int32 vector, one for all who ask; its reference."""
        import tensorflow as tf
        from tensorflow.core.framework import attr_value_pb2

        dtype = tf.float64 if isinstance(value, float) else tf.int32
        key = (dtype.name, value)
        if key not in self._constants:
            proto = tf.make_tensor_proto(value, dtype=dtype)
            self._constants[key] = self.add(
                name, "Const", [], dtype=dtype, value=attr_value_pb2.AttrValue(tensor=proto)
            )
        return self._constants[key]

    def free(self, name: str) -> str:
        """`name`, with a number where a node is called so already."""
        candidate, number = name, 1
        while candidate in self._names:
            candidate, number = f"{name}_{number}", number + 1
        self._names.add(candidate)
        return candidate


_SINGLE_OUTPUT: Mapping[str, str] = {
    "Cast": "y", "Mul": "z", "AddV2": "z", "Sub": "z", "Cumsum": "out",
    "Equal": "z", "Transpose": "y", "Sign": "y",
}  # fmt: skip
"""What the definitions of the ops that are added call their output, where it isn't "output"."""
