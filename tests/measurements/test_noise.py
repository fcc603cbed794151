"""The noise floor: allows what float32 does to a model, and no fault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.measurements.noise_models import draw, saved
from tfjs_verify.cases import Case
from tfjs_verify.measurements.noise import (
    DEFAULT_FACTOR,
    Noise,
    Oracle,
    measure_case,
    measure_noise,
)
from tfjs_verify.runtimes import TensorFlow
from tfjs_verify.tolerance import default_tolerance

ULP = 2.0**-23
FINITE, NAN, MINUS_INFINITY = 1, 2, 8
"""Of `value_classes`."""


def cases(*shape: int, count: int = 8, scale: float = 1.0) -> list[Case]:
    return [Case(f"{n}", {"x": draw(*shape, seed=n, scale=scale)}, "drawn") for n in range(count)]


def measured(
    path: Path, function: Any, given: list[Case], shape: Any, variables: Any = ()
) -> Noise:
    spec = tf.TensorSpec(shape, tf.float32, name="x")
    with (
        saved(path, function, spec, variables=variables) as model,
        Oracle(model) as oracle,
        TensorFlow(model) as reference,
    ):
        return measure_noise(reference, oracle, given)


def test_logits_are_judged_by_their_scale(tmp_path: Path) -> None:
    weights = draw(64, 32, seed=9)
    noise = measured(tmp_path, lambda x: x @ weights, cases(4, 64), [None, 64])
    output = noise["y"]
    assert noise.basis == "oracle"
    assert noise.cases == 8
    assert 1e-8 < output.reference < 1e-6
    assert 1e-8 < output.sensitivity < 1e-6
    expected = draw(4, 64, seed=99) @ weights
    allowed = output.allowance(expected)
    assert allowed.dtype == np.float64
    assert allowed.shape == expected.shape
    assert allowed.min() > 1e-8 * np.abs(expected).max()
    assert allowed.max() < 1e-5 * np.abs(expected).max()


def test_small_probabilities_are_judged_by_their_own_size(tmp_path: Path) -> None:
    weights = draw(32, 40, seed=9)
    noise = measured(tmp_path, lambda x: tf.nn.softmax(x @ weights), cases(4, 32), [None, 32])
    expected = np.array([1.0, 1e-3, 1e-6, 1e-9], np.float32)
    assert np.all(DEFAULT_FACTOR * noise["y"].noise(expected) <= 1e-3 * expected)
    assert np.all(noise["y"].allowance(expected) >= 4 * ULP)


def test_faults_of_a_thousandth_are_not_allowed(tmp_path: Path) -> None:
    weights = draw(32, 40, seed=9)
    given = cases(4, 32)
    noise = measured(tmp_path, lambda x: tf.nn.softmax(x @ weights), given, [None, 32])
    for case in given:
        expected = tf.nn.softmax(case.inputs["x"] @ weights).numpy()
        faulty = tf.nn.softmax(case.inputs["x"] @ (weights * np.float32(1.001))).numpy()
        other_order = tf.nn.softmax(np.float32(case.inputs["x"][:, ::-1]) @ weights[::-1]).numpy()
        allowed = noise["y"].allowance(expected)
        assert np.any(np.abs(faulty - expected) > allowed)
        assert np.all(np.abs(other_order - expected) <= allowed)
        assert noise["y"].ratio(expected, other_order) < DEFAULT_FACTOR
        assert noise["y"].ratio(expected, faulty) > 10 * DEFAULT_FACTOR


def test_an_exact_model_has_no_noise_but_a_few_ulp_are_allowed(tmp_path: Path) -> None:
    noise = measured(tmp_path, tf.nn.relu, cases(4, 8), [None, 8])
    assert noise["y"].reference == 0
    assert noise["y"].sensitivity == 0
    expected = np.array([[1.0, 0.5, 1e-5, 0.0]], np.float32)
    allowed = noise["y"].allowance(expected)
    np.testing.assert_array_equal(allowed, allowed[0, 0])
    assert 4 * ULP <= allowed[0, 0] < 16 * ULP


def test_it_tells_when_tensorflow_is_the_one_that_is_off(tmp_path: Path) -> None:
    """Adding 1e8 first throws the input away; only the oracle knows."""
    large = tf.Variable(1e8)
    noise = measured(tmp_path, lambda x: (x + large) - large, cases(4, 8), [None, 8], [large])
    assert noise["y"].reference > 0.5
    assert noise["y"].ratio(np.zeros(3, np.float32), np.zeros(3, np.float32)) == 0


def test_one_unstable_case_excuses_only_itself(tmp_path: Path) -> None:
    """On the edge of the decision, rounding alone takes the other branch."""

    def function(x: Any) -> Any:
        return tf.where(x + 1.0 < 1.0, x + 100.0, x * 1.1)

    given = cases(4, 8, scale=10)
    edge = Case("edge", {"x": np.full((4, 8), -1e-9, np.float32)}, "made")
    spec = tf.TensorSpec([None, 8], tf.float32, name="x")
    with (
        saved(tmp_path, function, spec) as model,
        Oracle(model) as oracle,
        TensorFlow(model) as reference,
    ):
        noise = measure_noise(reference, oracle, [*given, edge])
        alone = measure_case(reference, oracle, edge)
    assert [each.case for each in noise.unstable] == ["edge"]
    assert noise.unstable[0].output == "y"
    assert noise.unstable[0].noise > 0.9
    assert noise.unstable[0].flips[0].op == "Less"
    assert noise.unstable[0].flips[0].changed == 32
    assert noise["y"].envelope.peak < 1e-6
    assert noise.on(alone)["y"].envelope.peak > 0.9
    expected = np.full((4, 8), -1.1e-9, np.float32)
    assert np.all(DEFAULT_FACTOR * noise["y"].noise(expected) < 1e-9)


def test_where_rounding_decides_about_few_elements_the_others_are_judged(tmp_path: Path) -> None:
    """A box that ends at 1.0 ends beyond the image for TensorFlow, and on its edge in truth."""
    boxes = np.array([[0, 0, 0.5, 0.5], [0.1, 0.2, 0.9, 1.0]], np.float32)

    def function(x: Any) -> Any:
        return tf.image.crop_and_resize(x, boxes, [0, 0], [4, 4])

    given = cases(1, 8, 9, 3)
    spec = tf.TensorSpec([None, 8, 9, 3], tf.float32, name="x")
    with (
        saved(tmp_path, function, spec) as model,
        Oracle(model) as oracle,
        TensorFlow(model) as reference,
    ):
        noise = measure_noise(reference, oracle, given)
        heard = noise.on(measure_case(reference, oracle, given[0]))["y"]
        expected = reference.run(given[0].inputs)["y"]
        exact = oracle.run(given[0].inputs)["y"].astype(np.float32)
    assert np.all(expected[1, :, -1] == 0)
    assert np.all(exact[1, :, -1] != 0)
    assert noise.basis == "oracle"
    assert not noise.unstable
    assert noise["y"].resolution() < 1e-4
    assert np.any(np.abs(exact - expected) > noise["y"].allowance(expected))
    assert np.all(np.abs(exact - expected) <= heard.allowance(expected))
    assert heard.ratio(expected, exact) < DEFAULT_FACTOR
    elsewhere = heard.allowance(expected) < 1e-4
    assert not np.any(elsewhere[1, :, -1])
    assert np.all(elsewhere[:, :, :-1])


def test_resolution_says_what_could_hide(tmp_path: Path) -> None:
    """A million equal terms drift by a percent where they are added up one after the other."""
    long = [Case("long", {"x": np.full(1_000_000, 0.1, np.float32)}, "made")]
    noise = measured(tmp_path, tf.reduce_mean, long, [None])["y"]
    assert noise.resolution(factor=1) == pytest.approx(0.0096, rel=0.05)


def largest(x: Any) -> Any:
    return tf.argmax(x * 0.1 + x * 0.2, -1)


def test_integers_are_exact_but_where_rounding_decides_in_this_very_case(tmp_path: Path) -> None:
    """The last row is a tie in exact arithmetic, and none in any other."""
    rows = draw(6, 20)
    rows[-1, 3] = rows[-1, 11] = 5
    tie, usual = Case("tie", {"x": rows}, "made"), cases(6, 20)
    spec = tf.TensorSpec([None, 20], tf.float32, name="x")
    with (
        saved(tmp_path, largest, spec) as model,
        Oracle(model) as oracle,
        TensorFlow(model) as reference,
    ):
        noise = measure_noise(reference, oracle, [tie, *usual])
        heard = noise.on(measure_case(reference, oracle, tie, repetitions=16))
        other = heard.on(measure_case(reference, oracle, usual[0], repetitions=16))
    expected = np.zeros(6, np.int64)
    assert np.all(noise["y"].allowance(expected) == 0)
    assert heard["y"].allowance(expected).tolist() == [0, 0, 0, 0, 0, DEFAULT_FACTOR * (11 - 3)]
    assert np.all(other["y"].allowance(expected) == 0)
    assert not heard["y"].measured


def test_a_shape_that_rounding_decides_is_told(tmp_path: Path) -> None:
    given = [Case("edge", {"x": np.array([-1e-9, 0.5], np.float32)}, "made")]
    spec = tf.TensorSpec([None], tf.float32, name="x")

    def below(x: Any) -> Any:
        return tf.boolean_mask(x, x + 1.0 < 1.0)

    with (
        saved(tmp_path, below, spec) as model,
        Oracle(model) as oracle,
        TensorFlow(model) as reference,
    ):
        noise = measure_noise(reference, oracle, given)
        assert not noise["y"].reshapes
        assert noise.on(measure_case(reference, oracle, given[0]))["y"].reshapes


DECIDED: dict[str, tuple[Any, float, set[int]]] = {
    "a root of nearly 0": (
        lambda x: tf.sqrt(tf.reduce_mean(x * x) - tf.square(tf.reduce_mean(x))),
        0.9,
        {FINITE, NAN},
    ),
    "a logarithm of what is left of 1": (
        lambda x: tf.math.log(1 - tf.sigmoid(x)),
        20.0,
        {FINITE, MINUS_INFINITY},
    ),
    "a root of 2": (tf.sqrt, 2.0, set()),
    "a root of -2": (tf.sqrt, -2.0, set()),
}


@pytest.mark.parametrize("name", DECIDED)
def test_a_class_that_rounding_decides_is_told(name: str, tmp_path: Path) -> None:
    function, value, possible = DECIDED[name]
    given = Case("flat", {"x": np.full(30, value, np.float32)}, "made")
    with (
        saved(tmp_path, function, tf.TensorSpec([None], tf.float32, name="x")) as model,
        Oracle(model) as oracle,
        TensorFlow(model) as reference,
    ):
        usual = measure_noise(reference, oracle, [given])
        heard = usual.on(measure_case(reference, oracle, given, repetitions=16))["y"]
        expected = reference.run(given.inputs)["y"]
    assert usual["y"].classes_of(expected) is None
    classes = heard.classes_of(expected)
    assert (classes is not None) == bool(possible)
    if classes is not None:
        assert {bit for bit in (1, 2, 4, 8) if np.any(classes & bit)} == possible


def test_nan_and_infinity_say_nothing(tmp_path: Path) -> None:
    given = [Case("odd", {"x": np.array([np.nan, np.inf, -1, 1e30], np.float32)}, "made")]
    noise = measured(tmp_path, lambda x: tf.sqrt(x) / 3.0, given, [None])
    assert 0 < noise["y"].envelope.peak < 1e-6
    expected = np.array([np.nan, np.inf, 1.0], np.float32)
    assert np.all(np.isfinite(noise["y"].allowance(expected)))
    assert np.isfinite(noise["y"].ratio(expected, expected))


def test_without_an_oracle_the_table_of_defaults_speaks(tmp_path: Path) -> None:
    spec = tf.TensorSpec([None], tf.float32, name="x")
    with (
        saved(tmp_path, lambda x: x * 2.0, spec) as model,
        TensorFlow(model) as reference,
        Oracle(model) as oracle,
    ):
        without = measure_noise(reference, None, cases(4), reason="too large")
        nothing = measure_noise(reference, oracle, [])
    assert (without.basis, without.reason) == ("defaults", "too large")
    assert (nothing.basis, nothing.reason) == ("defaults", "no case was measured")
    expected = draw(5)
    for noise in (without, nothing):
        np.testing.assert_array_equal(
            noise["y"].allowance(expected), default_tolerance("float32").allowed(expected)
        )


def test_a_model_that_draws_has_no_noise_floor(tmp_path: Path) -> None:
    noise = measured(tmp_path, lambda x: tf.nn.dropout(x, 0.5), cases(4, 8, count=1), [None, 8])
    assert noise.basis == "defaults"
    assert "RandomUniform" in noise.reason


def test_an_obstacle_makes_the_basis_partial(tmp_path: Path) -> None:
    noise = measured(
        tmp_path,
        lambda x: tf.quantization.fake_quant_with_min_max_args(x, -6, 6) / 3.0,
        cases(4, 8),
        [None, 8],
    )
    assert noise.basis == "partial"
    assert "FakeQuantWithMinMaxArgs" in noise.reason
    assert noise["y"].measured


def test_a_score_that_a_mask_absorbs_is_no_noise(tmp_path: Path) -> None:
    """Where all are masked, all are equal in float32, on every backend."""

    def attend(x: Any, mask: Any) -> Any:
        return tf.nn.softmax(x + (1.0 - mask) * -1e9)

    given = [
        Case(f"{n}", {"x": draw(2, 6, seed=n), "mask": np.zeros((2, 6), np.float32)}, "made")
        for n in range(8)
    ]
    specs = [tf.TensorSpec([None, 6], tf.float32, name=name) for name in ("x", "mask")]
    with (
        saved(tmp_path, attend, *specs) as model,
        Oracle(model) as oracle,
        TensorFlow(model) as reference,
    ):
        masked = measure_noise(reference, oracle, given)
        free = [
            replace(case, inputs={**case.inputs, "mask": np.ones((2, 6), np.float32)})
            for case in given
        ]
        usual = measure_noise(reference, oracle, free)
    assert masked["y"].envelope.peak < 4 * ULP
    assert usual["y"].envelope.peak < 16 * ULP


def test_an_obstacle_rounds_as_if_its_operands_were_slightly_others(tmp_path: Path) -> None:
    """Cubic interpolation far from zero, at the very pixels."""
    ramp = 1000 + np.arange(64, dtype=np.float32).reshape(1, 8, 8, 1) / 64
    noise = measured(
        tmp_path,
        lambda x: tf.raw_ops.ResizeBicubic(images=x, size=[8, 8]) - 1000.0,
        [Case("ramp", {"x": ramp}, "made")],
        [None, 8, 8, 1],
    )
    assert noise.basis == "partial"
    assert noise["y"].envelope.peak > 2 * 2.0**-24 * 1000


def test_a_constant_image_keeps_its_contrast_but_for_the_drift_of_its_mean(tmp_path: Path) -> None:
    flat = [Case("flat", {"x": np.full((1, 64, 64, 1), 7.3, np.float32)}, "made")]
    noise = measured(tmp_path, lambda x: tf.image.adjust_contrast(x, 1.7), flat, [None, 64, 64, 1])
    assert noise.basis == "oracle"
    assert noise["y"].envelope.peak > 16 * ULP


def test_complex_outputs(tmp_path: Path) -> None:
    noise = measured(
        tmp_path, lambda x: tf.signal.fft(tf.cast(x, tf.complex64)), cases(4, 16), [None, 16]
    )
    assert 1e-9 < noise["y"].envelope.peak < 1e-6
    expected = np.fft.fft(draw(4, 16)).astype(np.complex64)
    assert noise["y"].allowance(expected).dtype == np.float64


def test_noise_on_an_exact_zero_is_noise_of_what_tensorflow_says(tmp_path: Path) -> None:
    """A constant minus its mean: exactly zero, and all rounding in float32."""
    given = [Case("flat", {"x": np.full((1, 999), 0.1, np.float32)}, "made")]
    noise = measured(tmp_path, lambda x: x - tf.reduce_mean(x), given, [1, 999])
    expected = np.full((1, 999), 2e-8, np.float32)
    assert np.all(noise["y"].noise(expected) >= 1e-8)


def test_a_constant_image_is_standardised_into_noise(tmp_path: Path) -> None:
    """Kernels that add up one by one leave another remainder than TensorFlow's, which is tiny."""
    flat = Case("flat", {"x": np.full((1, 8, 9, 3), 7.3, np.float32)}, "made")
    spec = tf.TensorSpec([None, 8, 9, 3], tf.float32, name="x")
    pixels = flat.inputs["x"].ravel()
    mean = np.add.accumulate(pixels, dtype=np.float32)[-1] / np.float32(pixels.size)
    answer = (flat.inputs["x"] - mean) * np.float32(np.sqrt(pixels.size))
    with (
        saved(tmp_path, tf.image.per_image_standardization, spec) as model,
        Oracle(model) as oracle,
        TensorFlow(model) as reference,
    ):
        usual = measure_noise(reference, oracle, cases(2, 8, 9, 3))
        noise = usual.on(measure_case(reference, oracle, flat))["y"]
        expected = reference.run(flat.inputs)["y"]
    assert np.abs(answer - expected).max() > 1e-5
    assert np.all(np.abs(answer - expected) <= noise.allowance(expected))


