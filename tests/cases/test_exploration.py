from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfjs_verify.cases import (
    Case,
    CaseRejected,
    classify,
    describe,
    explore,
    load_cases,
    parse_domain,
    plan_cases,
    save_case,
    typical_case,
)
from tfjs_verify.cases.case import fingerprint
from tfjs_verify.errors import CaseError
from tfjs_verify.tensors import Signature, TensorSpec

IMAGE = TensorSpec("image", "float32", (None, 8, 8, 3))
TOKENS = TensorSpec("tokens", "int32", (None, None))
MASK = TensorSpec("mask", "float32", (None, None))
TEXT = TensorSpec("text", "string", (None,))
FLAG = TensorSpec("flag", "bool", ())
SPECTRUM = TensorSpec("spectrum", "complex64", (None, 4))
ALL = Signature((IMAGE, TOKENS, MASK, TEXT, FLAG, SPECTRUM), ())


def visited(source: object, **options: object) -> list[Case]:
    cases: list[Case] = []
    explore(source, cases.append, **{"examples": 40, "seed": 0} | options)
    return cases


def test_every_case_fits_the_signature_and_is_finite() -> None:
    cases = visited(ALL, examples=120)
    assert len(cases) == 120
    assert len({case.name for case in cases}) == 120
    for case in cases:
        assert list(case.inputs) == [spec.name for spec in ALL.inputs]
        for spec in ALL.inputs:
            assert spec.accepts_shape(case.inputs[spec.name].shape)
        assert case.values == classify(case.inputs) == "finite", case
    assert len({fingerprint(case.inputs) for case in cases}) == 120


def test_open_sizes_are_shared_and_vary() -> None:
    sizes = set()
    for case in visited(ALL, examples=80):
        batch = {case.inputs[name].shape[0] for name in ("image", "tokens", "mask", "text")}
        length = {case.inputs[name].shape[1] for name in ("tokens", "mask")}
        assert len(batch) == len(length) == 1
        sizes.add((*batch, *length))
    assert {1, 2, 3} <= {batch for batch, _ in sizes}
    assert len({length for _, length in sizes}) > 8


_FINGERPRINT = """
import hashlib, sys
{before}
from tests_signature import ALL
from tfjs_verify.cases import explore
digest = hashlib.sha256()
def visit(case):
    digest.update(str(case).encode())
    for array in case.inputs.values():
        text = array.dtype == object
        digest.update(repr(array.tolist()).encode() if text else array.tobytes())
explore(ALL, visit, examples=60, seed=5, special=10)
print(digest.hexdigest())
"""


def test_the_same_seed_gives_the_same_bytes_whatever_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "tests_signature.py").write_text(
        "from tfjs_verify.tensors import Signature, TensorSpec\n"
        f"ALL = Signature({ALL.inputs!r}, ())\n"
    )
    # Hypothesis draws constants from the source of modules such as this one.
    (tmp_path / "constants.py").write_text(f"NUMBERS = {list(range(3, 70))}\nWORD = 'nan'\n")
    prints = set()
    for number, before in enumerate(["", "import constants", "import constants, json.tool"]):
        done = subprocess.run(
            [sys.executable, "-c", _FINGERPRINT.format(before=before)],
            env={**os.environ, "PYTHONHASHSEED": str(number), "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2] if not number else tmp_path,
        )
        prints.add(done.stdout)
    assert len(prints) == 1


def test_seeds_differ() -> None:
    one, other = ([str(case) for case in visited(ALL, seed=seed)] for seed in (1, 2))
    assert one != other


def test_special_values_are_apart_and_tagged() -> None:
    cases = visited(ALL, examples=10, special=60)
    special = [case for case in cases if not case.name.startswith("example")]
    assert len(special) == 60
    assert {case.values for case in special} == {
        *("nan", "infinite", "signed_zero", "subnormal", "large", "tiny", "int_extreme")
    }
    for case in special:
        if case.values in {"nan", "infinite", "subnormal", "int_extreme"}:
            assert classify(case.inputs) == case.values
    bounded = Signature((TOKENS,), ())
    assert all(
        case.values == "finite"
        for case in visited(bounded, special=20, domains={"tokens": parse_domain("int 0..9")})
    )


def test_small_domains_run_out() -> None:
    signature = Signature((FLAG,), ())
    result = explore(signature, lambda case: None, examples=60, seed=0)
    assert result.visited == 2
    assert result.exhausted
    assert explore(Signature((), ()), lambda case: None, examples=5, seed=0).visited == 1


def test_rejected_cases_are_counted_and_replaced() -> None:
    def visit(case: Case) -> None:
        if case.inputs["tokens"].shape[1] % 2:
            raise CaseRejected("odd length")

    result = explore(Signature((TOKENS,), ()), visit, examples=50, seed=0)
    assert result.visited == 50
    assert result.rejected > 10
    assert result.reasons == ("odd length",)


def test_when_nearly_all_are_rejected_the_run_says_what_would_help() -> None:
    def visit(case: Case) -> None:
        raise CaseRejected("indices[0,0] = 7 is not in [0, 3).")

    with pytest.raises(
        CaseError, match=r'rejected 10 of 10 .*not in \[0, 3\).*--input tokens="int'
    ):
        explore(Signature((TOKENS,), ()), visit, examples=50, seed=0)


def test_what_a_visit_raises_comes_through_at_once() -> None:
    calls = []

    def visit(case: Case) -> None:
        calls.append(case)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        explore(ALL, visit, examples=50, seed=0)
    assert len(calls) == 1


def test_samples_set_the_range_and_are_varied(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    signature = Signature((IMAGE, TOKENS), ())
    for number in range(3):
        inputs = {
            "image": rng.uniform(20, 200, (2, 8, 8, 3)).astype(np.float32),
            "tokens": rng.integers(5, 60, (2, 4 + number), dtype=np.int32),
        }
        save_case(Case(str(number), inputs, "test"), tmp_path / f"{number}.npz")
    samples = load_cases([tmp_path], signature)
    plan = plan_cases(signature, samples=samples)
    assert plan.domains["image"].reason == "the range of the values in --data"
    assert typical_case(plan) is samples[0]
    varied = 0
    for case in visited(plan, examples=100):
        assert 20 <= case.inputs["image"].min() <= case.inputs["image"].max() <= 200
        assert 5 <= case.inputs["tokens"].min() <= case.inputs["tokens"].max() < 60
        assert case.inputs["image"].shape[0] == case.inputs["tokens"].shape[0]
        varied += case.drawn.recipe.sample is not None
    assert 10 < varied < 70


def test_descriptions_can_be_read() -> None:
    x = np.zeros((1, 5, 5, 1), np.float32)
    assert describe({"x": x}) == "batch 1, all zeros"
    x[0, 3, 4, 0] = 1
    assert describe({"x": x}) == "batch 1, all zeros but x[0, 3, 4, 0] = 1.0"
    assert describe({"x": np.full((2, 3), -1.0)}) == "batch 2, all -1.0"
    assert describe({"s": np.array([b"a"], object)}) == "batch 1, s[0] = b'a'"
    assert describe({"x": np.array(3)}) == "x = 3"
    assert describe({"a": np.zeros((1, 2)), "b": np.zeros((1, 3))}) == "batch 1, all zeros"
    assert (
        describe({"x": np.arange(12.0).reshape(1, 12)})
        == "batch 1, 11 of 12 elements set, from 0.0 to 11.0"
    )
    assert describe({"x": np.array([0.0, -0.0])}) == "batch 2, all zeros but x[1] = -0.0"
