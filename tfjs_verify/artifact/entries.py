"""What an artifact itself says of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tfjs_verify.tensors import Shape

_DTYPES: Mapping[str, str] = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float32",
    "DT_HALF": "float32",
    "DT_BFLOAT16": "float32",
    "DT_INT8": "int32",
    "DT_UINT8": "int32",
    "DT_INT16": "int32",
    "DT_UINT16": "int32",
    "DT_INT32": "int32",
    "DT_UINT32": "int32",
    "DT_INT64": "int32",
    "DT_UINT64": "int32",
    "DT_BOOL": "bool",
    "DT_STRING": "string",
    "DT_COMPLEX64": "complex64",
    "DT_COMPLEX128": "complex64",
}


@dataclass(frozen=True)
class Entry:
    """One input or output as the artifact states it."""

    key: str
    node: str
    """The node to feed or fetch: "x" for "x:0", "x:1" for "x:1"; or the layer."""
    dtype: str | None = None
    """TensorFlow.js's dtype; `None` where it is not stated."""
    shape: Shape | None = None
    """`None` where it, or even its rank, is not stated."""

    @property
    def named(self) -> bool:
        """Whether the key is a name that somebody gave, and not just the tensor's own."""
        return self.key not in (self.node, f"{self.node}:0")


def signature_entries(side: Mapping[str, Any]) -> list[Entry]:
    """The entries of `signature.inputs` or `.outputs`; resources are no tensors that users see."""
    return [
        Entry(key, node_name(str(info.get("name", key))), stated_dtype(info), stated_shape(info))
        for key, info in side.items()
        if info.get("resourceId") is None and info.get("dtype") != "DT_RESOURCE"
    ]


def topology_entries(nodes: Iterable[Mapping[str, Any]], *, outputs: bool) -> list[Entry]:
    """What TensorFlow.js takes without a signature: placeholders, and what no node consumes."""
    nodes = list(nodes)
    if not outputs:
        chosen = [node for node in nodes if str(node["op"]).startswith("Placeholder")]
        return [_node_entry(node) for node in chosen]
    consumed = {
        node_name(name.lstrip("^")).partition(":")[0]
        for node in nodes
        for name in node.get("input", ())
    }
    return [Entry(node["name"], node["name"]) for node in nodes if node["name"] not in consumed]


def node_name(tensor: str) -> str:
    """The TensorFlow.js name of a tensor: the index is only told when it is not 0."""
    return tensor.removesuffix(":0")


def stated_dtype(info: Mapping[str, Any]) -> str | None:
    """The TensorFlow.js dtype of a TensorInfo in JSON."""
    return _DTYPES.get(str(info.get("dtype")))


def stated_shape(info: Mapping[str, Any]) -> Shape | None:
    """The shape of a TensorInfo in JSON, whose absent `dim` means a scalar."""
    proto = info.get("tensorShape")
    if not isinstance(proto, Mapping) or proto.get("unknownRank"):
        return None
    sizes = (int(dim.get("size", 0)) for dim in proto.get("dim", ()))
    return tuple(None if size < 0 else size for size in sizes)


def _node_entry(node: Mapping[str, Any]) -> Entry:
    attributes = node.get("attr", {})
    info = {
        "dtype": attributes.get("dtype", {}).get("type"),
        "tensorShape": attributes.get("shape", {}).get("shape"),
    }
    return Entry(node["name"], node["name"], stated_dtype(info), stated_shape(info))
