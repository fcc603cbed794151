"""One candidate's answers, added up: what agrees, what disagrees, and whether that counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from tfjs_verify.cases import Case
from tfjs_verify.comparison import OutputComparison, compare_outputs
from tfjs_verify.errors import RuntimeFailure
from tfjs_verify.measurements.decisions import DecisionMeter
from tfjs_verify.measurements.judging import Judge
from tfjs_verify.measurements.order import Unordered, in_order_of
from tfjs_verify.measurements.parity.results import (
    Acquittal,
    CandidateParity,
    Disagreement,
    OtherZeros,
    OutputParity,
)
from tfjs_verify.measurements.readings import Scores
from tfjs_verify.runtimes import Runtime
from tfjs_verify.tensors import Array
from tfjs_verify.tolerance import EXACT

_HEARINGS = 24
"""Disagreements that a second hearing confirms before the rest goes without one."""
_CLOSE_HEARINGS = 4
"""Of these, the hearings that look closely: who was convicted so often is hardly right."""
_FAR = 16.0
"""An answer this many times the usual noise off is told, though its own case excuses it."""


class Tally:
    """Adds up what one candidate does."""

    def __init__(
        self,
        candidate: Runtime,
        reference: Runtime,
        judge: Judge,
        strict: bool,
        scores: Mapping[str, Scores],
        order_free: Collection[Unordered],
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
        self._zeros: dict[tuple[str, str], OtherZeros] = {}
        self._convicted = 0
        self.failure: RuntimeFailure | None = None
        self._failed_case: Case | None = None

    def answer(self, case: Case, expected: Mapping[str, Array]) -> None:
        """Let the candidate answer a case, to which the reference answered `expected`."""
        try:
            answered = self._candidate.run(case.inputs)
        except RuntimeFailure as failure:
            if self._candidate.alive and not self._counts(case):
                self._refuses(case, failure)
                return
            self.failure, self._failed_case = failure, case
            return
        actual = in_order_of(expected, answered, self._order_free)
        if _asked_for(case) and any(array.size for array in expected.values()):
            self._cases += 1  # a batch of nothing proves nothing
        if self._counts(case) and not _recalled(case):
            self._decisions.add(expected, actual)
        judge, compared = self._compare(case, expected, actual)
        for comparison in compared:
            name = comparison.name
            ratio = usual = None
            if name in expected and name in actual and self._counts(case):
                ratio = judge.ratio(name, expected[name], actual[name])
                usual = ratio
                if judge is not self._judge:
                    usual = self._judge.ratio(name, expected[name], actual[name])
            self._add(case, comparison, judge, ratio)
            self._tell_zeros(case, comparison)
            if comparison.agrees and usual is not None and usual > _FAR:
                self._acquit(case, comparison, usual)

    def _refuses(self, case: Case, failure: RuntimeFailure) -> None:
        """An answer that nobody counts on is none to go for: it is told, and the rest goes on."""
        first = self._specs[0]
        raised = OutputComparison(
            first.name, first.dtype, (), EXACT, structure=f"not computed: {failure.message}"
        )
        self._disagreements.append(Disagreement(case, raised, None, gates=False))

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
        return self._strict or ordinary(case)

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
        elif not comparison.agrees:
            after = replace(after, excused=before.excused + 1)
        self._outputs[comparison.name] = after

    def _acquit(self, case: Case, comparison: OutputComparison, usual: float) -> None:
        if _recalled(case):
            return
        before = self._outputs[comparison.name]
        own = Acquittal(case, usual, comparison.errors.scaled)
        further = before.furthest is None or own.scaled > before.furthest.scaled
        self._outputs[comparison.name] = replace(
            before,
            acquitted=before.acquitted + 1,
            furthest=own if further else before.furthest,
        )

    def _tell_zeros(self, case: Case, comparison: OutputComparison) -> None:
        if _recalled(case):
            return
        for zeros in comparison.zeros:
            key = comparison.name, zeros.domain
            before = self._zeros.get(key) or OtherZeros(comparison.name, zeros, case, 0)
            self._zeros[key] = replace(before, count=before.count + zeros.count)

    def result(self) -> CandidateParity:
        """What it did so far."""
        return CandidateParity(
            name=self._candidate.name,
            cases=self._cases,
            outputs=tuple(self._outputs.values()),
            disagreements=tuple(self._disagreements),
            decisions=self._decisions.result(),
            zeros=tuple(self._zeros.values()),
            failure=self.failure,
            failed_case=self._failed_case,
        )


def _excused(comparison: OutputComparison, judge: Judge) -> bool:
    if comparison.reshaped and judge.excuses_shape(comparison.name):
        return True
    comparable = comparison.structure is None or comparison.reshaped
    return comparable and judge.excuses(comparison.name)


def _asked_for(case: Case) -> bool:
    """Whether the case is one of the user's or of the examples, neither special nor recalled."""
    return case.drawn is None or (case.drawn.special == "finite" and not _recalled(case))


def _recalled(case: Case) -> bool:
    """Whether the case is one that failed in an earlier run."""
    return case.drawn is not None and case.drawn.examples == 0


def ordinary(case: Case) -> bool:
    """Whether the case is the user's own, or generated without special values."""
    return case.drawn is None or case.values == "finite"


def _larger(one: float | None, other: float | None) -> float | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _worse(before: Disagreement | None, after: Disagreement) -> Disagreement:
    if before is None or (before.mismatch and after.mismatch is None):
        return after
    if before.mismatch is None or after.mismatch is None:
        return before
    return after if after.mismatch.excess > before.mismatch.excess else before
