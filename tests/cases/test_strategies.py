from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

import tfjs_verify as tv
from tfjs_verify.cases.expansion import expand
from tfjs_verify.cases.fields import KINDS
from tfjs_verify.cases.recipe import ArrayRecipe
from tfjs_verify.errors import CaseError
from tfjs_verify.tensors import Signature, TensorSpec

SIGNATURE = Signature(
    (TensorSpec("image", "float32", (None, 6, 6, 1)), TensorSpec("id", "int32", (None,))), ()
)
PIXELS = tv.strategies.domain("float 0..1")


@settings(max_examples=30, deadline=None)
@given(
    case=tv.strategies.cases(SIGNATURE, domains={"image": PIXELS}),
    pair=st.tuples(tv.strategies.arrays(TensorSpec("x", "int64", (3,))), st.booleans()),
)
def test_they_compose_with_other_strategies(case: tv.Case, pair: tuple) -> None:
    assert 0 <= case.inputs["image"].min() <= case.inputs["image"].max() <= 1
    assert len(case.inputs["image"]) == len(case.inputs["id"])
    assert pair[0].shape == (3,)


@pytest.mark.parametrize("number", range(3))
def test_failures_shrink_in_a_plain_given_test(number: int) -> None:
    """To one image that is all alike, but for one pixel at most."""
    seen = []

    @seed(number)
    @settings(database=None, deadline=None, max_examples=200)
    @given(case=tv.strategies.cases(SIGNATURE, domains={"image": PIXELS}))
    def check(case: tv.Case) -> None:
        if case.inputs["image"].max() > 0.5:
            seen.append(case)
            raise AssertionError

    with pytest.raises(AssertionError):
        check()
    last = seen[-1].inputs
    assert len(last["image"]) == 1
    assert np.count_nonzero(last["image"] != np.median(last["image"])) <= 1
    assert not last["id"].any()


def test_a_wrong_domain_is_refused_before_anything_is_drawn() -> None:
    with pytest.raises(CaseError, match="Did you mean"):
        tv.strategies.cases(SIGNATURE, domains={"images": PIXELS})


def test_huge_tensors_draw_no_health_check() -> None:
    runs = []

    @settings(database=None, deadline=None, max_examples=12)
    @given(tv.strategies.arrays(TensorSpec("x", "float32", (8, 512, 512, 3))))
    def check(values: np.ndarray) -> None:
        runs.append(values.shape)

    with warnings.catch_warnings():
        warnings.simplefilter("error", HypothesisWarning)
        check()
    assert len(runs) == 12


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_kinds_are_dense_deterministic_and_writable(kind: object) -> None:
    shape = (1, 224, 224, 3)
    for text in ("float -1..1", "float 0..255", "normal 3 2"):
        domain = tv.strategies.domain(text)
        recipe = ArrayRecipe(kind.name, seed=9, detail=3, spots=((2**31, 1),))
        values = expand(recipe, domain, "float32", shape)
        assert values.tobytes() == expand(recipe, domain, "float32", shape).tobytes()
        assert values.flags.c_contiguous
        assert values.reshape(-1)[values.size // 2] == np.float32(domain.interval[1])
        if kind.continuous:
            assert np.unique(values).size >= 0.9 * values.size or domain.interval[0] > 0
    for other in ((), (1,), (5,), (2, 0, 3), (3, 1, 1, 1, 4)):
        if 0 not in other:
            assert expand(ArrayRecipe(kind.name, seed=1), domain, "float32", other).shape == other


def test_the_package_loads_neither_hypothesis_nor_tensorflow() -> None:
    code = (
        "import sys, tfjs_verify.cases;"
        "print([m for m in ('hypothesis', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
