"""Frozen graphs: a GraphDef in a `.pb` file, whose inputs and outputs are named by their nodes."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tfjs_verify.errors import ModelError
from tfjs_verify.model.saved_model import FILES
from tfjs_verify.model.sources.base import first_line

_VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp"})
_TABLE_INITIALIZERS = frozenset(
    {
        "InitializeTable",
        "InitializeTableV2",
        "InitializeTableFromTextFile",
        "InitializeTableFromTextFileV2",
        "LookupTableImport",
        "LookupTableImportV2",
    }
)
_NEVER_OUTPUTS = frozenset({"Const", "Placeholder", "PlaceholderWithDefault"})
_LISTED = 12


@dataclass(frozen=True)
class FrozenGraph:
    """A frozen graph, with the nodes that are its outputs."""

    SUFFIXES: ClassVar[frozenset[str]] = frozenset({".pb", ".pbtxt"})

    file: Path
    outputs: tuple[str, ...] = ()
    """Names of nodes, "node:1" for a second output; none is the only one that it can be."""

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.file.stem

    @property
    def path(self) -> str:
        """The file as the user wrote it."""
        return str(self.file)

    @property
    def keras_model(self) -> None:
        """A frozen graph has no layers."""
        return None

    def save(self, directory: Path) -> Path:
        """The graph as a SavedModel of TensorFlow 1 in `directory`.

        Its inputs are the placeholders that the outputs depend on. Raises ModelError where the file
        holds no frozen graph, and where an output isn't there, listing the plausible ones.
        """
        graph = self._imported()
        outputs = self._outputs(graph)
        inputs = _placeholders_behind(outputs.values())
        if not inputs:
            raise ModelError(
                f"{self.path}: {', '.join(map(repr, outputs))} depends on no placeholder, so there"
                " is nothing to feed; name other outputs with --output."
            )
        _write(graph, {tensor.op.name: tensor for tensor in inputs}, outputs, directory)
        return directory

    def _imported(self) -> Any:
        import tensorflow as tf

        definition = self._parsed()
        variables = [node.name for node in definition.node if node.op in _VARIABLES]
        if variables:
            raise ModelError(
                f"{self.path} is not frozen: {_listing(variables)} are variables, whose values are"
                " not in this file. Name the SavedModel that it comes from, or freeze it."
            )
        graph = tf.Graph()
        try:
            with graph.as_default():
                tf.graph_util.import_graph_def(definition, name="")
        except (ValueError, tf.errors.OpError) as error:
            raise ModelError(
                f"{self.path} cannot be read by TensorFlow {tf.__version__}: {first_line(error)}"
            ) from error
        return graph

    def _parsed(self) -> Any:
        from google.protobuf import message, text_format
        from tensorflow.core.framework import graph_pb2

        if self.file.name in FILES:
            raise ModelError(
                f"{self.path} is part of a SavedModel: name its directory, {self.file.parent}."
            )
        definition = graph_pb2.GraphDef()
        try:
            if self.file.suffix.lower() == ".pbtxt":
                text_format.Parse(self.file.read_text(encoding="utf-8"), definition)
            else:
                definition.ParseFromString(self.file.read_bytes())
        except (message.DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
            raise ModelError(
                f"{self.path} is truncated or no frozen graph ({first_line(error)}); expected a"
                " GraphDef as a protocol buffer."
            ) from error
        except OSError as error:
            raise ModelError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        if not definition.node:
            raise ModelError(f"{self.path} holds no graph; expected a GraphDef with nodes.")
        return definition

    def _outputs(self, graph: Any) -> dict[str, Any]:
        plausible = _plausible_outputs(graph)
        if not self.outputs and len(plausible) != 1:
            raise ModelError(
                f"{self.path} does not say which of its nodes are outputs: name them with"
                f" --output. Nothing consumes {_listing(plausible)}."
            )
        tensors = {}
        for name in self.outputs or plausible:
            node, _, index = name.partition(":")
            try:
                tensor = graph.get_tensor_by_name(f"{node}:{index or 0}")
            except (KeyError, ValueError) as error:
                raise ModelError(self._no_such_output(name, graph, plausible)) from error
            tensors[name.removesuffix(":0")] = tensor
        return tensors

    def _no_such_output(self, name: str, graph: Any, plausible: Sequence[str]) -> str:
        names = [operation.name for operation in graph.get_operations() if operation.outputs]
        close = difflib.get_close_matches(name, names, n=3)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        return (
            f"{self.path} has no output {name!r}.{hint} Nothing consumes {_listing(plausible)}, so"
            " these may be its outputs."
        )


def _plausible_outputs(graph: Any) -> list[str]:
    """The nodes that compute something which no other node takes."""
    return [
        operation.name
        for operation in graph.get_operations()
        if operation.outputs
        and operation.type not in _NEVER_OUTPUTS
        and not any(tensor.consumers() for tensor in operation.outputs)
        and _placeholders_behind([operation.outputs[0]])
    ]


def _placeholders_behind(tensors: Any) -> list[Any]:
    """The placeholders that any of the tensors depends on, by name."""
    pending = [tensor.op for tensor in tensors]
    seen = set(pending)
    while pending:
        operation = pending.pop()
        for before in [tensor.op for tensor in operation.inputs] + operation.control_inputs:
            if before not in seen:
                seen.add(before)
                pending.append(before)
    found = [operation.outputs[0] for operation in seen if operation.type == "Placeholder"]
    return sorted(found, key=lambda tensor: str(tensor.name))


def _write(graph: Any, inputs: Any, outputs: Any, directory: Path) -> None:
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    with graph.as_default():
        initializers = [op for op in graph.get_operations() if op.type in _TABLE_INITIALIZERS]
        if initializers:
            for operation in initializers:
                graph.add_to_collection(tf.compat.v1.GraphKeys.TABLE_INITIALIZERS, operation)
            graph.add_to_collection("saved_model_main_op", tf.group(*initializers))
        meta = tf.compat.v1.train.export_meta_graph(graph=graph)
    meta.meta_info_def.tags.append("serve")
    signature = meta.signature_def["serving_default"]
    signature.method_name = "tensorflow/serving/predict"
    for side, tensors in ((signature.inputs, inputs), (signature.outputs, outputs)):
        for name, tensor in tensors.items():
            side[name].name = tensor.name
            side[name].dtype = tensor.dtype.as_datatype_enum
            side[name].tensor_shape.CopyFrom(tensor.shape.as_proto())
    saved_model = saved_model_pb2.SavedModel(saved_model_schema_version=1, meta_graphs=[meta])
    directory.mkdir()
    (directory / FILES[0]).write_bytes(saved_model.SerializeToString())


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return (", ".join(map(repr, names[:_LISTED])) or "no node that depends on an input") + more
