"""A runtime that answers with the artifact's graph, on TensorFlow's kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from tfjs_verify.artifact import Artifact
from tfjs_verify.errors import ExecutionError, LoadError
from tfjs_verify.runtimes.base import Runtime, Timing, steady_timing
from tfjs_verify.runtimes.replay.graph import ReplayGraph, artifact_graph, tensor_name
from tfjs_verify.runtimes.replay.layers import layers_graph
from tfjs_verify.tensors import Array, fetched, narrow

_Call: TypeAlias = "tuple[tuple[str, ...], tuple[str, ...]]"
_KEPT = 4
"""Functions kept at most; each holds the weights once more."""


class ArtifactReplay(Runtime):
    """Runs what is in the artifact's files in this process, without TensorFlow.js.

    Outputs have the dtypes that TensorFlow.js has for them, as the artifact's signature says.
    """

    name = "replay"

    def __init__(self, artifact: Artifact, *, graph: ReplayGraph | None = None) -> None:
        """Rebuild the graph of `artifact`, unless it is given as `graph`.

        Raises ArtifactError where its files cannot be read, LoadError where it holds what
        TensorFlow cannot compute. Layers are those of tf_keras.
        """
        self.artifact = artifact
        self.signature = artifact.signature
        rebuild = layers_graph if artifact.format == "layers" else artifact_graph
        self._graph: ReplayGraph | None = graph or rebuild(artifact)
        self._functions: dict[_Call, Any] = {}
        self._function(tuple(artifact.inputs), tuple(artifact.outputs))

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """Answer one case. A name that is none of the signature's is taken for a graph node's."""
        names = tuple(outputs) or tuple(self.artifact.outputs)
        function = self._function(tuple(inputs), names)
        results = self._call(function, list(inputs.values()))
        return {
            name: narrow(fetched(result))[0] for name, result in zip(names, results, strict=True)
        }

    def time(
        self,
        inputs: Mapping[str, Array],
        *,
        warmup: int = 3,
        repetitions: int = 50,
        budget_s: float = 2.0,
    ) -> Timing:
        """Time the graph's call with its outputs fetched."""
        function = self._function(tuple(inputs), tuple(self.artifact.outputs))
        values = list(inputs.values())

        def call() -> None:
            for result in self._call(function, values):
                result.numpy()

        return steady_timing(call, warmup=warmup, repetitions=repetitions, budget_s=budget_s)

    @property
    def graph(self) -> ReplayGraph:
        """What TensorFlow computes. Raises ExecutionError where the replay is closed."""
        if self._graph is None:
            raise ExecutionError("this replay is closed")
        return self._graph

    def close(self) -> None:
        """Release the graph and its weights."""
        self._functions.clear()
        self._graph = None

    def _function(self, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Any:
        """The graph as a function from these tensors to those."""
        key = (inputs, outputs)
        if key not in self._functions:
            while len(self._functions) >= _KEPT:
                self._functions.pop(next(iter(self._functions)))
            self._functions[key] = self._imported(inputs, outputs)
        return self._functions[key]

    def _imported(self, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
        import tensorflow as tf

        whole = self.graph
        fed = [whole.inputs.get(name) or tensor_name(name) for name in inputs]
        fetched = [whole.outputs.get(name) or tensor_name(name) for name in outputs]
        nodes = {node.name for node in whole.graph.node}
        unknown = [each for each in (*fed, *fetched) if each.partition(":")[0] not in nodes]
        if unknown:
            raise ExecutionError(f"the graph of {self.artifact.directory} has no {unknown[0]!r}")
        shapes = {spec.name: spec.shape for spec in self.signature.inputs}
        specs = [
            tf.TensorSpec(shapes.get(name), dtype)
            for name, dtype in zip(inputs, self._dtypes(whole.graph, fed), strict=True)
        ]

        def imported(*tensors: Any) -> Any:
            return tf.graph_util.import_graph_def(
                whole.graph,
                input_map=dict(zip(fed, tensors, strict=True)),
                return_elements=fetched,
                name="",
            )

        try:
            return tf.compat.v1.wrap_function(imported, specs)
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise LoadError(
                f"TensorFlow refuses the graph of {self.artifact.directory}: {error}"
            ) from error

    def _dtypes(self, graph: Any, tensors: Sequence[str]) -> list[Any]:
        """The dtypes of tensors that are fed; those of intermediate nodes follow from their ops."""
        import tensorflow as tf

        stated = {f"{node.name}:0": node for node in graph.node if node.op == "Placeholder"}
        if all(tensor in stated for tensor in tensors):
            return [tf.as_dtype(stated[tensor].attr["dtype"].type) for tensor in tensors]
        scratch = tf.Graph()
        with scratch.as_default():
            tf.graph_util.import_graph_def(graph, name="")
        return [scratch.get_tensor_by_name(tensor).dtype for tensor in tensors]

    def _call(self, function: Any, values: Sequence[Array]) -> list[Any]:
        import tensorflow as tf

        dtypes = [tensor.dtype for tensor in function.inputs]
        try:
            results: list[Any] = function(
                *(
                    tf.cast(value, dtype) if dtype != tf.string else tf.constant(value, dtype)
                    for value, dtype in zip(values, dtypes, strict=False)
                )
            )
        except (tf.errors.OpError, ValueError, TypeError) as error:
            message = str(getattr(error, "message", None) or error).strip()
            raise ExecutionError(
                f"TensorFlow raised on the artifact's graph: {message.splitlines()[0]}"
            ) from error
        return results
