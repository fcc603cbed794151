"""From measurements to the words of the report."""

from __future__ import annotations

import math

from tfjs_verify.comparison import Errors
from tfjs_verify.measurements.parity import CandidateParity, OutputParity
from tfjs_verify.report import assembly
from tfjs_verify.report.json import plain

ALONE = {
    "findings": (),
    "contradicted": (),
    "latency": None,
    "minimal_case": None,
    "minimal_words": None,
}


def test_where_no_relative_tolerance_suffices_there_is_none():
    errors = Errors(max_abs=0.5, max_rel=0.25, required_rtol=math.inf)
    parity = CandidateParity("tfjs:cpu", 1, (OutputParity("y", "float32", errors),), ())
    (output,) = assembly.compared("cpu", parity, **ALONE).outputs
    assert output.required_tolerance == {"atol": 0.5, "rtol": math.inf}
    assert plain(output)["required_tolerance"] == {"atol": 0.5, "rtol": None}
    assert output.max_rel_error == 0.25
