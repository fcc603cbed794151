"""From `model.json` and its weights to a GraphDef that TensorFlow can compute."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfjs_verify.artifact import Artifact
from tfjs_verify.artifact.entries import node_name
from tfjs_verify.artifact.files import read_model_json
from tfjs_verify.artifact.weights import read_weights
from tfjs_verify.errors import LoadError
from tfjs_verify.runtimes.replay.expansion import expand_body, expanded_names, redirected
from tfjs_verify.tensors import Array

_NUMBERS = itertools.count()
"""TensorFlow knows functions by name in the whole process, so every graph's get a number."""
_TABLES = "initializer/"
_FILLS = ("InitializeTableV2", "LookupTableImportV2")


@dataclass(frozen=True)
class ReplayGraph:
    """A graph that TensorFlow can import, whose nodes are called as in the artifact."""

    graph: Any
    """GraphDef."""
    inputs: Mapping[str, str]
    """From the signature's input names to names of tensors, as "placeholder:0"."""
    outputs: Mapping[str, str]
    """From the signature's output names to names of tensors."""


def artifact_graph(artifact: Artifact) -> ReplayGraph:
    """The graph of an artifact on disk; raises ArtifactError, LoadError."""
    content = read_model_json(artifact.directory)
    return replay_graph(artifact, content, read_weights(artifact.directory, content))


def replay_graph(
    artifact: Artifact, content: Mapping[str, Any], weights: Mapping[str, Array]
) -> ReplayGraph:
    """The graph of a `model.json` with these weights; `artifact` says which tensors are which.

    Raises LoadError for the layers format and for what TensorFlow cannot compute.
    """
    if artifact.format != "graph":
        raise LoadError(
            f"{artifact.directory} is a layers model: it holds layers and no graph that TensorFlow"
            " could replay; convert with --format graph"
        )
    graph = _parsed(content["modelTopology"], artifact)
    _add_tables(graph, content, artifact)
    _refuse_unknown_ops(graph, artifact)
    _fill(graph.node, weights)
    for function in graph.library.function:
        _fill(function.node_def, weights)
        _make_valid(function)
    _expand(graph)
    _rename_functions(graph, f"__replay_{next(_NUMBERS)}")
    return ReplayGraph(
        graph,
        {name: tensor_name(node) for name, node in artifact.inputs.items()},
        {name: tensor_name(node) for name, node in artifact.outputs.items()},
    )


def tensor_name(node: str) -> str:
    """TensorFlow's name of the tensor that TensorFlow.js calls "node" or "node:1"."""
    return node if ":" in node else f"{node}:0"


