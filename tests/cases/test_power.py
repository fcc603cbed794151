from __future__ import annotations

import numpy as np

from tfjs_verify.cases import PowerMeter
from tfjs_verify.tensors import Array, TensorSpec


def power(dtype: str, shape: tuple, *outputs: Array):
    meter = PowerMeter([TensorSpec("y", dtype, shape)])
    for output in outputs:
        meter.add({"y": output})
    (result,) = meter.result()
    return result


def test_a_stuck_softmax_is_powerless() -> None:
    stuck = np.full((2, 10), 0.1, np.float32)
    result = power("float32", (None, 10), stuck, stuck)
    assert result.powerless
    assert result.rows == 4
    assert "last bit" in result.reason
    nearly = power("float32", (None, 10), stuck, stuck * np.float32(1.0001))
    assert nearly.powerless
    assert nearly.moved == 1


def test_an_output_that_moves_has_power_even_in_one_element() -> None:
    one = np.zeros((1, 10), np.float32)
    one[0, 3] = 1
    result = power("float32", (None, 10), np.zeros((1, 10), np.float32), one)
    assert not result.powerless
    assert result.moved == 0.1


def test_rows_of_one_batch_count_but_not_elements_of_one_row() -> None:
    assert not power("float32", (None, 2), np.array([[1, 2], [3, 4]], np.float32)).powerless
    single = power("float32", (1, 2), np.array([[1, 2]], np.float32))
    assert single.powerless
    assert "once" in single.reason


def test_other_dtypes_and_shapes() -> None:
    assert not power("int64", (), np.array(1), np.array(2)).powerless
    assert power("string", (None,), np.array([b"a"], object), np.array([b"a"], object)).powerless
    assert not power("string", (None,), np.array([b"a", b"b"], object)).powerless
    assert not power("bool", (None,), np.array([True]), np.array([False])).powerless
    assert not power("complex64", (None,), np.array([1j]), np.array([2j])).powerless
    assert (
        power("float32", (None,), np.full(3, np.nan, np.float32)).reason == "It was never finite."
    )
    shapes = power("float32", (None, None), np.ones((1, 2), "f"), np.ones((1, 3), "f"))
    assert shapes.powerless