def test_numbers_that_float32_cannot_hold_say_nothing(tmp_path: Path) -> None:
    """In float64 an exponential goes on where float32 has become infinite."""
    given = [Case("large", {"x": np.array([1, 2, 3, 95, 500], np.float32)}, "made")]
    noise = measured(tmp_path, tf.exp, given, [None])["y"]
    assert 0 < noise.envelope.peak < 1e-5
    assert np.all(noise.allowance(np.array([3.0, 20.0], np.float32)) < 1e-2)


def test_empty_outputs_have_no_noise(tmp_path: Path) -> None:
    noise = measured(tmp_path, lambda x: x[5:] / 3.0, cases(4), [None])["y"]
    assert noise.envelope.peak == 0
    assert noise.jumps is None


def test_the_ratio_is_beyond_the_factor_just_where_the_allowance_is_exceeded(
    tmp_path: Path,
) -> None:
    """However little noise was measured: a rectifier alone has none at all."""
    noise = measured(tmp_path, tf.nn.relu, cases(2, 50), [None, 50])["y"]
    expected = np.maximum(draw(2, 50, seed=9), 0)
    allowed = noise.allowance(expected).astype(np.float32)
    assert 0.9 * DEFAULT_FACTOR < noise.ratio(expected, expected + 0.95 * allowed) < DEFAULT_FACTOR
    assert DEFAULT_FACTOR < noise.ratio(expected, expected + 1.1 * allowed) < 2 * DEFAULT_FACTOR
