"""Faults that show on some inputs only, planted in artifacts of otherwise equal models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VOCABULARY = 100


@dataclass(frozen=True)
class Fault:
    """For which rows `seen` answers 1, and what the smallest case that shows it is like."""

    name: str
    shape: tuple[int | None, ...]
    seen: Callable[[Any], Any]
    nonzero: int = 3
    batch: int = 1
    tokens: bool = False


def _faults() -> tuple[Fault, ...]:
    import tensorflow as tf

    def indicator(condition: Any) -> Any:
        return tf.cast(condition, tf.float32)

    def batch_of_three(x: Any) -> Any:
        return indicator(tf.fill(tf.shape(x)[:1], tf.equal(tf.shape(x)[0], 3)))

    def long_sequence(x: Any) -> Any:
        return indicator(tf.fill(tf.shape(x)[:1], tf.greater(tf.shape(x)[1], 7)))

    def tie(x: Any) -> Any:
        best = tf.math.top_k(x, 2).values
        return indicator(tf.equal(best[:, 0], best[:, 1]))

    def constant_row(x: Any) -> Any:
        spread = tf.reduce_max(x, axis=2) - tf.reduce_min(x, axis=2)
        return indicator(tf.reduce_any(tf.equal(spread[..., 0], 0.0), axis=1))

    return (
        Fault("one element > 0.9", (None, 8), lambda x: indicator(tf.reduce_max(x, 1) > 0.9)),
        Fault("batch size is 3", (None, 4), batch_of_three, batch=3),
        Fault("the two largest values tie", (None, 6), tie),
        Fault("a sequence is longer than 7", (None, None, 2), long_sequence),
        Fault(
            "a token is the last of its vocabulary",
            (None, 5),
            lambda t: indicator(tf.reduce_any(tf.equal(t, VOCABULARY - 1), axis=1)),
            tokens=True,
        ),
        Fault(
            "all inputs are negative",
            (None, 4),
            lambda x: indicator(tf.reduce_max(x, 1) < 0.0),
            nonzero=4,
        ),
        Fault("one image row is constant", (None, 8, 8, 1), constant_row),
    )


def faults() -> tuple[Fault, ...]:
    """All planted faults of the corpus."""
    return _faults()


def save(fault: Fault, directory: Path, *, planted: bool) -> Path:
    """A SavedModel with the fault, or its healthy twin."""
    import numpy as np
    import tensorflow as tf

    dtype = tf.int32 if fault.tokens else tf.float32
    table = tf.constant(np.linspace(-1, 1, VOCABULARY * 3, dtype=np.float32).reshape(-1, 3))

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec(fault.shape, dtype, name="x")])
        def __call__(self, x):
            values = tf.gather(table, x) if fault.tokens else x
            y = tf.reduce_sum(values, axis=list(range(1, len(values.shape))))
            return {"y": y + fault.seen(x) if planted else y}

    path = directory / ("faulty" if planted else "healthy")
    model = Model()
    tf.saved_model.save(model, path, signatures=model.__call__)
    return path
