"""What an artifact means without rounding: its own graph and weights, computed in float64."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfjs_verify.artifact import Artifact
from tfjs_verify.artifact.contents import Contents
from tfjs_verify.errors import ExecutionError, LoadError
from tfjs_verify.measurements.noise.wide import WideGraph
from tfjs_verify.runtimes.complaints import complaint
from tfjs_verify.runtimes.replay import replay_graph
from tfjs_verify.tensors import Array, Signature
from tfjs_verify.tolerance import Allowance


class ExactArtifact:
    """Answers cases with an artifact's graph in float64."""

    def __init__(self, artifact: Artifact, contents: Contents, reference: Signature) -> None:
        """Lift the graph in `contents`; `artifact` and `reference` say what is which.

        Raises LoadError where TensorFlow cannot replay it.
        """
        import tensorflow as tf

        replay = replay_graph(artifact, contents.document, contents.weights)
        self._inputs = tuple(replay.inputs)
        self._outputs = dict(replay.outputs)
        self._fetches = list(dict.fromkeys(self._outputs.values()))
        try:
            self._graph = WideGraph(
                replay.graph,
                inputs={tensor: reference.input(name) for name, tensor in replay.inputs.items()},
                fetches=self._fetches,
                captures={},
            )
        except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
            raise LoadError(f"the float64 form of the artifact cannot be built: {error}") from error

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Answer one case, in float64; raises ExecutionError, DeadlineExceeded."""
        import tensorflow as tf

        try:
            results = self._graph.call([inputs[name] for name in self._inputs])
        except (tf.errors.OpError, ValueError, TypeError) as error:
            message = f"the float64 form of the artifact raised: {complaint(error)}"
            raise ExecutionError(message) from error
        given = dict(zip(self._fetches, results, strict=True))
        return {name: given[tensor] for name, tensor in self._outputs.items()}


def effect(
    before: Mapping[str, Array], after: Mapping[str, Array], allowances: Mapping[str, Allowance]
) -> float:
    """The largest difference between two answers as a share of what is allowed.

    Infinite where a difference is of another kind: a shape, an integer, a NaN.
    """
    if before.keys() != after.keys():
        return float("inf")
    return max(
        (_share(before[name], after[name], allowances[name]) for name in before), default=0.0
    )


def _share(before: Array, after: Array, allowance: Allowance) -> float:
    if before.shape != after.shape:
        return float("inf")
    if before.dtype.kind not in "fc":
        return float("inf") if np.any(before != after) else 0.0
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    if bool(np.all(same)):
        return 0.0
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        share = np.abs(after - before) / allowance.allowed(before)
    share = np.where(same, 0.0, np.where(np.isnan(share), np.inf, share))
    return float(share.max())
