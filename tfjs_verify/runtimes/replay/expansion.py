"""The ops that only TensorFlow.js has, written out in ops of TensorFlow.

Fused contractions are among them even where TensorFlow has an op of that name: its kernels trust
their attributes, and a malformed one takes the process down instead of raising.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfjs_verify.errors import LoadError

FUSED: Mapping[str, str] = {
    "_FusedConv2D": "Conv2D",
    "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
    "_FusedMatMul": "MatMul",
}
"""From a fused op to the contraction that it starts with."""

_PLAIN_ACTIVATIONS = frozenset({"Relu", "Relu6", "Elu", "Sigmoid", "Tanh"})


def expand_body(nodes: Sequence[Any], *, function: bool) -> list[Any]:
    """The nodes of a graph or of a function without ops that TensorFlow lacks.

    What an expanded op gave is afterwards the output of an Identity of the same name. Raises
    LoadError for what a fused op can't be fused with.
    """
    writer = _Writer(function=function, names={node.name for node in nodes})
    for node in nodes:
        expansion = _EXPANSIONS.get(node.op)
        if expansion is None:
            writer.nodes.append(node)
            continue
        inputs = [each for each in node.input if not each.startswith("^")]
        controls = [each for each in node.input if each.startswith("^")]
        result = expansion(writer, node, inputs)
        writer.add(node.name, "Identity", [result, *controls], {"T": node.attr["T"]}, exact=True)
        writer.expanded.add(node.name)
    if function:
        for node in writer.nodes:
            node.input[:] = [redirected(each, writer.expanded) for each in node.input]
    return writer.nodes


def expanded_names(nodes: Sequence[Any]) -> frozenset[str]:
    """The names of the nodes that `expand_body` writes out."""
    return frozenset(node.name for node in nodes if node.op in _EXPANSIONS)


def redirected(reference: str, expanded: frozenset[str] | set[str]) -> str:
    """A reference of a function's body ("node:argument:0") after the expansion of `expanded`."""
    node, colon, _ = reference.partition(":")
    return f"{node}:output:0" if colon and node in expanded else reference


@dataclass
class _Writer:
    """Collects the nodes of one body, in which every name is unique."""

    function: bool
    names: set[str]
    nodes: list[Any] = field(default_factory=list)
    expanded: set[str] = field(default_factory=set)

    def add(
        self,
        name: str,
        op: str,
        inputs: Sequence[str],
        attributes: Mapping[str, Any],
        *,
        exact: bool = False,
    ) -> str:
        """A new node of one output; how consumers name that. `exact` keeps a name that is taken."""
        from tensorflow.core.framework import node_def_pb2
        from tensorflow.python.framework import op_def_registry

        free, number = name, 1
        while free in self.names and not exact:
            free, number = f"{name}_{number}", number + 1
        self.names.add(free)
        definition = op_def_registry.get(op)
        node = node_def_pb2.NodeDef(name=free, op=op, input=inputs)
        for each in definition.attr:
            if each.name in attributes:
                node.attr[each.name].CopyFrom(attributes[each.name])
        self.nodes.append(node)
        return f"{free}:{definition.output_arg[0].name}:0" if self.function else free


def _contraction(writer: _Writer, node: Any, inputs: Sequence[str]) -> str:
    """A contraction, then its bias, then its activation."""
    attributes = dict(node.attr)
    result = writer.add(f"{node.name}/contraction", FUSED[node.op], inputs[:2], attributes)
    arguments = list(inputs[2:])
    for raw in node.attr["fused_ops"].list.s:
        fused = raw.decode()
        if fused in ("BiasAdd", "Prelu") and not arguments:
            raise LoadError(f'"{node.name}" ({node.op}) is fused with {fused} and lacks its input')
        if fused == "BiasAdd":
            result = _bias(writer, node, result, arguments.pop(0))
        elif fused == "Prelu":
            result = _prelu(writer, node, [result, arguments.pop(0)])
        elif fused == "LeakyRelu":
            alpha = {"T": node.attr["T"], "alpha": node.attr["leakyrelu_alpha"]}
            result = writer.add(f"{node.name}/LeakyRelu", fused, [result], alpha)
        elif fused in _PLAIN_ACTIVATIONS:
            result = writer.add(f"{node.name}/{fused}", fused, [result], {"T": node.attr["T"]})
        else:
            raise LoadError(
                f'"{node.name}" ({node.op}) is fused with {fused!r}; TensorFlow.js fuses BiasAdd,'
                f" Prelu, LeakyRelu, {', '.join(sorted(_PLAIN_ACTIVATIONS))}"
            )
    return result


def _bias(writer: _Writer, node: Any, value: str, bias: str) -> str:
    """TensorFlow.js adds biases of any rank by broadcasting; channels first, only vectors."""
    kind = {"T": node.attr["T"]}
    if node.attr["data_format"].s == b"NCHW":
        kind["data_format"] = node.attr["data_format"]
        return writer.add(f"{node.name}/BiasAdd", "BiasAdd", [value, bias], kind)
    return writer.add(f"{node.name}/BiasAdd", "AddV2", [value, bias], kind)


def _prelu(writer: _Writer, node: Any, inputs: Sequence[str]) -> str:
    """`relu(x) - alpha × relu(-x)`."""
    value, alpha = inputs
    kind = {"T": node.attr["T"]}
    positive = writer.add(f"{node.name}/positive", "Relu", [value], kind)
    negated = writer.add(f"{node.name}/negated", "Neg", [value], kind)
    negative = writer.add(f"{node.name}/negative", "Relu", [negated], kind)
    scaled = writer.add(f"{node.name}/scaled", "Mul", [alpha, negative], kind)
    return writer.add(f"{node.name}/prelu", "Sub", [positive, scaled], kind)


_EXPANSIONS: Mapping[str, Callable[[_Writer, Any, Sequence[str]], str]] = {
    **dict.fromkeys(FUSED, _contraction),
    "Prelu": _prelu,
}
