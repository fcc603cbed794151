"""From a signature of a SavedModel to one GraphDef whose variables are constants."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfjs_verify.model.assignments import drop_assignments
from tfjs_verify.model.saved_model import is_tensorflow_1

_TABLES = frozenset({"HashTable", "HashTableV2", "MutableHashTable", "MutableHashTableV2"})


@dataclass(frozen=True)
class FrozenSignature:
    """A frozen graph, and what is what in it."""

    graph: Any
    """GraphDef."""
    inputs: Mapping[str, Any]
    """From the signature's names to TensorInfos of placeholders."""
    outputs: Mapping[str, Any]
    """From the signature's names to TensorInfos."""
    captures: Mapping[str, Any] = field(default_factory=dict)
    """Handles of lookup tables, by the placeholder that takes them (TensorFlow 2)."""
    function: Any = None
    """The signature's function before it was frozen (TensorFlow 2)."""
    owner: Any = None
    """The loaded model, which keeps the tables alive (TensorFlow 2)."""
    table_initializers: tuple[str, ...] = ()
    """Operations that fill lookup tables (TensorFlow 1)."""
    initializer: Any = None
    """The frozen GraphDef of these operations."""


def freeze_signature(
    saved_model: Path, tags: Sequence[str], key: str, *, lower_control_flow: bool
) -> FrozenSignature:
    """Freezes one signature of a SavedModel of TensorFlow 1 or 2; raises what TensorFlow raises.

    Weights have the names of their variables. Where control flow is lowered, loops and branches are
    nodes of the graph; otherwise they are functions in its library.
    """
    if is_tensorflow_1(saved_model, tags):
        return _freeze_v1(saved_model, tags, key)
    return _freeze_v2(saved_model, tags, key, lower_control_flow)


def freeze_function(function: Any, *, lower_control_flow: bool) -> Any:
    """A concrete function with constants for variables, and without assignments to them.

    Raises VariableChanged where an output depends on a variable that is assigned to.
    """
    from tensorflow.python.framework import convert_to_constants

    with _cases_kept(), _gathers_converted():
        data = convert_to_constants._FunctionConverterDataInEager(
            func=function, lower_control_flow=lower_control_flow, aggressive_inlining=True
        )
        outputs = [tensor.name for tensor in function.outputs]
        drop_assignments(data.graph_def, _variables(function), outputs)
        graph, converted = convert_to_constants._replace_variables_by_constants(data)
    return convert_to_constants._construct_concrete_function(function, graph, converted)


def _variables(function: Any) -> dict[str, str]:
    """The names of a function's variables, by the placeholders that take them."""
    names = {id(each.handle): each.name.partition(":")[0] for each in function.graph.variables}
    return {
        placeholder.op.name: names[id(handle)]
        for handle, placeholder in function.graph.captures
        if id(handle) in names
    }


@contextlib.contextmanager
def _cases_kept() -> Iterator[None]:
    """TensorFlow can be told to keep loops and branches, and lowers `Case` all the same.

    It looks up in this one set what to keep.
    """
    from tensorflow.python.framework import convert_to_constants

    kept = convert_to_constants._CONTROL_FLOW_OPS
    added = {"Case", "StatelessCase"} - kept
    kept |= added
    try:
        yield
    finally:
        kept -= added


@contextlib.contextmanager
def _gathers_converted() -> Iterator[None]:
    """TensorFlow freezes an embedding that is looked up, but not in the body of a loop or a branch.

    It leaves the op as it is there, on a constant that is no variable any more, and then refuses
    its own graph: generation of text in a loop could not be frozen.
    """
    from tensorflow.python.framework import convert_to_constants

    original = convert_to_constants._ResourceGather.convert_variable_to_constant

    def convert(gather: Any, edge: Any, data: Any) -> None:
        if gather._function is None:
            original(gather, edge, data)
        else:
            _gather_in_function(gather)

    convert_to_constants._ResourceGather.convert_variable_to_constant = convert
    try:
        yield
    finally:
        convert_to_constants._ResourceGather.convert_variable_to_constant = original


