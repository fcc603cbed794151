"""No repair touches what TensorFlow.js has right; and every repair is in the tables."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

import tfjs_verify.conversion
from tests.conversion.repairs.near import NEAR_MISSES
from tests.conversion.repairs.needed import EXPANSIONS, PASSES
from tfjs_verify.conversion.reasons import Reason

CASES = {f"{number}-{case.name}": case for number, case in enumerate(NEAR_MISSES)}
TESTS = Path(__file__).parents[1]
ELSEWHERE = {
    "bfloat16-as-float32": ("test_narrowing.py", "test_brain_floats_are_computed_as_float32"),
    "composed-layers": ("layers/test_translation.py", "test_layers_keep_their_names_and_weights"),
    "control-flow": ("repairs/test_passes.py", "test_recurrent_layers_run_everywhere"),
    "float16-as-float32": ("test_narrowing.py", "test_computing_in_other_floats_is_told"),
    "float64-as-float32": ("test_narrowing.py", "test_computing_in_other_floats_is_told"),
    "lookup-shape": ("repairs/test_expansions.py", "test_what_is_found_in_a_table_has_the_shape"),
    "loop-list-items": ("repairs/test_passes.py", "test_what_a_loop_writes_to_a_list_is_still"),
    "quantization-exemption": ("test_narrowing.py", "test_what_survives_depends_on_the_dtype"),
    "random-uniform-int": ("repairs/test_expansions.py", "test_random_integers_lie_within"),
    "saturated-constants": ("test_narrowing.py", "test_a_limit_beyond_int32_stops_at_its_end"),
    "string-gather": ("repairs/test_expansions.py", "test_labels_are_gathered_by_their_numbers"),
    "string-comparison-guard": ("repairs/test_expansions.py", "test_strings_are_not_compared"),
    "switch-n": ("test_control_flow.py", "test_every_branch_is_taken_where_it_is_wanted"),
    "training-differs": ("layers/test_translation.py", "test_what_only_training_sees_is_said"),
}
"""What no table of graphs can hold: the tests of its own, which show its near misses too."""


@pytest.fixture(scope="module")
def converted(together):
    runs = {}
    for backend in ("cpu", "wasm", "node"):
        keys = [key for key, case in CASES.items() if case.backend == backend]
        for start in range(0, len(keys), 30):
            chosen = {key: CASES[key] for key in keys[start : start + 30]}
            group = {k: (c.function, c.arguments, c.free) for k, c in chosen.items()}
            runs |= together(backend, group).runs
    return runs


@pytest.mark.parametrize("key", CASES)
def test_what_is_right_already_is_not_touched(key, converted):
    run, case = converted[key], CASES[key]
    assert run.repairs == case.others
    assert case.operation in run.operations
    assert run.agrees


def test_every_repair_is_shown_to_be_needed_and_to_leave_its_neighbours_alone(monkeypatch):
    monkeypatch.setenv("TFDF_DISABLE_WELCOME_MESSAGE", "1")  # or the converter wants IPython
    known = set(_names())
    needed = {case.name for case in EXPANSIONS} | {case[0] for case in PASSES.values()}
    spared = {case.name for case in NEAR_MISSES}
    assert needed | ELSEWHERE.keys() == known
    assert spared | ELSEWHERE.keys() == known
    for file, test in ELSEWHERE.values():
        assert f"def {test}" in (TESTS / file).read_text(encoding="utf-8")


def _names():
    """The names of all the reasons that modules of the conversion hold."""
    package = tfjs_verify.conversion
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        for value in vars(importlib.import_module(info.name)).values():
            held = value.values() if isinstance(value, dict) else [value]
            yield from (each.name for each in held if isinstance(each, Reason))
