from __future__ import annotations

import numpy as np
import pytest

from tfjs_verify.measurements.decisions import DecisionMeter, upper_bound
from tfjs_verify.measurements.readings import Reading


@pytest.mark.parametrize(
    ("changed", "rows", "bound"),
    [(0, 100, 0.0295), (0, 1, 0.95), (1, 100, 0.0466), (3, 50, 0.1478), (5, 5, 1.0), (0, 0, 1.0)],
)
def test_the_bound_is_clopper_pearsons(changed, rows, bound):
    assert upper_bound(changed, rows) == pytest.approx(bound, abs=2e-4)


def test_changed_classes_are_counted_with_the_closest_margin():
    meter = DecisionMeter({"p": Reading("classes")})
    expected = np.array([[0.6, 0.4], [0.51, 0.49], [0.1, 0.9]], np.float32)
    actual = np.array([[0.6, 0.4], [0.49, 0.51], [0.9, 0.1]], np.float32)
    meter.add({"p": expected}, {"p": actual})
    (top,) = meter.result()
    assert (top.kind, top.rows, top.changed) == ("top-1", 3, 2)
    assert top.smallest_margin == pytest.approx(0.02, abs=1e-6)


def test_the_five_best_are_a_set():
    scores = np.linspace(1, 0, 8, dtype=np.float32)[None]
    swapped = scores[:, [1, 0, 2, 3, 4, 5, 6, 7]]
    meter = DecisionMeter({"p": Reading("classes")})
    meter.add({"p": scores}, {"p": swapped})
    assert {each.kind: each.changed for each in meter.result()} == {"top-1": 1, "top-5": 0}


def test_thresholds_and_values_that_are_no_numbers():
    meter = DecisionMeter({"p": Reading("probability"), "z": Reading("logit")})
    p = np.array([0.4, 0.6, np.nan], np.float32)
    z = np.array([-0.1, 2.0, 3.0], np.float32)
    meter.add({"p": p, "z": z}, {"p": p[[1, 1, 1]], "z": -z})
    first, second = meter.result()
    assert (first.rows, first.changed) == (2, 1)
    assert (second.rows, second.changed) == (3, 3)
    assert "3 of 3 changed" in str(second)


def test_a_threshold_that_was_named_is_the_one():
    meter = DecisionMeter({"p": Reading("probability", 0.3)})
    meter.add({"p": np.array([0.2, 0.6], np.float32)}, {"p": np.array([0.4, 0.4], np.float32)})
    (threshold,) = meter.result()
    assert (threshold.kind, threshold.changed) == ("threshold 0.3", 1)


def test_a_label_is_a_decision_whatever_it_is():
    meter = DecisionMeter({name: Reading("label") for name in ("n", "word", "real")})
    expected = {
        "n": np.array([[1, 2], [3, 4]], np.int64),
        "word": np.array([b"cat", b"dog"], object),
        "real": np.array([1.0, np.nan], np.float32),
    }
    actual = {
        "n": np.array([[1, 2], [0, 4]], np.int32),
        "word": np.array([b"cat", b"cat"], object),
        "real": np.array([1.0, np.nan], np.float32),
    }
    meter.add(expected, actual)
    numbers, words, real = meter.result()
    assert (numbers.kind, numbers.rows, numbers.changed) == ("label", 4, 1)
    assert (words.rows, words.changed) == (2, 1)
    assert str(real) == "label of real: 0 of 2 changed (at most 78 %)"


def test_what_cannot_be_compared_is_left_out():
    meter = DecisionMeter({"p": Reading("classes")})
    meter.add({"p": np.zeros((1, 3), np.float32)}, {})
    meter.add({"p": np.zeros((1, 3), np.float32)}, {"p": np.zeros((3,), np.float32)})
    assert meter.result() == ()
