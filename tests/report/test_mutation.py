from __future__ import annotations

from tfjs_verify.measurements.mutation import Mutant, MutationScore
from tfjs_verify.report import assembly
from tfjs_verify.report.mutation import line


def said(*fates, reason=""):
    mutants = tuple(
        Mutant("stride", f"node {place}", fate, "why", 3) for place, fate in enumerate(fates)
    )
    return line(assembly.mutation(MutationScore("wasm", 0, 3, mutants, reason)))


def test_one_line_has_score_count_and_survivors():
    assert said("killed", "stillborn", "equivalent", "survived") == (
        "mutation score 66.7% on wasm: 2 of 3 faults noticed, 1 more was equivalent; "
        "survived: stride, node 3"
    )
    assert said("killed") == "mutation score 100.0% on wasm: 1 of 1 faults noticed"


def test_many_survivors_are_named_in_part():
    words = said(*["survived"] * 5, "equivalent", "equivalent")
    assert "0 of 5 faults noticed, 2 more were equivalent" in words
    assert words.endswith("stride, node 0; stride, node 1; stride, node 2; and 2 more")


def test_no_score_has_its_reason():
    assert said(reason="no backend is in parity") == "no mutation score: no backend is in parity"
    assert said("equivalent") == "no mutation score: no mutation of it is a fault"
