"""The inputs and outputs of a layers model, from its Keras configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tfjs_verify.artifact.entries import Entry
from tfjs_verify.errors import ArtifactError


def layers_entries(
    topology: Mapping[str, Any], provenance: Mapping[str, Any], where: str
) -> tuple[list[Entry], list[Entry]]:
    """Input and output entries, with layers for nodes; ArtifactError for a malformed topology.

    Our own conversions note the signature's names in `provenance`.
    """
    inputs, outputs = _stated_entries(topology, where)
    return (
        _renamed(inputs, provenance.get("inputs", {})),
        _renamed(outputs, provenance.get("outputs", {})),
    )


def _renamed(entries: list[Entry], names: Mapping[str, str]) -> list[Entry]:
    keys = {node: key for key, node in names.items()}
    return [replace(entry, key=keys.get(entry.node, entry.key)) for entry in entries]


def _stated_entries(topology: Mapping[str, Any], where: str) -> tuple[list[Entry], list[Entry]]:
    try:
        config = topology.get("model_config", topology)
        kind, inner = config["class_name"], config["config"]
        if kind == "Sequential":
            return _sequential(inner)
        return (
            [Entry(name, name) for name in _ends(inner["input_layers"])],
            _outputs(_ends(inner["output_layers"])),
        )
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ArtifactError(
            f"{where}: its layers topology is malformed ({type(error).__name__}: {error})."
        ) from error


def _sequential(config: Any) -> tuple[list[Entry], list[Entry]]:
    layers = config["layers"] if isinstance(config, Mapping) else config
    first, last = layers[0], layers[-1]
    name = first["config"]["name"]
    if first["class_name"] != "InputLayer":
        name = f"{name}_input"
    return [Entry(name, name)], _outputs([last["config"]["name"]])


def _outputs(names: Sequence[str]) -> list[Entry]:
    """An exported Keras model calls its outputs `output_0`, …: k is the position in the model.

    The second output of one layer "x" is "x:1".
    """
    entries = []
    for index, name in enumerate(names):
        earlier = names[:index].count(name)
        entries.append(Entry(f"output_{index}", f"{name}:{earlier}" if earlier else name))
    return entries


def _ends(layers: Any) -> list[str]:
    """Layer names from `[["a", 0, 0], …]`, a single `["a", 0, 0]`, or a mapping of these."""
    if isinstance(layers, Mapping):
        layers = list(layers.values())
    if layers and isinstance(layers[0], str):
        layers = [layers]
    return [str(layer[0]) for layer in layers]
