"""From a SavedModel to one GraphDef whose variables are constants (worker side).

Inputs and outputs keep the names of the signature: that is where every later name comes from.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow.python.framework import convert_to_constants
from tensorflowjs.converters import tf_saved_model_conversion_v2 as stock

from tfjs_verify.conversion.options import ControlFlow
from tfjs_verify.model.saved_model import is_tensorflow_1

GraphDef = graph_pb2.GraphDef
TensorInfo = meta_graph_pb2.TensorInfo


@dataclass
class Initializer:
    """The graph that fills lookup tables before the first prediction."""

    graph: Any
    outputs: list[tuple[Any, int]] = field(default_factory=list)
    """The handles it gives, with the ids under which the model takes them."""
    names: tuple[str, ...] = ()
    """The operations to run, where there are no handles (TensorFlow 1)."""


@dataclass
class Frozen:
    """A frozen graph, and what is what in it."""

    graph: Any
    inputs: dict[str, Any]
    """From the signature's names to TensorInfos of placeholders."""
    outputs: dict[str, Any]
    """From the signature's names to TensorInfos of the only outputs of Identity nodes."""
    resources: list[tuple[Any, int]]
    """Placeholders that take the handles of lookup tables, with their ids."""
    initializer: Initializer | None


def freeze(
    saved_model: Path, tags: Sequence[str], signature_key: str, *, control_flow: ControlFlow
) -> Frozen:
    """Freezes one signature of a SavedModel of TensorFlow 1 or 2."""
    if is_tensorflow_1(saved_model, tags):
        frozen = _freeze_v1(saved_model, tags, signature_key)
    else:
        frozen = _freeze_v2(saved_model, tags, signature_key, control_flow)
    _give_outputs_nodes_of_their_own(frozen)
    return frozen


def _freeze_v2(
    saved_model: Path, tags: Sequence[str], signature_key: str, control_flow: ControlFlow
) -> Frozen:
    model = tf.saved_model.load(str(saved_model), tags=list(tags))
    function = model.signatures[signature_key]
    constant = _constant(function, lower_control_flow=control_flow == "v1")
    _, keywords = function.structured_input_signature
    inputs = {
        name: _info(tensor) for name, tensor in zip(sorted(keywords), constant.inputs, strict=False)
    }
    outputs = {
        name: _info(tensor)
        for name, tensor in zip(sorted(function.structured_outputs), constant.outputs, strict=True)
    }
    resources, initializer = _tables(model, function)
    graph = constant.graph.as_graph_def()
    _name_weights(graph, function)
    return Frozen(graph, inputs, outputs, resources, initializer)


def _name_weights(graph: Any, function: Any) -> None:
    """Constants that were variables get the variables' names, which TensorFlow does not keep.

    It calls those of a loaded model "unknown", "unknown_0" and so on, which no glob of weight names
    could tell apart.
    """
    variables = {id(variable.handle): variable.name for variable in function.graph.variables}
    taken = {node.name for node in graph.node}
    constants = {node.name for node in graph.node if node.op == "Const"}
    names: dict[str, str] = {}
    for handle, placeholder in function.graph.captures:
        old = placeholder.op.name
        name = variables.get(id(handle), old).partition(":")[0]
        if name != old and old in constants:
            names[old] = unused = _unused(name, taken)
            taken.add(unused)
    for node in graph.node:
        if node.op == "Const":
            node.name = names.get(node.name, node.name)
        node.input[:] = [_renamed(reference, names) for reference in node.input]


def _unused(name: str, taken: set[str]) -> str:
    return next(
        candidate
        for candidate in itertools.chain([name], (f"{name}_{n}" for n in itertools.count(1)))
        if candidate not in taken
    )


def _renamed(reference: str, names: Mapping[str, str]) -> str:
    control = "^" if reference.startswith("^") else ""
    node, colon, index = reference.removeprefix("^").partition(":")
    return f"{control}{names.get(node, node)}{colon}{index}"


