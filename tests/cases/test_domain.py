from __future__ import annotations

import numpy as np
import pytest

from tfjs_verify.cases import Domain, default_domain, explore, parse_domain, plan_cases
from tfjs_verify.errors import CaseError
from tfjs_verify.tensors import Array, Signature, TensorSpec


@pytest.mark.parametrize(
    "text",
    [
        "float -1..1",
        "float 0..255",
        "int 0..999",
        "normal 0 1",
        "bool",
        "string [abc]{0,20}",
        'values ["yes", "no"]',
        "values [0.5, 1, 2]",
        "one_hot",
        "probabilities",
        "mask",
        "lengths",
        "lengths tokens",
        "float -1..1 shape=?x224x1..8x3",
        "float 1e-30..1e+30",
    ],
)
def test_the_text_of_a_domain_is_read_back(text: str) -> None:
    domain = parse_domain(text)
    assert parse_domain(str(domain)) == domain
    if "e" not in text.split()[-1] or "shape" in text:
        assert str(domain) == text


def test_lists_may_follow_any_word() -> None:
    assert parse_domain('string ["a", "b"]').values == ("a", "b")
    assert parse_domain("int [1, 5]").values == (1, 5)
    assert parse_domain("string [0-9]{3}").pattern == "[0-9]{3}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flaot 0..1", 'Did you mean "float"'),
        ("float 0", r"float -1\.\.1"),
        ("float a..b", r"float -1\.\.1"),
        ("int 0.5..2", r"int 0\.\.999"),
        ("float 0..inf", "special-values"),
        ("float nan..1", "special-values"),
        ("normal 1", "normal 0 1"),
        ("bool 3", "bool"),
        ("values []", "empty"),
        ("values 3", "values"),
        ("string", "string"),
        ("string [abc", "not understood at"),
        ("string [b-a]", "is empty"),
        ("string a{3,2}", "allows nothing"),
        ("float 0..1 shape=2xfour", "shape"),
        ("", "forms are"),
    ],
)
def test_misspelt_domains(text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        parse_domain(text)


@pytest.mark.parametrize(
    ("dtype", "text", "message"),
    [
        ("int32", "float 0..1", "needs a float"),
        ("float32", "string [a]", "dtype string"),
        ("float32", "bool", "dtype bool"),
        ("float32", "float 1..-1", "empty"),
        ("int8", "int 0..999", "leaves the range of int8"),
        ("uint8", "int -1..5", "leaves the range"),
        ("float16", "float 0..1e6", "leaves the range of float16"),
        ("float32", "normal 0 0", "standard deviation"),
        ("int32", "values [1.5]", "1.5 is no int32"),
        ("int32", 'values ["a"]', "'a' is no int32"),
        ("int32", "probabilities", "float dtype"),
        ("float32", "float 0..1 shape=3", "has rank 1"),
        ("float32", "float 0..1 shape=?x5", "is always 4"),
        ("float32", "float 0..1 shape=0x4", "must be 1 or more"),
        ("float32", "lengths elsewhere", "unknown input"),
    ],
)
def test_domains_that_contradict_the_input(dtype: str, text: str, message: str) -> None:
    signature = Signature((TensorSpec("x", dtype, (None, 4)),), ())
    with pytest.raises(CaseError, match=message):
        plan_cases(signature, domains={"x": parse_domain(text)})


def test_an_unknown_input_and_an_unknown_rank() -> None:
    signature = Signature((TensorSpec("tokens", "int32", None),), ())
    with pytest.raises(CaseError, match='Did you mean "tokens"'):
        plan_cases(signature, domains={"token": Domain("int", 0, 3)})
    with pytest.raises(CaseError, match=r"--input tokens=.*shape=\?x10"):
        plan_cases(signature)
    plan = plan_cases(signature, domains={"tokens": parse_domain("int 0..3 shape=?x5")})
    shapes = {array.shape[1:] for array in drawn(plan, "tokens")}
    assert shapes == {(5,)}
    with pytest.raises(CaseError, match="resource"):
        default_domain(TensorSpec("r", "resource", ()))


def drawn(source: object, name: str, examples: int = 60, **options: object) -> list[Array]:
    arrays: list[Array] = []
    explore(
        source, lambda case: arrays.append(case.inputs[name]), examples=examples, seed=0, **options
    )
    return arrays


def every(dtype: str, text: str, *more: TensorSpec) -> list[Array]:
    signature = Signature((TensorSpec("x", dtype, (None, 6)), *more), ())
    return drawn(signature, "x", domains={"x": parse_domain(text)})


def test_numbers_stay_inside_and_reach_the_ends() -> None:
    for dtype, text, low, high in (
        ("float32", "float -1..1", -1, 1),
        ("float32", "float 0..255", 0, 255),
        ("float16", "float 0.1..0.7", 0.1, 0.7),
        ("bfloat16", "float -3..2", -3, 2),
        ("float64", "float 5..9", 5, 9),
        ("int32", "int 0..999", 0, 999),
        ("uint8", "int 0..255", 0, 255),
        ("int64", "int -5..-2", -5, -2),
        ("float32", "int 0..3", 0, 3),
        ("float32", "normal 10 2", 2, 18),
    ):
        values = np.concatenate([array.reshape(-1) for array in every(dtype, text)])
        assert values.dtype.name == dtype
        numbers = values.astype(np.float64)
        assert low <= numbers.min(), text
        assert numbers.max() <= high, text
        reach = np.ptp(numbers) / (high - low)
        assert reach > 0.95, text
        if "int" in text:
            assert np.all(numbers == np.round(numbers))


def test_structured_domains() -> None:
    for array in every("float32", "one_hot"):
        assert np.all(array.sum(axis=-1) == 1)
        assert set(np.unique(array)) <= {0, 1}
    for array in every("float32", "probabilities"):
        np.testing.assert_allclose(array.sum(axis=-1), 1, rtol=1e-5)
        assert array.min() >= 0
    masks = every("bool", "mask")
    assert all(array.any(axis=-1).all() for array in masks)
    assert not all(array.all() for array in masks)
    assert {value for array in every("int64", "values [3, 9]") for value in array.flat} == {3, 9}


def test_lengths_fit_the_sequence_that_they_measure() -> None:
    signature = Signature(
        (TensorSpec("n", "int32", (None,)), TensorSpec("tokens", "int32", (None, None))), ()
    )
    longest = []

    def visit(case: object) -> None:
        size = case.inputs["tokens"].shape[1]
        assert 1 <= case.inputs["n"].min() <= case.inputs["n"].max() <= size
        longest.append(case.inputs["n"].max() == size)

    explore(signature, visit, examples=60, seed=0, domains={"n": parse_domain("lengths")})
    assert any(longest)


def test_strings_match_their_pattern() -> None:
    import re

    arrays = every("string", "string id-[0-9]{1,4}x?")
    assert all(re.fullmatch(rb"id-[0-9]{1,4}x?", item) for array in arrays for item in array.flat)
    assert {item for array in every("string", 'string ["yes", "no"]') for item in array.flat} == {
        b"yes",
        b"no",
    }
