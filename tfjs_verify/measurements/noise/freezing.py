"""From a model's signature to one GraphDef whose variables are constants, and back to a callable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfjs_verify.errors import LoadError
from tfjs_verify.model import Model


@dataclass(frozen=True)
class Frozen:
    """A frozen graph, and which of its tensors are the signature's."""

    graph: Any
    """GraphDef."""
    inputs: Mapping[str, str]
    """From the signature's input names to names of tensors, as "placeholder:0"."""
    outputs: Mapping[str, str]
    """From the signature's output names to names of tensors."""
    captures: Mapping[str, Any]
    """Handles of lookup tables, by the placeholder that takes them."""
    owner: Any
    """The loaded model: it keeps the tables alive."""


def freeze(model: Model) -> Frozen:
    """Freezes the signature of `model`; control flow stays functional.

    Raises LoadError where TensorFlow cannot load or freeze it.
    """
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    try:
        loaded = tf.saved_model.load(str(model.saved_model), tags=list(model.tags) or None)
        function = loaded.signatures[model.signature_key]
        frozen = convert_to_constants.convert_variables_to_constants_v2(
            function, lower_control_flow=False, aggressive_inlining=True
        )
    except (OSError, KeyError, ValueError, tf.errors.OpError) as error:
        raise LoadError(f"TensorFlow cannot freeze {model.path}: {error}") from error
    _, keywords = function.structured_input_signature
    handles = {placeholder.op.name: value for value, placeholder in function.graph.captures}
    return Frozen(
        graph=frozen.graph.as_graph_def(),
        inputs={
            name: tensor.name for name, tensor in zip(sorted(keywords), frozen.inputs, strict=False)
        },
        outputs={
            name: tensor.name
            for name, tensor in zip(
                sorted(function.structured_outputs), frozen.outputs, strict=True
            )
        },
        captures={
            tensor.op.name: handles[tensor.op.name]
            for tensor in frozen.inputs
            if tensor.op.name in handles
        },
        owner=loaded,
    )


class Executable:
    """A GraphDef that can be called for any of its tensors."""

    def __init__(self, graph: Any, *, inputs: Sequence[str], captures: Mapping[str, Any]) -> None:
        """`inputs` are names of tensors. Raises ValueError where TensorFlow refuses the graph."""
        import tensorflow as tf

        def imported() -> None:
            tf.graph_util.import_graph_def(graph, name="")
            for name, handle in captures.items():
                current = tf.compat.v1.get_default_graph()
                current.add_capture(handle, current.get_tensor_by_name(f"{name}:0"))

        self._whole = tf.compat.v1.wrap_function(imported, [])
        self._inputs = tuple(inputs)
        self._pruned: dict[tuple[str, ...], Any] = {}

    def call(self, values: Sequence[Any], fetches: Sequence[str]) -> list[Any]:
        """The tensors `fetches` where the inputs have these `values`; raises tf.errors.OpError."""
        import tensorflow as tf

        graph = self._whole.graph
        key = tuple(fetches)
        if key not in self._pruned:
            self._pruned[key] = self._whole.prune(
                [graph.get_tensor_by_name(name) for name in self._inputs],
                [graph.get_tensor_by_name(name) for name in fetches],
            )
        dtypes = [graph.get_tensor_by_name(name).dtype for name in self._inputs]
        tensors = [tf.constant(v, dtype=d) for v, d in zip(values, dtypes, strict=True)]
        return [result.numpy() for result in self._pruned[key](*tensors)]
