"""The corpus of layer models: Keras models of one layer each, and a few that need several.

    for entry in layer_models():
        model = entry.build()          # a Keras 3 model, weights randomised
        entry.domains                  # input name → domain text, as `--input` takes it

Weights are drawn so that every output depends on every input: no zero biases, no unit
variances, nothing saturated.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.corpus.layer_graphs import GRAPHS
from tests.corpus.layer_table import ROWS, Row


@dataclass(frozen=True)
class LayerModel:
    """A named way to a Keras model, and what its inputs accept."""

    name: str
    make: Callable[[Any], Any]
    """From the module `keras` to a model."""
    domains: Mapping[str, str]

    def build(self) -> Any:
        """The model with randomised weights, the same ones every time."""
        import keras

        keras.utils.set_random_seed(zlib.crc32(self.name.encode()))
        keras.backend.clear_session()
        model = self.make(keras)
        randomise(model, seed=zlib.crc32(self.name.encode()))
        return model


def layer_models() -> Iterator[LayerModel]:
    """All of them: one-layer models in the table's order, then those of several layers."""
    for row in ROWS:
        yield LayerModel(row.name, _maker(row), dict.fromkeys(_input_names(row), row.domain))
    for make, domains in GRAPHS:
        yield LayerModel(make.__name__, make, {"x": "normal 0 2"} | dict(domains))


def randomise(model: Any, *, seed: int) -> None:
    """Redraws the float weights of a Keras model."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(_values(weight, rng))


def _values(weight: Any, rng: np.random.Generator) -> Any:
    current = np.asarray(weight)
    if current.dtype.kind != "f":
        return current
    name = weight.path.rpartition("/")[2]
    if name.endswith(("variance", "gamma", "scale")):
        return rng.uniform(0.5, 2.0, current.shape)
    fan_in = max(1, int(np.prod(current.shape[:-1])) if current.ndim > 1 else 1)
    return rng.normal(0.0, 1.2 / np.sqrt(min(fan_in, 64)) if fan_in > 1 else 0.5, current.shape)


def _input_names(row: Row) -> list[str]:
    return ["x"] if len(row.shapes) == 1 else [f"x{index}" for index in range(len(row.shapes))]


def _maker(row: Row) -> Callable[[Any], Any]:
    def make(keras: Any) -> Any:
        inputs = [
            keras.Input(shape, name=name, dtype=row.dtype)
            for name, shape in zip(_input_names(row), row.shapes, strict=True)
        ]
        layer = row.layer(keras.layers)
        positional = type(layer).__name__ in _POSITIONAL
        outputs = layer(*inputs) if positional or len(inputs) == 1 else layer(inputs)
        return keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs, name=row.name)

    return make


_POSITIONAL = frozenset({"MultiHeadAttention", "GroupedQueryAttention"})