def _constant(function: Any, *, lower_control_flow: bool) -> Any:
    """The function with constants for variables.

    TensorFlow cannot freeze a variable that is also assigned to, as the states of random generators
    are (Keras keeps them in models that use none at inference): these stay variables, and go with
    the assignments that no output depends on.
    """
    options = {"lower_control_flow": lower_control_flow, "aggressive_inlining": True}
    try:
        with _cases_kept():
            return convert_to_constants.convert_variables_to_constants_v2(function, **options)
    except ValueError:
        handles = {id(v.handle) for v in function.graph.variables if v.dtype.is_integer}
        captures = function.graph.captures
        states = {placeholder.op.name for value, placeholder in captures if id(value) in handles}
        if not states:
            raise
    with _cases_kept():
        data = convert_to_constants._FunctionConverterDataInEager(
            func=function, variable_names_denylist=states, **options
        )
    graph, converted = convert_to_constants._replace_variables_by_constants(data)
    return convert_to_constants._construct_concrete_function(function, graph, converted)


@contextlib.contextmanager
def _cases_kept() -> Iterator[None]:
    """TensorFlow can be told to keep loops and branches, and lowers `Case` all the same.

    It looks up in this one set what to keep.
    """
    kept = convert_to_constants._CONTROL_FLOW_OPS
    added = {"Case", "StatelessCase"} - kept
    kept |= added
    try:
        yield
    finally:
        kept -= added


def _tables(model: Any, function: Any) -> tuple[list[tuple[Any, int]], Initializer | None]:
    """Lookup tables live outside the graph: the stock converter knows how to recreate them."""
    create = stock._get_resource_initializer_concrete_function(model)
    if create is None:
        return [], None
    used, _ = stock._get_resource_ids_maps(model, function, create)
    by_name = {tensor.name: tensor for tensor in function.inputs}
    resources = [(_info(by_name[name]), identity) for name, identity in used.items()]
    constant = _constant(create, lower_control_flow=True)
    outputs = [
        (_info(tensor), identity)
        for tensor, identity in zip(constant.outputs, used.values(), strict=True)
    ]
    return resources, Initializer(constant.graph.as_graph_def(), outputs)


def _freeze_v1(saved_model: Path, tags: Sequence[str], signature_key: str) -> Frozen:
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        meta = tf.compat.v1.saved_model.load(session, list(tags), str(saved_model))
        signature = meta.signature_def[signature_key]
        names = [info.name.partition(":")[0] for info in signature.outputs.values()]
        definition = graph.as_graph_def()
        freeze_variables = tf.compat.v1.graph_util.convert_variables_to_constants
        frozen = freeze_variables(session, definition, names)
        tables = tuple(meta.collection_def["table_initializer"].node_list.value)
        initializer = None
        if tables:
            initializer = Initializer(freeze_variables(session, definition, tables), names=tables)
        return Frozen(
            frozen,
            {name: _info(graph.get_tensor_by_name(i.name)) for name, i in signature.inputs.items()},
            {
                name: _info(graph.get_tensor_by_name(i.name))
                for name, i in signature.outputs.items()
            },
            [],
            initializer,
        )


def _give_outputs_nodes_of_their_own(frozen: Frozen) -> None:
    """So that every later rewrite may replace the node that computes an output."""
    nodes = {node.name: node for node in frozen.graph.node}
    taken: set[str] = set()
    for info in frozen.outputs.values():
        node, _, index = info.name.partition(":")
        if nodes[node].op == "Identity" and index == "0" and node not in taken:
            taken.add(node)
            continue
        name = f"{node}_output"
        while name in nodes or name in taken:
            name += "_"
        identity = frozen.graph.node.add(name=name, op="Identity", input=[info.name])
        identity.attr["T"].type = info.dtype
        info.name = f"{name}:0"
        taken.add(name)


def _info(tensor: Any) -> Any:
    return TensorInfo(
        name=tensor.name, dtype=tensor.dtype.as_datatype_enum, tensor_shape=tensor.shape.as_proto()
    )
