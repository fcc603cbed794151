from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest

from tfjs_verify.comparison import compare, compare_outputs
from tfjs_verify.tensors import TensorSpec, value_classes
from tfjs_verify.tolerance import EXACT, Tolerance, default_tolerance, resolve_tolerance

DEFAULT = default_tolerance("float32")


def f32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_rounding_agrees_and_more_than_rounding_does_not():
    expected = f32(1.0, 0.5, 1e-3)
    assert compare("y", expected, expected * np.float32(1 + 2e-6), DEFAULT).agrees
    result = compare("y", expected, f32(1.0, 0.51, 1e-3), DEFAULT)
    assert not result.agrees
    assert result.worst is not None
    assert result.worst.index == (1,)
    assert (result.worst.expected, result.worst.actual) == (np.float32(0.5), np.float32(0.51))
    assert result.worst.error == pytest.approx(0.01, rel=1e-5)
    assert result.worst.allowed < 1e-4
    assert result.mismatched == 1


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        (None, "does not give"),
        (np.zeros((3, 1), np.float32), "expected shape \\[3\\], got \\[3, 1\\]"),
        (np.zeros(3, np.int32), "expected float32 .*, got int32"),
    ],
)
def test_missing_reshaped_and_retyped_outputs_disagree(actual, message):
    result = compare("y", f32(0, 0, 0), actual, Tolerance(atol=1e9))
    assert not result.agrees
    assert result.structure is not None
    assert re.search(message, result.structure)


def test_extra_outputs_disagree():
    spec = TensorSpec("y", "float32", (1,))
    found = compare_outputs((spec,), {"y": f32(1)}, {"y": f32(1), "z": f32(2)}, {"y": DEFAULT})
    assert [(item.name, item.agrees) for item in found] == [("y", True), ("z", False)]


def test_narrowed_dtypes_are_compared_by_value():
    assert compare("y", np.array([1, 2], np.int64), np.array([1, 2], np.int32), EXACT).agrees
    wrapped = compare("y", np.array([2**33 + 1], np.int64), np.array([1], np.int32), EXACT)
    assert [mismatch.domain for mismatch in wrapped.mismatches] == ["overflow"]


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (np.array([1, 2], np.int32), np.array([1, 3], np.int32)),
        (np.array([True]), np.array([False])),
        (np.array([b"a", b"b"], object), np.array([b"a", b"c"], object)),
    ],
)
def test_what_is_discrete_is_exact_whatever_was_allowed(expected, actual):
    tolerance = resolve_tolerance(
        "string" if expected.dtype == object else expected.dtype.name, atol=10.0, rtol=10.0
    )
    assert compare("y", expected, expected.copy(), tolerance).agrees
    result = compare("y", expected, actual, tolerance)
    assert not result.agrees
    assert result.mismatched == 1


VALUES = {
    "nan": np.nan,
    "+inf": np.inf,
    "-inf": -np.inf,
    "finite": 1.5,
    "zero": 0.0,
    "negative zero": -0.0,
    "subnormal": 1e-40,
}
SAME_NUMBER = [{"zero", "negative zero"}, {"zero", "subnormal"}, {"negative zero", "subnormal"}]


@pytest.mark.parametrize("expected", VALUES)
@pytest.mark.parametrize("actual", VALUES)
def test_every_pair_of_value_classes(expected, actual):
    result = compare("y", f32(VALUES[expected]), f32(VALUES[actual]), DEFAULT)
    assert result.agrees == (expected == actual or {expected, actual} in SAME_NUMBER)


@pytest.mark.parametrize("expected", VALUES)
@pytest.mark.parametrize("actual", VALUES)
def test_zeros_of_another_kind_are_told_apart(expected, actual):
    """What agrees as a number, and is of another class, is told in its own domain."""
    result = compare("y", f32(VALUES[expected]), f32(VALUES[actual]), DEFAULT)
    domains = [zeros.domain for zeros in result.zeros]
    if expected == actual or {expected, actual} not in SAME_NUMBER:
        assert domains == []
    else:
        assert domains == ["subnormal" if "subnormal" in (expected, actual) else "signed_zero"]


