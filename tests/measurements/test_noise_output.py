"""The noise of one output: from samples to allowances, without a model."""

from __future__ import annotations

import numpy as np

from tfjs_verify.measurements.noise import Envelope, OutputNoise
from tfjs_verify.measurements.noise.observing import output_noise

ULP = 2.0**-23
FINITE, NAN = 1, 2
"""Of `value_classes`."""


def test_an_envelope_is_flat_where_noise_is() -> None:
    sizes = np.geomspace(1e-6, 1, 1000)
    envelope = Envelope().with_samples(sizes, np.full(1000, 3e-7))
    np.testing.assert_array_equal(envelope.at(np.array([1, 1e-3, 1e-9, 0])), 3e-7)
    assert envelope.peak == 3e-7


def test_an_envelope_slopes_where_noise_does_and_never_falls() -> None:
    sizes = np.geomspace(1e-9, 1, 10_000)
    envelope = Envelope().with_samples(sizes, sizes * 1e-7)
    noise = envelope.at(sizes)
    assert np.all(noise >= sizes * 1e-7)
    assert np.all(noise <= sizes * 2.1e-7)
    assert np.all(np.diff(noise) >= 0)


def test_few_elements_do_not_speak_for_small_numbers() -> None:
    envelope = Envelope().with_samples(np.array([1e-6, 1.0]), np.array([0.0, 1e-7]))
    np.testing.assert_array_equal(envelope.at(np.array([1e-6, 1.0])), 1e-7)


def test_tensorflows_own_rounding_is_always_allowed() -> None:
    """An answer that is noise itself may be much smaller than the exact one."""
    exact = np.geomspace(1e-12, 1, 1000)
    answer = exact.astype(np.float32)
    exact[300], answer[300] = 1e-6, 1e-9
    noise = output_noise("y", "float32", exact, answer, [])
    allowed = np.maximum(noise.noise(answer), 4 * ULP * np.abs(answer))
    assert np.all(np.abs(answer - exact) <= allowed)


def test_an_element_that_jumps_may_be_of_any_class_that_another_is_of() -> None:
    answer = np.linspace(1, 2, 20, dtype=np.float32)
    exact, dithered = answer.astype(np.float64), answer.astype(np.float64)
    dithered[3], dithered[5] = np.nan, 1.5
    classes = output_noise("y", "float32", exact, answer, [dithered]).classes_of(answer)
    assert classes is not None
    assert {place: int(bits) for place, bits in enumerate(classes) if bits} == {
        3: FINITE | NAN,
        5: FINITE | NAN,
    }


def test_envelopes_join() -> None:
    one = Envelope().with_samples(np.ones(40), np.full(40, 1e-7))
    other = Envelope().with_samples(np.full(40, 0.25), np.full(40, 2e-7))
    joined = one.joined(other)
    assert sum(joined.counts) == 80
    assert joined.peak == 2e-7
    assert one.joined(Envelope()) == one


def test_an_output_of_zeros_allows_next_to_nothing() -> None:
    empty = OutputNoise("y", "float32", envelope=Envelope().with_samples(np.ones(9), np.ones(9)))
    assert np.all(empty.allowance(np.zeros((2, 3), np.float32)) < 1e-30)
    assert empty.allowance(np.zeros((0, 3), np.float32)).shape == (0, 3)
