"""Writes the SavedModel: how likely is a delivery to have arrived?

How long a kind of delivery takes is gamma-distributed; the answer is the distribution function, for
which TensorFlow has the op Igamma and TensorFlow.js has nothing.
"""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

KINDS = {"letter": (2.0, 1.0), "parcel": (5.0, 0.5), "freight": (9.0, 0.25)}
"""Shape and rate, per day, of each kind."""


class Delivery(tf.Module):
    def __init__(self) -> None:
        super().__init__(name="delivery")
        shapes, rates = zip(*KINDS.values(), strict=True)
        self.shapes = tf.Variable(shapes, name="shapes")
        self.rates = tf.Variable(rates, name="rates")

    @tf.function(input_signature=[tf.TensorSpec([None], name="days")])
    def __call__(self, days: tf.Tensor) -> dict[str, tf.Tensor]:
        """The probability [?, 3] that each kind has arrived after so many days [?]."""
        elapsed = tf.nn.relu(days)[:, None] * self.rates
        return {"arrived": tf.math.igamma(self.shapes, elapsed)}


if __name__ == "__main__":
    delivery = Delivery()
    directory = Path(__file__).parent / "delivery"
    tf.saved_model.save(delivery, str(directory), signatures=delivery.__call__)
