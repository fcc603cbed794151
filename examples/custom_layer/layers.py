"""Snake: x + sin²(fx) / f with a trained frequency f per channel, for periodic signals."""

from __future__ import annotations

from typing import Any

import keras


class Snake(keras.layers.Layer):
    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.frequency = self.add_weight(
            name="frequency", shape=(input_shape[-1],), initializer="ones"
        )

    def call(self, inputs: Any) -> Any:
        wave = keras.ops.sin(self.frequency * inputs)
        return inputs + keras.ops.square(wave) / self.frequency
