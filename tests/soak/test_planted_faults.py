"""Each fault is found within 200 examples for at least 9 of 10 seeds, and shrunk to its core."""

from __future__ import annotations

import numpy as np
import pytest

import tfjs_verify as tv
from tests.soak.planted import faults, save
from tfjs_verify.cases import Case, find_smallest
from tfjs_verify.measurements.parity import disagrees, measure_parity
from tfjs_verify.runtimes import TFJS
from tfjs_verify.verification.knowledge import get_to_know
from tfjs_verify.verification.request import Request

pytestmark = pytest.mark.slow

SEEDS = range(10)
EXAMPLES = 200


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_planted_fault_is_found_and_shrunk(fault, nodes, worker, tmp_path, capsys):
    with tv.open_model(save(fault, tmp_path, planted=True)) as model:
        artifact = tv.convert(model, tmp_path / "artifact", worker=worker)
    found, first, smallest, tries = 0, [], [], []
    with (
        tv.open_model(save(fault, tmp_path, planted=False)) as model,
        tv.TensorFlow(model) as reference,
        TFJS(artifact, session=nodes.start("cpu")) as candidate,
        get_to_know(Request(model=model), model, reference, ()) as knowledge,
    ):
        judge = knowledge.judge

        def fails(case: Case) -> bool:
            return disagrees(reference, candidate, case, judge)

        for seed in SEEDS:
            parity = measure_parity(
                reference, candidate, examples=EXAMPLES, seed=seed, plan=knowledge.plan, judge=judge
            )
            (result,) = parity.candidates
            if result.agrees:
                continue
            found += 1
            first.append(int(result.disagreements[0].case.name.rpartition("-")[2]))
            shrunk = find_smallest(result.case_to_keep, fails, plan=knowledge.plan)
            array = shrunk.case.inputs["x"]
            smallest.append((array.shape[0], int(np.count_nonzero(array))))
            tries.append(shrunk.tries)
    with capsys.disabled():
        print(
            f"\n{fault.name:40} found {found}/10, first at {np.median(first):.0f}, smallest "
            f"(batch, non-zero) {sorted(set(smallest))}, {np.median(tries):.0f} tries"
        )
    assert found >= 9
    assert all(batch == fault.batch for batch, _ in smallest)
    assert all(nonzero <= fault.nonzero for _, nonzero in smallest)