def _gather_in_function(gather: Any) -> None:
    """Makes a ResourceGather of a function body a GatherV2."""
    import tensorflow as tf

    before = gather._node
    axis = gather._function.converted_self().function.node_def.add(
        name=f"{before.name}/axis", op="Const"
    )
    value = tf.make_tensor_proto(before.attr["batch_dims"].i, dtype=tf.int32)
    axis.attr["value"].tensor.CopyFrom(value)
    after = gather.converted_self().node
    del after.input[2:]
    after.op = "GatherV2"
    after.input.append(f"{axis.name}:output:0")
    for name in list(after.attr):
        if name not in ("Tindices", "batch_dims", "_class"):
            del after.attr[name]
    after.attr["Tparams"].CopyFrom(before.attr["dtype"])
    after.attr["Taxis"].type = axis.attr["dtype"].type = tf.int32.as_datatype_enum


def tensor_info(tensor: Any) -> Any:
    """A symbolic tensor's name, dtype and shape as a TensorInfo."""
    from tensorflow.core.protobuf import meta_graph_pb2

    return meta_graph_pb2.TensorInfo(
        name=tensor.name, dtype=tensor.dtype.as_datatype_enum, tensor_shape=tensor.shape.as_proto()
    )


def _freeze_v2(
    saved_model: Path, tags: Sequence[str], key: str, lower_control_flow: bool
) -> FrozenSignature:
    import tensorflow as tf

    model = tf.saved_model.load(str(saved_model), tags=list(tags))
    function = model.signatures[key]
    constant = freeze_function(function, lower_control_flow=lower_control_flow)
    _, keywords = function.structured_input_signature
    graph = constant.graph.as_graph_def()
    _name_weights(graph, function)
    handles = {placeholder.op.name: handle for handle, placeholder in function.graph.captures}
    return FrozenSignature(
        graph,
        _infos(sorted(keywords), constant.inputs[: len(keywords)]),
        _infos(sorted(function.structured_outputs), constant.outputs),
        captures={
            tensor.op.name: handles[tensor.op.name]
            for tensor in constant.inputs
            if tensor.op.name in handles
        },
        function=function,
        owner=model,
    )


def _infos(names: Sequence[str], tensors: Sequence[Any]) -> dict[str, Any]:
    return {name: tensor_info(tensor) for name, tensor in zip(names, tensors, strict=True)}


def _freeze_v1(saved_model: Path, tags: Sequence[str], key: str) -> FrozenSignature:
    import tensorflow as tf
    from tensorflow.python.util import deprecation

    graph = tf.Graph()
    with (
        deprecation.silence(),
        graph.as_default(),
        tf.compat.v1.Session(graph=graph) as session,
    ):
        meta = tf.compat.v1.saved_model.load(session, list(tags), str(saved_model))
        signature = meta.signature_def[key]
        names = [info.name.partition(":")[0] for info in signature.outputs.values()]
        definition = graph.as_graph_def()
        freeze_variables = tf.compat.v1.graph_util.convert_variables_to_constants
        frozen = freeze_variables(session, definition, names)
        tables: tuple[str, ...] = ()
        if any(node.op in _TABLES for node in frozen.node):
            tables = tuple(meta.collection_def["table_initializer"].node_list.value)
        return FrozenSignature(
            frozen,
            _named(graph, signature.inputs),
            _named(graph, signature.outputs),
            table_initializers=tables,
            initializer=freeze_variables(session, definition, tables) if tables else None,
        )


def _named(graph: Any, infos: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tensor_info(graph.get_tensor_by_name(info.name)) for name, info in infos.items()}


def _name_weights(graph: Any, function: Any) -> None:
    """Constants that were variables get the variables' names, which TensorFlow does not keep.

    It calls those of a loaded model "unknown", "unknown_0" and so on, which no glob of weight names
    could tell apart.
    """
    variables = _variables(function)
    taken = {node.name for node in graph.node}
    constants = {node.name for node in graph.node if node.op == "Const"}
    names: dict[str, str] = {}
    for old, name in variables.items():
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
