"""From an optimised program to `model.json` and its shards (worker side)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflowjs import write_weights
from tensorflowjs.converters import common

from tfjs_verify.artifact.files import MODEL_JSON, PROVENANCE_KEY
from tfjs_verify.conversion.freezing import Frozen, Initializer
from tfjs_verify.conversion.graph import Program, constant_value
from tfjs_verify.conversion.options import ConversionOptions
from tfjs_verify.conversion.quantizing import plan_quantization
from tfjs_verify.tensors import Array

_TENSOR_FIELDS = (
    "tensor_content",
    "half_val",
    "float_val",
    "double_val",
    "int_val",
    "string_val",
    "scomplex_val",
    "int64_val",
    "bool_val",
    "dcomplex_val",
    "uint32_val",
    "uint64_val",
)
_INT32 = np.iinfo(np.int32)


def write_graph_model(
    directory: Path,
    program: Program,
    frozen: Frozen,
    options: ConversionOptions,
    provenance: dict[str, Any],
) -> None:
    """Fills `directory`; `provenance` (route, repairs, …) is completed and written along."""
    graph = program.to_graph_def()
    initializer = frozen.initializer
    weights = _extract(graph.node)
    for function in graph.library.function:
        weights += _extract_from_function(function)
    if initializer is not None:
        weights += _extract(initializer.graph.node)
    quantization = plan_quantization(weights, options.quantization)
    if quantization.exempt is not None:
        provenance["repairs"].append(quantization.exempt)
    content = {
        common.FORMAT_KEY: common.TFJS_GRAPH_MODEL_FORMAT,
        common.GENERATED_BY_KEY: tf.__version__,
        common.CONVERTED_BY_KEY: common.get_converted_by(),
        common.SIGNATURE_KEY: _signature(frozen),
        common.ARTIFACT_MODEL_TOPOLOGY_KEY: MessageToDict(graph),
        PROVENANCE_KEY: provenance,
    }
    if options.metadata:
        content[common.USER_DEFINED_METADATA_KEY] = dict(options.metadata)
    if initializer is not None:
        content[common.ARTIFACT_MODEL_INITIALIZER] = MessageToDict(initializer.graph)
        if initializer.outputs:
            content[common.INITIALIZER_SIGNATURE_KEY] = _initializer_signature(initializer)
    content[common.ARTIFACT_WEIGHTS_MANIFEST_KEY] = write_weights.write_weights(
        [[{"name": name, "data": value} for name, value in weights]],
        str(directory),
        write_manifest=False,
        quantization_dtype_map=quantization.by_dtype,
        shard_size_bytes=options.shard_bytes,
    )
    text = json.dumps(content, allow_nan=False)
    (directory / MODEL_JSON).write_text(text, encoding="utf-8")


def _extract(nodes: Iterable[Any]) -> list[tuple[str, Array]]:
    """Takes the values out of the Const nodes."""
    weights = []
    for node in nodes:
        if node.op == "Const":
            weights.append((node.name, _storable(constant_value(node))))
            for name in _TENSOR_FIELDS:
                node.attr["value"].tensor.ClearField(name)
    return weights


def _extract_from_function(function: Any) -> list[tuple[str, Array]]:
    """All weights share one namespace in TensorFlow.js, so a function's get its name in front."""
    renamed = {
        node.name: f"{function.signature.name}/{node.name}"
        for node in function.node_def
        if node.op == "Const"
    }
    for node in function.node_def:
        node.name = renamed.get(node.name, node.name)
        node.input[:] = [_renamed(reference, renamed) for reference in node.input]
    for output, reference in list(function.ret.items()):
        function.ret[output] = _renamed(reference, renamed)
    return _extract(function.node_def)


def _renamed(reference: str, names: Mapping[str, str]) -> str:
    control = "^" if reference.startswith("^") else ""
    name, separator, rest = reference.removeprefix("^").partition(":")
    return f"{control}{names.get(name, name)}{separator}{rest}"


def _storable(value: Array) -> Array:
    """The value in a dtype that weight files have; integers beyond int32 stop at its ends.

    Such integers are practically always "no limit" (the end of a slice, the largest length), which
    saturation keeps and wrapping would turn into -1.
    """
    if value.dtype.kind in "iu" and value.dtype != np.int32:
        return np.asarray(np.clip(value, _INT32.min, _INT32.max), np.int32)
    if value.dtype.name == "bfloat16":
        return np.asarray(value, np.float32)
    return value


def _signature(frozen: Frozen) -> dict[str, Any]:
    inputs = {name: MessageToDict(info) for name, info in frozen.inputs.items()}
    for info, identity in frozen.resources:
        inputs[info.name] = {**MessageToDict(info), common.RESOURCE_ID_KEY: identity}
    return {
        "inputs": inputs,
        "outputs": {name: MessageToDict(info) for name, info in frozen.outputs.items()},
    }


def _initializer_signature(initializer: Initializer) -> dict[str, Any]:
    outputs = {
        info.name: {**MessageToDict(info), common.RESOURCE_ID_KEY: identity}
        for info, identity in initializer.outputs
    }
    return {"outputs": outputs}