@pytest.mark.parametrize(
    ("expected", "actual", "domains"),
    [
        (np.array([-(2**31), 7], np.int32), np.array([2**31 - 1, 7], np.int32), ["overflow"]),
        (np.array([0, 7], np.int32), np.array([-(2**31), 8], np.int32), ["overflow", "finite"]),
        (np.array([44], np.uint8), np.array([300], np.int32), ["overflow"]),
        (np.array([2**40, 1], np.int64), np.array([0, 2], np.int32), ["overflow", "finite"]),
        (np.array([1], np.int64), np.array([2], np.int32), ["finite"]),
    ],
)
def test_integers_that_do_not_fit_are_a_domain_of_their_own(expected, actual, domains):
    result = compare("y", expected, actual, EXACT)
    assert [mismatch.domain for mismatch in result.mismatches] == domains
    assert not result.agrees


def test_a_tolerance_cannot_hide_nan_or_infinity():
    generous = Tolerance(atol=1e30, rtol=1e30)
    assert not compare("y", f32(1.0), f32(np.nan), generous).agrees
    assert not compare("y", f32(np.nan), f32(1.0), generous).agrees
    assert not compare("y", f32(np.inf), f32(1.0), generous).agrees
    assert not compare("y", f32(np.inf), f32(-np.inf), generous).agrees


@dataclass(frozen=True)
class Undecided(Tolerance):
    """Chance decides between 1.5 and what `may_be` is of."""

    may_be: float = 0.0

    def classes(self, expected):
        return value_classes(np.full(expected.shape, self.may_be)) | value_classes(f32(1.5))


@pytest.mark.parametrize("may_be", VALUES)
@pytest.mark.parametrize("expected", VALUES)
@pytest.mark.parametrize("actual", VALUES)
def test_chance_excuses_no_class_but_those_that_it_decides_between(may_be, expected, actual):
    result = compare(
        "y", f32(VALUES[expected]), f32(VALUES[actual]), Undecided(may_be=VALUES[may_be])
    )
    if np.isfinite([VALUES[expected], VALUES[actual]]).all():
        assert result.agrees == (expected == actual or VALUES[expected] == VALUES[actual])
    else:
        possible = actual == may_be or np.isfinite(VALUES[actual])
        assert result.agrees == (expected == actual or possible)
        assert bool(result.undecided) == (expected != actual and possible)


def test_the_worst_element_is_one_that_disagrees():
    unlimited = Tolerance(atol=np.inf)
    result = compare("y", f32(np.inf, 2.0), f32(np.inf, np.nan), unlimited)
    assert result.worst.index == (1,)


def test_errors_are_measured_over_finite_elements():
    errors = compare("y", f32(2.0, np.nan, 0.0), f32(2.5, np.nan, 0.25), DEFAULT).errors
    assert errors.max_abs == 0.5
    assert errors.max_rel == 0.25
    assert errors.scaled == 0.25
    assert errors.max_ulp > 1e6


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("expected", "actual", "rtol"),
    [((2.0, 0.0), (2.5, 0.0), 0.25), ((2.0, 0.0), (2.5, 1e-30), np.inf), ((0.0,), (0.0,), 0.0)],
)
def test_no_relative_tolerance_alone_allows_for_a_zero_that_is_none(expected, actual, rtol):
    result = compare("y", f32(*expected), f32(*actual), DEFAULT)
    assert result.errors.required_rtol == rtol
    assert result.errors.max_rel == (0.25 if 2.0 in expected else 0.0)
    if np.isfinite(rtol):
        assert compare("y", f32(*expected), f32(*actual), Tolerance(rtol=rtol)).agrees


@pytest.mark.filterwarnings("error")
def test_the_largest_number_has_errors_too():
    largest = np.finfo(np.float32).max
    assert compare("y", f32(largest), f32(largest), DEFAULT).errors.max_ulp == 0.0


def test_complex_outputs_are_compared_by_modulus():
    expected = np.array([3 + 4j], np.complex64)
    assert compare("y", expected, expected.copy(), default_tolerance("complex64")).agrees
    assert not compare("y", expected, expected + 0.1j, default_tolerance("complex64")).agrees


def test_empty_outputs_agree():
    empty = np.zeros((0, 4), np.float32)
    assert compare("y", empty, empty.copy(), DEFAULT).agrees


def test_the_users_tolerance_replaces_the_default_whole():
    assert resolve_tolerance("float32", atol=1e-3, rtol=None) == Tolerance(atol=1e-3)
    assert resolve_tolerance("float32", atol=None, rtol=None) == DEFAULT
    assert resolve_tolerance("int64", atol=1.0, rtol=1.0) == EXACT
