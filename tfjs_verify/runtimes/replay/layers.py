"""From a layers model to a GraphDef: its topology is one of Keras 2, which tf_keras reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tfjs_verify.artifact import Artifact
from tfjs_verify.artifact.files import PROVENANCE_KEY, read_model_json
from tfjs_verify.artifact.layers import layers_entries
from tfjs_verify.artifact.weights import read_weights
from tfjs_verify.errors import LoadError
from tfjs_verify.model.freezing import freeze_function
from tfjs_verify.runtimes.replay.graph import ReplayGraph
from tfjs_verify.tensors import Array

_CELL = re.compile(r"(lstm|gru|simple_rnn)_cell(_\d+)?")
"""A part of the names of recurrent weights that Keras puts in and TensorFlow.js leaves out."""


_MODELS = frozenset({"Model", "Functional", "Sequential"})


def layers_graph(artifact: Artifact) -> ReplayGraph:
    """The graph of the layers of an artifact on disk, as Keras 2 computes them.

    Raises ArtifactError; LoadError where tf_keras cannot build these layers or wants other weights.
    """
    import tensorflow as tf

    content = read_model_json(artifact.directory)
    model = _built(artifact, content["modelTopology"])
    _fill(model, read_weights(artifact.directory, content), artifact)
    entries = layers_entries(
        content["modelTopology"], content.get(PROVENANCE_KEY, {}), str(artifact.model_json)
    )
    signature = [tf.TensorSpec(each.shape, each.dtype) for each in model.inputs]
    called = tf.function(lambda *values: tf.nest.flatten(model(_unpacked(values), training=False)))
    frozen = freeze_function(called.get_concrete_function(*signature), lower_control_flow=False)
    names = [
        {entry.node: tensor.name for entry, tensor in zip(side, tensors, strict=True)}
        for side, tensors in zip(entries, (frozen.inputs, frozen.outputs), strict=True)
    ]
    return ReplayGraph(
        frozen.graph.as_graph_def(),
        {name: names[0][node] for name, node in artifact.inputs.items()},
        {name: names[1][node] for name, node in artifact.outputs.items()},
    )


def _built(artifact: Artifact, topology: Mapping[str, Any]) -> Any:
    where = f"{artifact.directory} is a layers model that TensorFlow cannot replay"
    try:
        import tf_keras
    except ImportError as error:
        raise LoadError(f"{where} without tf_keras; install it with pip") from error
    config = topology.get("model_config", topology)
    unknown = sorted(
        kind
        for kind in _kinds(config)
        if not hasattr(tf_keras.layers, kind) and kind not in _MODELS
    )
    if unknown:
        raise LoadError(f"{where}: Keras has no layer {', '.join(unknown)}")
    try:
        return tf_keras.models.model_from_json(json.dumps(config))
    except (ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise LoadError(f"{where}: {str(error).strip().splitlines()[0]}") from error


def _kinds(config: Any) -> set[str]:
    """The classes of all layers, those of nested models among them."""
    if not isinstance(config, Mapping):
        return set()
    inner = config.get("config")
    layers = inner.get("layers", ()) if isinstance(inner, Mapping) else inner or ()
    own = {str(config["class_name"])} if "class_name" in config else set()
    return own.union(*(_kinds(layer) for layer in layers))


def _fill(model: Any, weights: Mapping[str, Array], artifact: Artifact) -> None:
    given = {_plain(name): values for name, values in weights.items()}
    for variable in model.weights:
        values = given.get(_plain(variable.name.partition(":")[0]))
        if values is None or values.shape != tuple(variable.shape):
            raise LoadError(
                f"{artifact.directory} has no weight {variable.name.partition(':')[0]!r} of shape"
                f" {tuple(variable.shape)}, which its layers have in Keras"
            )
        variable.assign(values)


def _plain(name: str) -> str:
    return "/".join(part for part in name.split("/") if not _CELL.fullmatch(part))


def _unpacked(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)
