"""What a model's frozen graph foretells about its answers on TensorFlow.js.

Which outputs somebody decides by, whose order means nothing, what is drawn by chance, and what is
computed in fewer bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfjs_verify.measurements.order import Unordered
from tfjs_verify.measurements.readings import Plain, Reading
from tfjs_verify.tensors import NARROWED, TensorSpec

_SCORES: Mapping[str, Plain] = {
    "Softmax": "classes",
    "LogSoftmax": "classes",
    "Sigmoid": "probability",
    "ArgMax": "label",
    "ArgMin": "label",
}
_LOGITS = "logit"
_HANDED_ON = frozenset({"Identity", "StopGradient", "Snapshot", "EnsureShape", "Cast", "IdentityN"})
_ELEMENTWISE = frozenset({
    "Abs", "Ceil", "Elu", "Exp", "Expm1", "Floor", "LeakyRelu", "Log", "Log1p", "LogSoftmax", "Neg",
    "Reciprocal", "Relu", "Relu6", "Round", "Rsqrt", "Sigmoid", "Sign", "Softmax", "Softplus",
    "Sqrt", "Square", "Tanh",
})  # fmt: skip
"""Ops that give in another order what they are given in another order, along the last axis."""
_WITH_A_SCALAR = frozenset({"Add", "AddV2", "Maximum", "Minimum", "Mul", "Pow", "RealDiv", "Sub"})
"""Ops that do so where one of their two operands is a single number."""
_DRAWS = (
    "Random", "Uniform", "StandardNormal", "TruncatedNormal", "ParameterizedTruncated",
    "Multinomial", "RngReadAndSkip",
)  # fmt: skip
_MOVES_ONLY = frozenset({"Identity", "Const", "Placeholder", "NoOp", "Shape", "Size", "Rank"})


def recognise_scores(
    graph: Any, outputs: Mapping[str, str], specs: Sequence[TensorSpec]
) -> dict[str, Reading]:
    """The outputs that a softmax, a sigmoid or an argmax makes, or that are called logits, by name.

    `graph` is a frozen GraphDef, `outputs` gives the graph's tensor for every output name, `specs`
    what the outputs are.
    """
    found = {}
    shapes = {spec.name: spec.shape for spec in specs if "float" in spec.dtype and spec.shape}
    for name, node in _last_nodes(graph, outputs):
        if node.op in _SCORES:
            found[name] = Reading(_SCORES[node.op])
        elif name in shapes and _LOGITS in f"{name}/{node.name}".lower():
            found[name] = Reading("logit" if shapes[name][-1] == 1 else "classes")
    return found


def order_free_outputs(graph: Any, outputs: Mapping[str, str]) -> tuple[Unordered, ...]:
    """The outputs that `top_k(sorted=False)` makes, those of one such op together."""
    nodes = {node.name: node for node in graph.node}
    found: dict[str, tuple[list[str], list[str]]] = {}
    for name, tensor in outputs.items():
        node, port = _unarranged(tensor, nodes)
        if node is not None and node.op == "TopKV2" and not node.attr["sorted"].b:
            found.setdefault(node.name, ([], []))[port].append(name)
    return tuple(Unordered(tuple(values), tuple(indices)) for values, indices in found.values())


def draws_random_numbers(op: str) -> bool:
    """Whether an op draws numbers, which would be others in another type."""
    return op.removeprefix("Stateless").removeprefix("Stateful").startswith(_DRAWS)


def draws_anew(op: str) -> bool:
    """Whether an op draws other numbers at every call."""
    from tensorflow.python.framework import op_def_registry

    definition = op_def_registry.get(op)
    return definition is not None and draws_random_numbers(op) and bool(definition.is_stateful)


def random_outputs(graph: Any, outputs: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The outputs that depend on numbers drawn anew at every call, and the ops, as "Op (node)".

    `outputs` gives the graph's tensor for every output name. A branch that is never taken counts.
    """
    found = {
        output: tuple(f"{node.op} ({node.name})" for node in nodes if draws_anew(node.op))
        for output, nodes in _ancestors(graph, outputs).items()
    }
    return {output: ops for output, ops in found.items() if ops}


def counts(graph: Any, outputs: Mapping[str, str]) -> frozenset[str]:
    """The outputs that a cast makes of real numbers: amounts and times, and no labels."""
    import tensorflow as tf

    nodes = {node.name: node for node in graph.node}
    found = set()
    for name, tensor in outputs.items():
        node = nodes.get(tensor.partition(":")[0])
        while node is not None and node.op in _HANDED_ON and node.input:
            if node.op == "Cast" and tf.as_dtype(node.attr["SrcT"].type).is_floating:
                found.add(name)
                break
            node = nodes.get(node.input[0].lstrip("^").partition(":")[0])
    return frozenset(found)


