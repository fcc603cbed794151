"""Do the candidates compute what the reference computes? Every case, every output, every backend.

While the candidates answer one case side by side, the next one is drawn and the reference
answers it. A case on which the reference itself raises is rejected: it is counted, and shown to no
candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tfjs_verify.cases import Case, CasePlan, CaseRejected, explore, plan_cases
from tfjs_verify.comparison import Errors, Mismatch, OutputComparison, compare_outputs
from tfjs_verify.errors import ExecutionError, RuntimeFailure
from tfjs_verify.runtimes import Runtime
from tfjs_verify.tensors import Array
from tfjs_verify.tolerance import Tolerance, default_tolerance


@dataclass(frozen=True)
class OutputParity:
    """One output over all cases: the worst of every error, and the worst disagreement."""

    name: str
    dtype: str
    errors: Errors = field(default_factory=Errors)
    mismatched: int = 0
    worst: Disagreement | None = None


@dataclass(frozen=True)
class Disagreement:
    """An output of a case that differs by more than is allowed, or that cannot be compared."""

    case: Case
    comparison: OutputComparison
    mismatch: Mismatch | None


@dataclass(frozen=True)
class CandidateParity:
    """What one candidate did on all cases. `failure` is set where it could not go on."""

    name: str
    cases: int
    outputs: tuple[OutputParity, ...]
    disagreements: tuple[Disagreement, ...]
    failure: RuntimeFailure | None = None
    failed_case: Case | None = None

    @property
    def agrees(self) -> bool:
        """Whether it answered at least one case and never disagreed."""
        return self.failure is None and self.cases > 0 and not self.disagreements


@dataclass(frozen=True)
class Rejection:
    """A case on which the reference itself raised."""

    case: Case
    message: str


@dataclass(frozen=True)
class Parity:
    """What all candidates did."""

    candidates: tuple[CandidateParity, ...]
    rejected: tuple[Rejection, ...]


def measure_parity(
    reference: Runtime,
    *candidates: Runtime,
    examples: int = 100,
    seed: int = 0,
    data: Sequence[Case] = (),
    plan: CasePlan | None = None,
    tolerances: Mapping[str, Tolerance] | None = None,
    on_case: Callable[[int], None] | None = None,
) -> Parity:
    """Compare `candidates` with `reference` on `data`, then on `examples` generated cases.

    `plan` says what is generated; without one, what the signature and `data` suggest. `tolerances`
    is keyed by output name; outputs without one take the default of their dtype.
    `on_case` is told the number of cases done. A candidate that fails leaves the run; the others
    go on.
    """
    allowed = {
        spec.name: (tolerances or {}).get(spec.name) or default_tolerance(spec.dtype)
        for spec in reference.signature.outputs
    }
    with ThreadPoolExecutor(max_workers=max(1, len(candidates))) as pool:
        run = _Run(reference, candidates, allowed, pool, on_case)
        for case in data:
            with suppress(CaseRejected):
                run.visit(case)
        if examples:
            drawn_from = plan or plan_cases(reference.signature, samples=data)
            explore(drawn_from, run.visit, examples=examples, seed=seed)
        run.finish()
    return Parity(
        candidates=tuple(tally.result() for tally in run.tallies), rejected=tuple(run.rejected)
    )


class _Run:
    """One pass over the cases with one case in flight."""

    def __init__(
        self,
        reference: Runtime,
        candidates: Sequence[Runtime],
        tolerances: Mapping[str, Tolerance],
        pool: ThreadPoolExecutor,
        on_case: Callable[[int], None] | None,
    ) -> None:
        self.reference = reference
        self.tallies = [_Tally(candidate, reference, tolerances) for candidate in candidates]
        self.rejected: list[Rejection] = []
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
        self, candidate: Runtime, reference: Runtime, tolerances: Mapping[str, Tolerance]
    ) -> None:
        self._candidate = candidate
        self._specs = reference.signature.outputs
        self._tolerances = tolerances
        self._cases = 0
        self._outputs = {spec.name: OutputParity(spec.name, spec.dtype) for spec in self._specs}
        self._disagreements: list[Disagreement] = []
        self.failure: RuntimeFailure | None = None
        self._failed_case: Case | None = None

    def answer(self, case: Case, expected: Mapping[str, Array]) -> None:
        try:
            actual = self._candidate.run(case.inputs)
        except RuntimeFailure as failure:
            self.failure, self._failed_case = failure, case
            return
        self._cases += 1
        for comparison in compare_outputs(self._specs, expected, actual, self._tolerances):
            self._add(case, comparison)

    def _add(self, case: Case, comparison: OutputComparison) -> None:
        before = self._outputs.get(comparison.name, OutputParity(comparison.name, comparison.dtype))
        after = replace(
            before,
            errors=before.errors.worst(comparison.errors),
            mismatched=before.mismatched + comparison.mismatched,
        )
        if not comparison.agrees:
            disagreement = Disagreement(case, comparison, comparison.worst)
            self._disagreements.append(disagreement)
            after = replace(after, worst=_worse(before.worst, disagreement))
        self._outputs[comparison.name] = after

    def result(self) -> CandidateParity:
        return CandidateParity(
            name=self._candidate.name,
            cases=self._cases,
            outputs=tuple(self._outputs.values()),
            disagreements=tuple(self._disagreements),
            failure=self.failure,
            failed_case=self._failed_case,
        )


def _worse(before: Disagreement | None, after: Disagreement) -> Disagreement:
    if before is None or (before.mismatch and after.mismatch is None):
        return after
    if before.mismatch is None or after.mismatch is None:
        return before
    return after if after.mismatch.excess > before.mismatch.excess else before