def _parsed(topology: Mapping[str, Any], artifact: Artifact) -> Any:
    import tensorflow as tf
    from google.protobuf import json_format
    from tensorflow.core.framework import graph_pb2

    graph = graph_pb2.GraphDef()
    try:
        json_format.ParseDict(_in_base64(topology), graph, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise LoadError(f"the topology in {artifact.model_json} is malformed: {error}") from error
    for nodes in _bodies(graph):
        for node in nodes:
            for name in [key for key, each in node.attr.items() if not each.WhichOneof("value")]:
                del node.attr[name]  # TensorFlow takes an empty attribute for one yet to be bound
    if not graph.versions.producer:
        graph.versions.producer = tf.version.GRAPH_DEF_VERSION
    return graph


def _in_base64(value: Any) -> Any:
    """Strings that an older converter wrote as lists of character codes, as protobuf's JSON has."""
    if isinstance(value, Mapping):
        return {
            key: _encoded(item) if key == "s" else _in_base64(item) for key, item in value.items()
        }
    return [_in_base64(item) for item in value] if isinstance(value, list) else value


def _encoded(value: Any) -> Any:
    if not isinstance(value, list) or not value:
        return value
    if isinstance(value[0], int):
        return base64.b64encode(bytes(value)).decode()
    return [_encoded(item) for item in value]


def _add_tables(graph: Any, content: Mapping[str, Any], artifact: Artifact) -> None:
    """Puts the tables' initialisation into the graph that looks them up.

    A resource that the graph takes becomes that which the initialisation gives under the same
    number, once all tables are filled.
    """
    topology = content.get("modelInitializer")
    if not topology:
        return
    initializer = _parsed(topology, artifact)
    fills = []
    for node in initializer.node:
        node.input[:] = [_prefixed(each) for each in node.input]
        if node.op in _FILLS:
            fills.append(f"^{_TABLES}{node.name}")
        if (
            node.op == "HashTableV2"
        ):  # private to this graph: what TensorFlow shares, it shares by name
            node.attr["shared_name"].s = b""
            node.attr["use_node_name_sharing"].b = False
    given = {
        info["resourceId"]: _TABLES + node_name(info["name"])
        for info in content.get("initializerSignature", {}).get("outputs", {}).values()
        if "resourceId" in info
    }
    wanted = {
        node_name(info["name"]): given.get(info["resourceId"])
        for info in content.get("signature", {}).get("inputs", {}).values()
        if "resourceId" in info
    }
    for node in graph.node:
        table = wanted.get(node.name)
        if table is not None:
            kind = node.attr["dtype"].type
            node.Clear()
            node.name, node.op = next(n for n, t in wanted.items() if t == table), "Identity"
            node.input.extend([table, *fills])
            node.attr["T"].type = kind
    for node in initializer.node:
        added = graph.node.add()
        added.CopyFrom(node)
        added.name = _TABLES + node.name


def _prefixed(reference: str) -> str:
    control = "^" if reference.startswith("^") else ""
    return f"{control}{_TABLES}{reference.removeprefix('^')}"


def _refuse_unknown_ops(graph: Any, artifact: Artifact) -> None:
    from tensorflow.python.framework import op_def_registry

    functions = {function.signature.name for function in graph.library.function}
    unknown = {
        node.op: node.name
        for nodes in _bodies(graph)
        for node in nodes
        if node.name not in expanded_names([node])
        and node.op not in functions
        and op_def_registry.get(node.op) is None
    }
    if unknown:
        listed = ", ".join(f"{op} ({name})" for op, name in sorted(unknown.items()))
        raise LoadError(f"TensorFlow cannot replay {artifact.directory}: it has no op {listed}")


def _bodies(graph: Any) -> Iterator[Sequence[Any]]:
    yield graph.node
    for function in graph.library.function:
        yield function.node_def


def _fill(nodes: Sequence[Any], weights: Mapping[str, Array]) -> None:
    """Gives the constants their values, in the dtype that the graph states for them."""
    import tensorflow as tf

    for node in nodes:
        if node.op != "Const":
            continue
        name = node.name.removeprefix(_TABLES)
        if name not in weights:
            raise LoadError(f'the artifact has no weight for the constant "{name}"')
        dtype = tf.as_dtype(node.attr["dtype"].type)
        values = weights[name]
        if dtype != tf.string:
            with np.errstate(over="ignore", invalid="ignore"):
                values = values.astype(dtype.as_numpy_dtype)
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values, dtype, values.shape))


def _make_valid(function: Any) -> None:
    """Constants in functions are named after them, and no node's name may begin with "_"."""
    names = {
        node.name: f"constant{node.name}" for node in function.node_def if node.name.startswith("_")
    }

    def renamed(reference: str) -> str:
        control = "^" if reference.startswith("^") else ""
        name, colon, rest = reference.removeprefix("^").partition(":")
        return f"{control}{names.get(name, name)}{colon}{rest}"

    for node in function.node_def:
        node.name = names.get(node.name, node.name)
        node.input[:] = [renamed(each) for each in node.input]
    for key, reference in list(function.ret.items()):
        function.ret[key] = renamed(reference)


def _expand(graph: Any) -> None:
    nodes = expand_body(list(graph.node), function=False)
    kept = [_copy(node) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)
    for function in graph.library.function:
        names = expanded_names(function.node_def)
        kept = [_copy(node) for node in expand_body(list(function.node_def), function=True)]
        del function.node_def[:]
        function.node_def.extend(kept)
        for key, reference in list(function.ret.items()):
            function.ret[key] = redirected(reference, names)


def _copy(node: Any) -> Any:
    copy = type(node)()
    copy.CopyFrom(node)
    return copy


def _rename_functions(graph: Any, suffix: str) -> None:
    functions = {function.signature.name for function in graph.library.function}
    for nodes in _bodies(graph):
        for node in nodes:
            if node.op in functions:
                node.op += suffix
            for value in node.attr.values():
                for called in (value.func, *value.list.func):
                    if called.name in functions:
                        called.name += suffix
    for function in graph.library.function:
        function.signature.name += suffix