@dataclass(frozen=True)
class Narrowed:
    """Ops that compute in a dtype that TensorFlow.js does not have."""

    dtype: str
    ops: tuple[str, ...]
    """As "Op (node)"."""
    outputs: tuple[str, ...]
    """The outputs that depend on them, by name."""

    def __str__(self) -> str:
        first = ", ".join(self.ops[:3])
        more = f" and {len(self.ops) - 3} more" if len(self.ops) > 3 else ""
        return (
            f"computed in {self.dtype}, by TensorFlow.js in {NARROWED[self.dtype]}: {first}{more}"
        )


def narrowed_ops(graph: Any, outputs: Mapping[str, str]) -> tuple[Narrowed, ...]:
    """What the outputs are computed from in float64, int64, uint8 and the like.

    `outputs` gives the graph's tensor for every output name. Moving is no computing.
    """
    found: dict[str, dict[str, dict[str, None]]] = {}
    for output, nodes in _ancestors(graph, outputs).items():
        for node in nodes:
            dtype = _computes_in(node)
            if dtype in NARROWED:
                ops = found.setdefault(dtype, {})
                ops.setdefault(f"{node.op} ({node.name})", {})[output] = None
    return tuple(
        Narrowed(dtype, tuple(ops), tuple(sorted({name for each in ops.values() for name in each})))
        for dtype, ops in sorted(found.items())
    )


def _computes_in(node: Any) -> str:
    import tensorflow as tf

    attribute = node.attr.get("T") or node.attr.get("DstT")
    if node.op in _MOVES_ONLY or attribute is None or not attribute.type:
        return ""
    name: str = tf.as_dtype(attribute.type).name
    return name


def _ancestors(graph: Any, outputs: Mapping[str, str]) -> dict[str, list[Any]]:
    """Per output the nodes that its value depends on, also those of functions that are called."""
    nodes = {node.name: node for node in graph.node}
    library = {function.signature.name: function for function in graph.library.function}
    return {
        name: [*_reachable([tensor], nodes, library, set())] for name, tensor in outputs.items()
    }


def _reachable(
    tensors: Iterable[str], nodes: Mapping[str, Any], library: Mapping[str, Any], called: set[str]
) -> Iterator[Any]:
    waiting, seen = [*tensors], set()
    while waiting:
        name = waiting.pop().partition(":")[0]
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        node = nodes[name]
        yield node
        waiting.extend(each for each in node.input if not each.startswith("^"))
        for function in _calls(node) & library.keys() - called:
            called.add(function)
            body = {each.name: each for each in library[function].node_def}
            yield from _reachable(library[function].ret.values(), body, library, called)


def _calls(node: Any) -> set[str]:
    """The names of the functions that a node may call."""
    named = {function.name for value in node.attr.values() for function in value.list.func}
    return {node.op} | named | {value.func.name for value in node.attr.values()}


def _unarranged(tensor: str, nodes: Mapping[str, Any]) -> tuple[Any | None, int]:
    """The node whose order along the last axis a tensor has, and which of its outputs that is."""
    while True:
        name, _, port = tensor.partition(":")
        node = nodes.get(name)
        place = None if node is None else _follows(node, int(port or 0), nodes)
        if node is None or place is None:
            return node, int(port or 0)
        tensor = node.input[place]


def _follows(node: Any, port: int, nodes: Mapping[str, Any]) -> int | None:
    """The input whose order along the last axis an output has; None where it has its own."""
    if node.op == "IdentityN":
        return port
    if node.op in _HANDED_ON | _ELEMENTWISE:
        return 0
    if node.op in _WITH_A_SCALAR:
        scalars = [_is_scalar(reference, nodes) for reference in node.input[:2]]
        return scalars.index(False) if any(scalars) and not all(scalars) else None
    return None


def _is_scalar(reference: str, nodes: Mapping[str, Any]) -> bool:
    node = nodes.get(reference.partition(":")[0])
    return (
        node is not None and node.op == "Const" and not node.attr["value"].tensor.tensor_shape.dim
    )


def _last_nodes(graph: Any, outputs: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Per output the node whose answer it is, behind what only hands it on."""
    nodes = {node.name: node for node in graph.node}
    for name, tensor in outputs.items():
        node = nodes.get(tensor.partition(":")[0])
        while node is not None and node.op in _HANDED_ON and node.input:
            node = nodes.get(node.input[0].lstrip("^").partition(":")[0])
        if node is not None:
            yield name, node
