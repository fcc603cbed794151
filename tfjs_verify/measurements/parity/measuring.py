"""One pass over the cases, and what to remember of it.

While the candidates answer one case side by side, the next one is drawn and the reference
answers it. A case on which the reference itself raises is rejected: it is counted, and shown to no
candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from tfjs_verify.cases import (
    Case,
    CasePlan,
    CaseRejected,
    Memory,
    PowerMeter,
    explore,
    plan_cases,
)
from tfjs_verify.errors import ExecutionError
from tfjs_verify.measurements.judging import Judge, fixed_judge
from tfjs_verify.measurements.order import Unordered
from tfjs_verify.measurements.parity.results import CandidateParity, Parity, Rejection
from tfjs_verify.measurements.parity.tally import Tally, ordinary
from tfjs_verify.measurements.readings import Scores
from tfjs_verify.runtimes import Runtime


def measure_parity(
    reference: Runtime,
    *candidates: Runtime,
    examples: int = 100,
    seed: int = 0,
    data: Sequence[Case] = (),
    memory: Memory | None = None,
    plan: CasePlan | None = None,
    judge: Judge | None = None,
    scores: Mapping[str, Scores] | None = None,
    order_free: Collection[Unordered] = (),
    special: int = 0,
    strict: bool = False,
    on_case: Callable[[int], None] | None = None,
) -> Parity:
    """Compare `candidates` with `reference` on `data`, then on `examples` generated cases.

    `memory` holds failures of earlier runs, which are tried first, and takes in those of this one.
    `plan` says what is generated; without one, what the signature and `data` suggest. `judge` says
    what may differ; without one, the table of defaults. `scores` names the outputs that somebody
    decides by, `order_free` those that are sets along their last axis. `special` more cases are
    made of special values, and gate where `strict`. `on_case` is told the number of cases done. A
    candidate that fails leaves the run; the others go on.
    """
    ruling = judge or fixed_judge(reference.signature.outputs)
    with ThreadPoolExecutor(max_workers=max(1, len(candidates))) as pool:
        tallies = [
            Tally(candidate, reference, ruling, strict, scores or {}, order_free)
            for candidate in candidates
        ]
        run = _Run(reference, tallies, pool, on_case)
        for case in data:
            with suppress(CaseRejected):
                run.visit(case)
        drawn_from = plan or plan_cases(reference.signature, samples=data)
        if examples or special:
            explore(
                drawn_from,
                run.visit,
                examples=examples,
                seed=seed,
                special=special,
                memory=memory,
            )
        run.finish()
    if memory is not None:
        _update(memory, drawn_from, [tally.result() for tally in tallies])
    return Parity(
        candidates=tuple(tally.result() for tally in run.tallies),
        rejected=tuple(run.rejected),
        power=run.power.result(),
    )


def _update(memory: Memory, plan: CasePlan, results: Sequence[CandidateParity]) -> None:
    """Keep the smallest failing case of every candidate, and drop what fails no longer."""
    failing = [case for each in results if (case := each.case_to_keep) is not None]
    recipes = {case.drawn.recipe for case in failing if case.drawn is not None}
    for case in memory.recall(plan):
        if case.drawn is not None and case.drawn.recipe not in recipes:
            memory.forget(case)
    for case in failing:
        memory.remember(case)


def disagrees(
    reference: Runtime,
    candidate: Runtime,
    case: Case,
    judge: Judge,
    *,
    order_free: Collection[Unordered] = (),
    strict: bool = False,
) -> bool:
    """Whether `candidate` disagrees on this one case; False where either refuses it."""
    tally = Tally(candidate, reference, judge, strict, {}, order_free)
    try:
        tally.answer(case, reference.run(case.inputs))
    except ExecutionError:
        return False
    result = tally.result()
    return any(disagreement.gates for disagreement in result.disagreements)


class _Run:
    """One pass over the cases with one case in flight."""

    def __init__(
        self,
        reference: Runtime,
        tallies: Sequence[Tally],
        pool: ThreadPoolExecutor,
        on_case: Callable[[int], None] | None,
    ) -> None:
        self.reference = reference
        self.tallies = tallies
        self.rejected: list[Rejection] = []
        self.power = PowerMeter(reference.signature.outputs)
        self._pool = pool
        self._in_flight: list[Future[None]] = []
        self._visited = 0
        self._on_case = on_case

    def visit(self, case: Case) -> None:
        try:
            expected = self.reference.run(case.inputs)
        except ExecutionError as error:
            self.rejected.append(Rejection(case, error.message))
            raise CaseRejected(error.message) from error
        self.finish()
        self._in_flight = [
            self._pool.submit(tally.answer, case, expected)
            for tally in self.tallies
            if tally.failure is None
        ]
        if ordinary(case):
            self.power.add(expected)
        self._visited += 1
        if self._on_case:
            self._on_case(self._visited)

    def finish(self) -> None:
        for future in self._in_flight:
            future.result()
        self._in_flight = []
