"""Batch normalisation folded into the weights of the convolution before it.

The stock converter does this too, but scales the weights of a convolution whose result something
else takes as well, which is then silently wrong, and fails on a bias of its own. Here a convolution
is folded only where the normalisation is all that its result is for. The arithmetic is float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow.core.framework import node_def_pb2

from tfjs_verify.conversion.chains import (
    ADDITIONS,
    CONVOLUTIONS,
    Chains,
    channel_count,
    is_channels_last,
    is_float32,
    source_of_first_output,
)
from tfjs_verify.conversion.graph import Body, Program, data_inputs
from tfjs_verify.conversion.reasons import Reason
from tfjs_verify.conversion.repairs.base import shown
from tfjs_verify.conversion.repairs.log import RepairLog
from tfjs_verify.tensors import Array

NORMALIZATIONS = frozenset({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})
_SPOILED = Reason(
    "batch-norm-folding",
    "the stock converter folds this normalisation into a convolution that others use as well,"
    " or whose bias it cannot handle",
)


def fold_batch_norms(program: Program) -> RepairLog:
    """Folds what can be folded; logs the normalisations that stock folding would have spoiled."""
    log = RepairLog()
    for body in program.bodies():
        for node in [n for n in body.nodes.values() if n.op in NORMALIZATIONS]:
            if _fold(body, node):
                continue
            if _stock_would_fold(body, node):
                log.add(_SPOILED, [shown(body, node.name)])
        body.prune()
    return log


def _fold(body: Body, norm: Any) -> bool:
    chains = Chains(body)
    convolution, bias = _convolution_before(chains, norm)
    parameters = [body.constant(reference) for reference in data_inputs(norm)[1:5]]
    if (
        convolution is None
        or any(parameter is None for parameter in parameters)
        or norm.attr["is_training"].b
        or not is_channels_last(norm)
        or not is_channels_last(convolution)
        or not is_float32(convolution)
        or not chains.uses_first_output_only(norm)
    ):
        return False
    channels = channel_count(body, convolution)
    gamma, beta, mean, variance = (p.astype(np.float64) for p in parameters if p is not None)
    if channels is None or any(p.shape != (channels,) for p in (gamma, beta, mean, variance)):
        return False
    weights = body.constant(data_inputs(convolution)[1])
    assert weights is not None
    scale = gamma / np.sqrt(variance + norm.attr["epsilon"].f)
    offset = beta + (bias - mean) * scale
    _replace(body, norm, convolution, _scaled(convolution, weights, scale), offset)
    return True


def _convolution_before(chains: Chains, norm: Any) -> tuple[Any | None, Array]:
    """The convolution that only `norm` depends on, and the bias between them."""
    body = chains.body
    source = source_of_first_output(body, data_inputs(norm)[0])
    no_bias = np.zeros(())
    if source is None or chains.sole_consumer(source) is not norm:
        return None, no_bias
    if source.op in CONVOLUTIONS:
        return source, no_bias
    if source.op not in ADDITIONS or not is_channels_last(source):
        return None, no_bias
    for reference in data_inputs(source):
        convolution = source_of_first_output(body, reference)
        if (
            convolution is not None
            and convolution.op in CONVOLUTIONS
            and chains.sole_consumer(convolution) is source
        ):
            channels = channel_count(body, convolution)
            bias = chains.vector_operand(source, convolution, channels)
            return (None, no_bias) if bias is None else (convolution, bias.astype(np.float64))
    return None, no_bias


def _scaled(convolution: Any, weights: Array, scale: Array) -> Array:
    if convolution.op == "DepthwiseConv2dNative":
        scale = scale.reshape(weights.shape[2:])
    scaled: Array = (weights.astype(np.float64) * scale).astype(weights.dtype)
    return scaled


def _replace(body: Body, norm: Any, convolution: Any, weights: Array, offset: Array) -> None:
    """The normalisation's name stays with what now computes its value."""
    folded = node_def_pb2.NodeDef()
    folded.CopyFrom(convolution)
    folded.name = f"{convolution.name}/folded"
    name = body.add(folded)
    folded.input[1] = body.add_constant(f"{name}/weights", weights)
    bias = body.add_constant(f"{name}/bias", offset.astype(weights.dtype))
    addition = node_def_pb2.NodeDef(name=norm.name, op="BiasAdd", input=[name, bias])
    addition.attr["T"].CopyFrom(convolution.attr["T"])
    addition.attr["data_format"].s = b"NHWC"
    body.nodes[norm.name] = addition


def _stock_would_fold(body: Body, norm: Any) -> bool:
    """Whether the stock converter's pattern is there: it does not look at other consumers."""
    source = source_of_first_output(body, data_inputs(norm)[0])
    if source is not None and source.op in ADDITIONS:
        candidates = [source_of_first_output(body, reference) for reference in data_inputs(source)]
    else:
        candidates = [source]
    return any(node is not None and node.op in CONVOLUTIONS for node in candidates) and all(
        body.constant(reference) is not None for reference in data_inputs(norm)[1:5]
    )
