"""Do the candidates compute what the reference computes? Every case, every output, every backend.

While the candidates answer one case side by side, the next one is drawn and the reference
answers it. A case on which the reference itself raises is rejected: it is counted, and shown to no
candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from tfjs_verify.cases import (
    Case,
    CasePlan,
    CaseRejected,
    Memory,
    OutputPower,
    PowerMeter,
    explore,
    plan_cases,
)
from tfjs_verify.comparison import Errors, Mismatch, OutputComparison, compare_outputs
from tfjs_verify.errors import ExecutionError, RuntimeFailure
from tfjs_verify.measurements.decisions import DecisionMeter, Decisions
from tfjs_verify.measurements.judging import Judge, fixed_judge
from tfjs_verify.measurements.readings import Scores
from tfjs_verify.runtimes import Runtime
from tfjs_verify.tensors import Array
from tfjs_verify.tolerance import EXACT

SpecialValues = Literal["report", "strict", "off"]
"""Whether cases of NaN, infinities, subnormals and signed zeros are run, and whether they gate."""


_HEARINGS = 24
"""Disagreements that a second hearing confirms before the rest goes without one."""
_CLOSE_HEARINGS = 4
"""Of these, the hearings that look closely: who was convicted so often is hardly right."""


@dataclass(frozen=True)
class Disagreement:
    """An output of a case that differs by more than is allowed, or that cannot be compared.

    One that does not gate is worth telling, and wrong for nobody: the case was made of special
    values, or rounding alone decides.
    """

    case: Case
    comparison: OutputComparison
    mismatch: Mismatch | None
    gates: bool
    heard: bool = True
    """Whether it was judged by the noise of its own case as well."""


@dataclass(frozen=True)
class OutputParity:
    """One output over all cases: the worst of every error, and the worst disagreement."""

    name: str
    dtype: str
    errors: Errors = field(default_factory=Errors)
    noise_ratio: float | None = None
    mismatched: int = 0
    worst: Disagreement | None = None


@dataclass(frozen=True)
class CandidateParity:
    """What one candidate did on all cases. `failure` is set where it could not go on.

    `cases` leaves out those of special values and those recalled from an earlier run.
    """

    name: str
    cases: int
    outputs: tuple[OutputParity, ...]
    disagreements: tuple[Disagreement, ...]
    decisions: tuple[Decisions, ...] = ()
    failure: RuntimeFailure | None = None
    failed_case: Case | None = None

    @property
    def case_to_keep(self) -> Case | None:
        """The case that it died on, else the smallest on which it disagrees where that counts."""
        if self.failed_case is not None:
            return self.failed_case
        failing = [each for each in self.disagreements if each.gates]
        smallest = min(
            failing, key=lambda each: (not each.heard, _elements(each.case)), default=None
        )
        return None if smallest is None else smallest.case

    @property
    def agrees(self) -> bool:
        """Whether it answered at least one case and never disagreed where that counts."""
        gating = any(disagreement.gates for disagreement in self.disagreements)
        return self.failure is None and self.cases > 0 and not gating


@dataclass(frozen=True)
class Rejection:
    """A case on which the reference itself raised."""

    case: Case
    message: str


@dataclass(frozen=True)
class Parity:
    """What all candidates did, and how far the cases moved the reference."""

    candidates: tuple[CandidateParity, ...]
    rejected: tuple[Rejection, ...]
    power: tuple[OutputPower, ...]


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
    order_free: Collection[str] = (),
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
            _Tally(candidate, reference, ruling, strict, scores or {}, order_free)
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
    order_free: Collection[str] = (),
    strict: bool = False,
) -> bool:
    """Whether `candidate` disagrees on this one case; False where either refuses it."""
    tally = _Tally(candidate, reference, judge, strict, {}, order_free)
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
        tallies: Sequence[_Tally],
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
        if _ordinary(case):
            self.power.add(expected)
        self._visited += 1
        if self._on_case:
            self._on_case(self._visited)

    def finish(self) -> None:
        for future in self._in_flight:
            future.result()
        self._in_flight = []


class _Tally:
    """Adds up what one candidate does."""

    def __init__(
        self,
        candidate: Runtime,
        reference: Runtime,
        judge: Judge,
        strict: bool,
        scores: Mapping[str, Scores],
        order_free: Collection[str],
    ) -> None:
        self._candidate = candidate
        self._order_free = order_free
        self._decisions = DecisionMeter(scores)
        self._specs = reference.signature.outputs
        self._judge = judge
        self._strict = strict
        self._cases = 0
        self._outputs = {spec.name: OutputParity(spec.name, spec.dtype) for spec in self._specs}
        self._disagreements: list[Disagreement] = []
        self._convicted = 0
        self.failure: RuntimeFailure | None = None
        self._failed_case: Case | None = None

    def answer(self, case: Case, expected: Mapping[str, Array]) -> None:
        try:
            answered = self._candidate.run(case.inputs)
        except RuntimeFailure as failure:
            if self._candidate.alive and not self._counts(case):
                self._refuses(case, failure)
                return
            self.failure, self._failed_case = failure, case
            return
        expected, actual = self._in_order(expected), self._in_order(answered)
        if _asked_for(case):
            self._cases += 1
        if self._counts(case) and not _recalled(case):
            self._decisions.add(expected, actual)
        judge, compared = self._compare(case, expected, actual)
        for comparison in compared:
            name = comparison.name
            ratio = None
            if name in expected and name in actual and self._counts(case):
                ratio = judge.ratio(name, expected[name], actual[name])
            self._add(case, comparison, judge, ratio)

    def _refuses(self, case: Case, failure: RuntimeFailure) -> None:
        """An answer that nobody counts on is none to go for: it is told, and the rest goes on."""
        first = self._specs[0]
        raised = OutputComparison(
            first.name, first.dtype, (), EXACT, structure=f"not computed: {failure.message}"
        )
        self._disagreements.append(Disagreement(case, raised, None, gates=False))

    def _in_order(self, outputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """The outputs, those that are sets sorted along their last axis."""
        return {
            name: np.sort(array, axis=-1) if name in self._order_free and array.ndim else array
            for name, array in outputs.items()
        }

    def _compare(
        self, case: Case, expected: Mapping[str, Array], actual: Mapping[str, Array]
    ) -> tuple[Judge, tuple[OutputComparison, ...]]:
        """Compared by the usual noise; what disagrees, by the noise of this very case as well."""
        compared = compare_outputs(self._specs, expected, actual, self._judge.allowances)
        if all(each.agrees or (each.structure and not each.reshaped) for each in compared):
            return self._judge, compared
        if self._convicted >= _HEARINGS:
            return self._judge, compared
        closely = self._convicted < _CLOSE_HEARINGS
        again = self._judge.hear_again(case, closely=closely)
        if again is None:
            return self._judge, compared
        compared = compare_outputs(self._specs, expected, actual, again.allowances)
        self._convicted += not all(comparison.agrees for comparison in compared)
        return again, compared

    def _counts(self, case: Case) -> bool:
        return self._strict or _ordinary(case)

    def _add(
        self, case: Case, comparison: OutputComparison, judge: Judge, ratio: float | None
    ) -> None:
        if not comparison.agrees or comparison.undecided:
            gates = not comparison.agrees and self._counts(case) and not _excused(comparison, judge)
            self._disagreements.append(
                Disagreement(
                    case, comparison, comparison.worst, gates=gates, heard=judge is not self._judge
                )
            )
        if not self._counts(case) or (_recalled(case) and comparison.agrees):
            return  # what a run recalls must not change the figures of one that is in order
        before = self._outputs.get(comparison.name, OutputParity(comparison.name, comparison.dtype))
        after = replace(
            before,
            errors=before.errors.worst(comparison.errors),
            noise_ratio=_larger(before.noise_ratio, ratio),
            mismatched=before.mismatched + comparison.mismatched,
        )
        if not comparison.agrees and self._disagreements[-1].gates:
            after = replace(after, worst=_worse(before.worst, self._disagreements[-1]))
        self._outputs[comparison.name] = after

    def result(self) -> CandidateParity:
        return CandidateParity(
            name=self._candidate.name,
            cases=self._cases,
            outputs=tuple(self._outputs.values()),
            disagreements=tuple(self._disagreements),
            decisions=self._decisions.result(),
            failure=self.failure,
            failed_case=self._failed_case,
        )


def _excused(comparison: OutputComparison, judge: Judge) -> bool:
    if comparison.structure is not None:
        return comparison.reshaped and judge.excuses_shape(comparison.name)
    return judge.excuses(comparison.name)


def _asked_for(case: Case) -> bool:
    """Whether the case is one of the user's or of the examples, neither special nor recalled."""
    return case.drawn is None or (case.drawn.special == "finite" and not _recalled(case))


def _recalled(case: Case) -> bool:
    """Whether the case is one that failed in an earlier run."""
    return case.drawn is not None and case.drawn.examples == 0


def _ordinary(case: Case) -> bool:
    """Whether the case is the user's own, or generated without special values."""
    return case.drawn is None or case.values == "finite"


def _elements(case: Case) -> int:
    return sum(array.size for array in case.inputs.values())


def _larger(one: float | None, other: float | None) -> float | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _worse(before: Disagreement | None, after: Disagreement) -> Disagreement:
    if before is None or (before.mismatch and after.mismatch is None):
        return after
    if before.mismatch is None or after.mismatch is None:
        return before
    return after if after.mismatch.excess > before.mismatch.excess else before
