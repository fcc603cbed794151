"""Faults in the settings of a layers model: what attributes are to a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any

from tfjs_verify.artifact.contents import Contents
from tfjs_verify.measurements.mutation.faults import Fault, Operator

_ACTIVATIONS = ("relu", "elu", "sigmoid", "tanh", "linear")


def change_setting(key: str, change: Callable[[Any, Random], Any]) -> Operator:
    """An operator on one setting; `change` gives the value itself where there is no other."""

    def operate(contents: Contents, random: Random) -> Iterator[Fault]:
        layers = list(_layers(contents))
        random.shuffle(layers)
        for path, layer in layers:
            config = layer.get("config", {})
            if key not in config:
                continue
            before = config[key]
            after = change(before, random)
            if after != before:
                yield Fault(
                    f'"{config.get("name")}" ({layer.get("class_name")}): {key} {before} → {after}',
                    partial(Contents.with_value, path=[*path, "config", key], value=after),
                )

    return operate


def other_activation(value: Any, random: Random) -> Any:
    """Another activation, for one that is called by its name."""
    if not isinstance(value, str):
        return value
    return random.choice([each for each in _ACTIVATIONS if each != value])


def other_padding(value: Any, random: Random) -> Any:
    """From same to valid, and from any other word to same."""
    if not isinstance(value, str):
        return value
    return "valid" if value == "same" else "same"


def other_steps(value: Any, random: Random) -> Any:
    """2 for 1, and 1 for anything else, in every dimension."""
    if isinstance(value, int):
        return 2 if value == 1 else 1
    if isinstance(value, list):
        return [2 if all(each == 1 for each in value) else 1] * len(value)
    return value


def other_axis(value: Any, random: Random) -> Any:
    """The axis before, or 1 for the first."""
    if isinstance(value, list):
        return [*value[:-1], other_axis(value[-1], random)] if value else value
    if not isinstance(value, int):
        return value
    return value - 1 if value else 1


def ten_times(value: Any, random: Random) -> Any:
    """Ten times a number."""
    return 10 * value if isinstance(value, (int, float)) else value


def other_format(value: Any, random: Random) -> Any:
    """Channels first for channels last, and back."""
    return {"channels_last": "channels_first", "channels_first": "channels_last"}.get(value, value)


def negated(value: Any, random: Random) -> Any:
    """The other truth."""
    return not value if isinstance(value, bool) else value


def _layers(
    contents: Contents,
) -> Iterator[tuple[list[str | int], Mapping[str, Any]]]:
    """Every layer and where it is, those of models within models too."""
    topology = contents.document["modelTopology"]
    path: list[str | int] = ["modelTopology"]
    if "model_config" in topology:
        topology, path = topology["model_config"], [*path, "model_config"]
    if "node" not in topology:
        yield from _inner(topology, path)


def _inner(
    model: Mapping[str, Any], path: list[str | int]
) -> Iterator[tuple[list[str | int], Mapping[str, Any]]]:
    config = model.get("config")
    listed = config.get("layers", ()) if isinstance(config, Mapping) else config or ()
    to_layers = [*path, "config", "layers"] if isinstance(config, Mapping) else [*path, "config"]
    for index, layer in enumerate(listed):
        yield [*to_layers, index], layer
        yield from _inner(layer, [*to_layers, index])
