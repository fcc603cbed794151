"""Outputs of several sizes, and integers made of real numbers: what rounding excuses in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.measurements.noise_models import draw, image, saved
from tfjs_verify.cases import Case
from tfjs_verify.measurements.noise import Noise, Oracle, measure_noise
from tfjs_verify.measurements.noise.parts import find_parts
from tfjs_verify.runtimes import TensorFlow


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ((1.0, 3.0, 0.02), ()),
        ((3e5, 0.5), ((0,), (1,))),
        ((0.5, 3e5, 0.7, 2e5), ((1, 3), (0, 2))),
        ((1e6, 1.0, 1e-6), ((0,), (1,), (2,))),
        ((3e5, 0.0, 0.5), ((0, 1), (2,))),
        ((0.0, 0.0), ()),
        ((1.0,), ()),
    ],
)
def test_columns_of_one_size_are_one_part(sizes: tuple[float, ...], parts: Any) -> None:
    answers = [np.array([sizes, sizes], np.float32) * scale for scale in (0.5, -1.0)]
    assert find_parts(answers) == parts


def test_nothing_else_has_parts() -> None:
    assert find_parts([]) == ()
    assert find_parts([np.array([1e9, 1.0], np.float32)]) == ()
    assert find_parts([np.array([[1e9, 1.0]]), np.array([[1e9, 1.0, 2.0]])]) == ()
    assert find_parts([np.array([[10**9, 1]])]) == ()
    assert find_parts([np.logspace(0, 300, 1000)[None]]) == ()


def measured(function: Callable[[Any], Any], tmp_path: Any, *, rows: int = 4) -> tuple[Noise, Any]:
    """The noise of a function of six numbers, and its answer to other rows."""
    with (
        saved(tmp_path, function, image(None, 6)) as model,
        TensorFlow(model) as reference,
        Oracle(model) as oracle,
    ):
        cases = [Case(f"case-{seed}", {"x": draw(rows, 6, seed=seed)}, "made") for seed in range(8)]
        noise = measure_noise(reference, oracle, cases)
        return noise, reference.run({"x": draw(rows, 6, seed=99)})["y"]


def price_and_chance(x: Any) -> Any:
    price = tf.exp(tf.reduce_sum(x, -1, keepdims=True) * 0.1 + 12.6)
    return tf.concat([price, tf.sigmoid(tf.reduce_sum(x * 0.3, -1, keepdims=True))], -1)


def test_a_price_excuses_no_probability(tmp_path: Any) -> None:
    noise, answer = measured(price_and_chance, tmp_path)
    allowed = noise["y"].allowance(answer)
    assert np.all(allowed[:, 0] > 0.01)
    assert np.all(allowed[:, 1] < 1e-5)
    wrong = answer.copy()
    wrong[0, 1] += 1e-3
    assert noise["y"].ratio(answer, wrong) > 100


def cents(scale: float) -> Callable[[Any], Any]:
    weights = draw(6, 3, seed=5)
    return lambda x: tf.cast(tf.round((x @ weights) * scale), tf.int32)


@pytest.mark.parametrize("scale", [1e6, 1e8])
def test_amounts_may_be_off_as_real_numbers_may(scale: float, tmp_path: Any) -> None:
    noise, answer = measured(cents(scale), tmp_path, rows=32)
    allowed = noise["y"].allowance(answer)
    assert np.all(allowed >= 1)
    assert np.all(allowed < 1e-4 * np.abs(answer).max())


def test_labels_are_exact_where_nothing_ties(tmp_path: Any) -> None:
    noise, answer = measured(lambda x: tf.argmax(x, -1, output_type=tf.int32), tmp_path)
    assert np.all(noise["y"].allowance(answer) == 0)


def test_small_counts_are_exact_where_no_case_is_on_the_edge(tmp_path: Any) -> None:
    noise, answer = measured(lambda x: tf.cast(tf.floor(x * 3.0), tf.int32), tmp_path)
    assert np.all(noise["y"].allowance(answer) == 0)
