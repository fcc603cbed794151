"""Convolutions and matrix products fused with their bias and activation, as TensorFlow.js has them.

TensorFlow's own remapper fuses more than any TensorFlow.js executor takes: tanh and gelu where it
runs on oneDNN, and, after the stock converter's preparation, any addition as if it were a bias.
Here only what every backend computes is fused: float32, a bias of one value per channel, an
activation of `ACTIVATIONS`, and results that nothing else takes.
"""

from __future__ import annotations

from typing import Any

from tensorflow.core.framework import node_def_pb2, types_pb2

from tfjs_verify.conversion.chains import (
    ADDITIONS,
    CONTRACTIONS,
    Chains,
    channel_count,
    is_channels_last,
    is_float32,
)
from tfjs_verify.conversion.graph import Body, Program, data_inputs
from tfjs_verify.conversion.reasons import Reason
from tfjs_verify.conversion.repairs.base import shown
from tfjs_verify.conversion.repairs.log import RepairLog

ACTIVATIONS = frozenset({"Relu", "Relu6", "Elu", "LeakyRelu", "Sigmoid"})
"""What all backends of TensorFlow.js fuse."""
_MISFUSED_ACTIVATIONS = frozenset({"Tanh"})
"""What the remapper fuses, and no executor of TensorFlow.js accepts."""
_TRANSPOSES = ("transpose_a", "transpose_b")

_FUSED_OPS = {
    "Conv2D": "_FusedConv2D",
    "DepthwiseConv2dNative": "FusedDepthwiseConv2dNative",
    "MatMul": "_FusedMatMul",
}

_BIAS_RANK = Reason(
    "bias-rank",
    "the stock converter fuses this addition as a bias, and the wasm backend takes rank 1 only",
)
_ACTIVATION = Reason(
    "fused-activation",
    "TensorFlow's remapper fuses this activation, and no TensorFlow.js executor accepts it",
)
_TRANSPOSED = Reason(
    "fused-transposition",
    "the stock converter fuses this product, and the wasm backend multiplies wrongly by what is"
    " transposed in a fused product",
)
_SHARED = Reason(
    "shared-convolution",
    "the stock converter fuses this convolution with a bias that its other users do not add",
)


def fuse_contractions(program: Program) -> RepairLog:
    """Fuses in place, in the main graph and in functions.

    Logs where the stock converter would have fused what TensorFlow.js refuses or gets wrong.
    """
    log = RepairLog()
    for body in program.bodies():
        chains = Chains(body)
        for node in list(body.nodes.values()):
            if node.op in CONTRACTIONS and node.name in body.nodes:
                _fuse(body, chains, node, log)
        body.prune()
    return log


def _fuse(body: Body, chains: Chains, contraction: Any, log: RepairLog) -> None:
    addition = chains.sole_consumer(contraction)
    if addition is None:
        _note_shared(body, chains, contraction, log)
        return
    if addition.op not in ADDITIONS:
        return
    bias = _bias(body, chains, addition, contraction)
    if (
        not body.name
        and addition.op != "BiasAdd"
        and _stock_takes_for_bias(body, addition, contraction)
    ):
        log.add(_BIAS_RANK, [shown(body, addition.name)])
    if bias is None or not is_float32(contraction) or not is_channels_last(contraction):
        return
    activation = chains.sole_consumer(addition)
    if any(contraction.attr[side].b for side in _TRANSPOSES if side in contraction.attr):
        log.add(_TRANSPOSED, [shown(body, contraction.name)])
        return
    if activation is not None and activation.op in _MISFUSED_ACTIVATIONS:
        log.add(_ACTIVATION, [shown(body, activation.name)])
    if activation is not None and not _fuses(contraction, activation):
        activation = None
    last = addition if activation is None else activation
    body.nodes[last.name] = _fused(contraction, bias, activation, last.name)
    for name in {contraction.name, addition.name} - {last.name}:
        del body.nodes[name]


def _fuses(contraction: Any, activation: Any) -> bool:
    """Whether every backend computes the two as one; a depthwise fusion loses the slope's value."""
    is_depthwise = contraction.op == "DepthwiseConv2dNative"
    return activation.op in ACTIVATIONS and not (is_depthwise and activation.op == "LeakyRelu")


def _bias(body: Body, chains: Chains, addition: Any, contraction: Any) -> str | None:
    """The reference of a bias of rank 1; made, where the constant has another rank."""
    if addition.op == "BiasAdd":
        # The wasm backend asks the stored data for its rank, which for a reshaped tensor is that of
        # the tensor before: only constants are sure to be vectors.
        reference = data_inputs(addition)[1]
        is_constant = body.constant(reference) is not None
        return reference if is_constant and is_channels_last(addition) else None
    channels = channel_count(body, contraction)
    if channels is None:
        return None
    value = chains.vector_operand(addition, contraction, channels)
    if value is None:
        return None
    for reference in data_inputs(addition):
        original = body.nodes.get(reference)
        if original is not None and original.op == "Const":
            known = body.constant(reference)
            if known is not None and known.ndim == 1 and known.size == channels:
                return reference
    return body.add_constant(f"{addition.name}/bias", value)


def _fused(contraction: Any, bias: str, activation: Any | None, name: str) -> Any:
    node = node_def_pb2.NodeDef()
    node.CopyFrom(contraction)
    node.name, node.op = name, _FUSED_OPS[contraction.op]
    node.input[:] = [*data_inputs(contraction), bias]
    node.attr["num_args"].i = 1
    node.attr["epsilon"].f = 0.0
    fused = node.attr["fused_ops"].list.s
    fused.append(b"BiasAdd")
    if activation is not None:
        fused.append(activation.op.encode())
        if activation.op == "LeakyRelu":
            node.attr["leakyrelu_alpha"].f = activation.attr["alpha"].f
    if node.op == "_FusedConv2D":
        node.attr["num_host_args"].i = 0
        node.attr["TArgs"].list.type.append(types_pb2.DT_FLOAT)
        node.attr["filter_format"].s = b"HWIO"
    return node


def _stock_takes_for_bias(body: Body, addition: Any, contraction: Any) -> bool:
    """Whether the stock converter makes a BiasAdd of this, and what it adds is no vector."""
    first, *others = data_inputs(addition)
    if body.nodes.get(first) is not contraction or not others:
        return False
    value = body.constant(others[0])
    return value is None or value.ndim != 1


def _note_shared(body: Body, chains: Chains, contraction: Any, log: RepairLog) -> None:
    if contraction.op == "DepthwiseConv2dNative" and any(
        node.op == "BiasAdd" and data_inputs(node)[0] == contraction.name
        for node in body.nodes.values()
    ):
        log.add(_SHARED, [shown(body, contraction.name)])
