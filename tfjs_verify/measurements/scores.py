"""Which outputs are scores that somebody decides by, as the graph's last op tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfjs_verify.measurements.decisions import Scores

_LAST: Mapping[str, Scores] = {
    "Softmax": "classes",
    "LogSoftmax": "classes",
    "Sigmoid": "probability",
}
_HANDED_ON = frozenset({"Identity", "StopGradient", "Snapshot", "EnsureShape", "Cast", "IdentityN"})


def recognise_scores(graph: Any, outputs: Mapping[str, str]) -> dict[str, Scores]:
    """The outputs that a softmax or a sigmoid makes, by name.

    `graph` is a frozen GraphDef, `outputs` gives the graph's tensor for every output name.
    """
    nodes = {node.name: node for node in graph.node}
    found = {name: _last_op(nodes, tensor) for name, tensor in outputs.items()}
    return {name: _LAST[op] for name, op in found.items() if op in _LAST}


def _last_op(nodes: Mapping[str, Any], tensor: str) -> str:
    node = nodes.get(tensor.partition(":")[0])
    while node is not None and node.op in _HANDED_ON and node.input:
        node = nodes.get(node.input[0].lstrip("^").partition(":")[0])
    return "" if node is None else str(node.op)
