"""From an optimised program to `model.json` and its shards (worker side)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflowjs.converters import common

from tfjs_verify.artifact.files import MODEL_JSON, PROVENANCE_KEY
from tfjs_verify.conversion import functions, op_list
from tfjs_verify.conversion.freezing import Frozen, Initializer
from tfjs_verify.conversion.graph import Program, constant_value, index_of
from tfjs_verify.conversion.options import ConversionOptions
from tfjs_verify.conversion.quantizing import plan_quantization
from tfjs_verify.conversion.reasons import Reason
from tfjs_verify.conversion.shards import write_shards
from tfjs_verify.tensors import Array, natural_order

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
_NUMBERED = Reason(
    "numbered-outputs",
    "inside branches and loops TensorFlow.js takes the first output of a node for every other that"
    " has a name of its own",
)


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
    numbered = _number_outputs(graph)
    if numbered:
        provenance["repairs"].append(_NUMBERED.as_json(numbered))
    quantization = plan_quantization(weights, options.quantization)
    if quantization.exempt is not None:
        provenance["repairs"].append(quantization.exempt)
    content = {
        common.FORMAT_KEY: common.TFJS_GRAPH_MODEL_FORMAT,
        common.GENERATED_BY_KEY: tf.__version__,
        common.CONVERTED_BY_KEY: common.get_converted_by(),
        common.SIGNATURE_KEY: _signature(frozen),
        common.ARTIFACT_MODEL_TOPOLOGY_KEY: _topology(graph),
        PROVENANCE_KEY: provenance,
    }
    if options.metadata:
        content[common.USER_DEFINED_METADATA_KEY] = dict(options.metadata)
    if initializer is not None:
        content[common.ARTIFACT_MODEL_INITIALIZER] = MessageToDict(initializer.graph)
        if initializer.outputs:
            content[common.INITIALIZER_SIGNATURE_KEY] = _initializer_signature(initializer)
    content[common.ARTIFACT_WEIGHTS_MANIFEST_KEY] = write_shards(
        directory, weights, quantization.by_dtype, shard_bytes=options.shard_bytes
    )
    text = json.dumps(content, allow_nan=False)
    (directory / MODEL_JSON).write_text(text, encoding="utf-8")


def _topology(graph: Any) -> dict[str, Any]:
    """The graph as JSON; TensorFlow.js wants a list of arguments of a function that has none."""
    topology: dict[str, Any] = MessageToDict(graph)
    for function in topology.get("library", {}).get("function", ()):
        function["signature"].setdefault("inputArg", [])
    return topology


def _number_outputs(graph: Any) -> list[str]:
    """Refers to later outputs by "node:2" in functions as well; gives the nodes they are of."""
    definitions = {function.signature.name: function for function in graph.library.function}
    touched: list[str] = []
    for function in graph.library.function:
        nodes = {node.name: node for node in function.node_def}
        given = {*function.ret.values(), *(each for n in nodes.values() for each in n.input)}
        numbered = {each: _numbered(each, nodes, definitions) for each in given}
        for node in nodes.values():
            node.input[:] = [numbered[reference] for reference in node.input]
        for output, reference in list(function.ret.items()):
            function.ret[output] = numbered[reference]
        changed = {old.partition(":")[0] for old, new in numbered.items() if old != new}
        touched += [f"{function.signature.name}/{name}" for name in nodes if name in changed]
    return touched


def _numbered(reference: str, nodes: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    name, _, rest = reference.partition(":")
    if ":" not in rest or op_list.entries().get(nodes[name].op, {}).get("outputs"):
        return reference
    flat = functions.flat(reference, nodes, definitions)
    return reference if index_of(flat) == int(rest.partition(":")[2]) else flat


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
    """TensorFlow.js takes and gives tensors by position in the order that stands here."""
    inputs = _in_order(frozen.inputs)
    for info, identity in frozen.resources:
        inputs[info.name] = {**MessageToDict(info), common.RESOURCE_ID_KEY: identity}
    return {
        "inputs": inputs,
        "outputs": _in_order(frozen.outputs),
    }


def _in_order(infos: Mapping[str, Any]) -> dict[str, Any]:
    return {name: MessageToDict(infos[name]) for name in sorted(infos, key=natural_order)}


def _initializer_signature(initializer: Initializer) -> dict[str, Any]:
    outputs = {
        info.name: {**MessageToDict(info), common.RESOURCE_ID_KEY: identity}
        for info, identity in initializer.outputs
    }
    return {"outputs": outputs}
