"""Whether TensorFlow agrees with itself, in whatever dtype it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.measurements.noise_models import saved
from tfjs_verify.cases import Case
from tfjs_verify.measurements.stability import unsettled_outputs
from tfjs_verify.runtimes import TensorFlow

STEADY = {
    "float32": lambda x: x * 2,
    "float64": lambda x: tf.cast(x, tf.float64) / 3,
    "float16": lambda x: tf.cast(x, tf.float16),
    "int64": lambda x: tf.argmax(x, -1),
    "int64 beyond int32": lambda x: tf.cast(x * 1e6, tf.int64) ** 2,
    "uint8": lambda x: tf.cast(tf.abs(x), tf.uint8),
    "bool": lambda x: x > 0,
    "string": tf.strings.as_string,
    "not a number": lambda x: tf.math.log(-tf.abs(x) - 1),
}


def unsettled(path: Path, function: Any) -> tuple[str, ...]:
    spec = tf.TensorSpec([None, 8], tf.float32, name="x")
    x = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    with saved(path, function, spec) as model, TensorFlow(model) as reference:
        return unsettled_outputs(reference, [Case("one", {"x": x}, "made")])


@pytest.mark.parametrize("name", STEADY)
def test_a_steady_output_is_settled(name: str, tmp_path: Path) -> None:
    assert unsettled(tmp_path, STEADY[name]) == ()


def test_random_outputs_alone_are_not(tmp_path: Path) -> None:
    def function(x: Any) -> Any:
        return {"drawn": tf.nn.dropout(x, 0.5), "label": tf.argmax(x, -1)}

    assert unsettled(tmp_path, function) == ("drawn",)
