"""What both fusing passes look for: an operation, and what is done to its result alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tensorflow.core.framework import types_pb2

from tfjs_verify.conversion.graph import Body, data_inputs, index_of
from tfjs_verify.tensors import Array

CONVOLUTIONS = frozenset({"Conv2D", "DepthwiseConv2dNative"})
CONTRACTIONS = CONVOLUTIONS | {"MatMul"}
ADDITIONS = frozenset({"BiasAdd", "Add", "AddV2"})


@dataclass
class Chains:
    """A body, with the consumers of its tensors as they were when this was made."""

    body: Body

    def __post_init__(self) -> None:
        self._consumers = self.body.consumers()

    def sole_consumer(self, node: Any) -> Any | None:
        """The one node that takes the node's only used output; `None` if others do as well."""
        takers = self._consumers.get(f"{node.name}:0", [])
        return takers[0][0] if len(takers) == 1 and self.uses_first_output_only(node) else None

    def uses_first_output_only(self, node: Any) -> bool:
        """Whether nothing takes a later output of the node, or waits for it."""
        if self._consumers.get(f"^{node.name}"):
            return False
        return not any(self._consumers.get(f"{node.name}:{index}") for index in range(1, 6))

    def vector_operand(self, addition: Any, source: Any, channels: int | None) -> Array | None:
        """The constant that `addition` adds to `source`, as one value per channel.

        `None` where it is no constant, or varies along anything but the last dimension.
        """
        operands = data_inputs(addition)
        others = [r for r in operands if self.body.nodes.get(r) is not source]
        if len(others) != 1:
            return None
        value = self.body.constant(others[0])
        if value is None or value.ndim > 4 or (value.ndim and value.shape[-1] != value.size):
            return None
        vector = value.reshape(-1)
        if channels is None:
            return vector if value.ndim else None
        if vector.size == 1:
            return np.full(channels, vector[0], vector.dtype)
        return vector if vector.size == channels else None


def is_float32(node: Any) -> bool:
    """Whether the node computes in float32."""
    return bool(node.attr["T"].type == types_pb2.DT_FLOAT)


def is_channels_last(node: Any) -> bool:
    """Whether the node's data_format, if it has one, is the one that TensorFlow.js can."""
    return node.attr["data_format"].s in (b"", b"NHWC") if "data_format" in node.attr else True


def channel_count(body: Body, contraction: Any) -> int | None:
    """The length of the last dimension of a contraction's result; `None` if not constant."""
    weights = body.constant(data_inputs(contraction)[1])
    if weights is None:
        return None
    if contraction.op == "DepthwiseConv2dNative":
        return int(weights.shape[2] * weights.shape[3])
    if contraction.op == "MatMul" and contraction.attr["transpose_b"].b:
        return int(weights.shape[0])
    return int(weights.shape[-1])


def source_of_first_output(body: Body, reference: str) -> Any | None:
    """The node whose first output the reference is."""
    return body.nodes.get(reference.partition(":")[0]) if index_of(reference) == 0 else None
