"""The cases that mutants are shown, with the answers of the reference, computed once for all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tfjs_verify.cases import Case, CasePlan, CaseRejected, explore
from tfjs_verify.errors import ExecutionError, RuntimeFailure
from tfjs_verify.measurements.judging import Judge
from tfjs_verify.measurements.order import Unordered
from tfjs_verify.measurements.parity import Disagreement, measure_parity
from tfjs_verify.runtimes import Runtime, Timing
from tfjs_verify.tensors import Array


@dataclass(frozen=True)
class Detection:
    """What gave a mutant away, and after how many cases."""

    cases: int
    disagreement: Disagreement | None = None
    failure: RuntimeFailure | None = None


class Answers(Runtime):
    """Cases and what the reference says to them; a runtime that knows these cases alone."""

    def __init__(
        self,
        reference: Runtime,
        plan: CasePlan,
        *,
        examples: int,
        seed: int,
        order_free: Collection[Unordered] = (),
    ) -> None:
        """Ask `reference` about the plan's samples, then about `examples` generated cases.

        They are the cases that `measure_parity` shows with the same plan, number and seed. Those
        that the reference refuses are left out. `order_free` are outputs that are sets.
        """
        self.name = reference.name
        self.signature = reference.signature
        self.order_free = tuple(order_free)
        self.cases: list[Case] = []
        self._given: dict[int, Mapping[str, Array]] = {}

        def ask(case: Case) -> None:
            try:
                answer = reference.run(case.inputs)
            except ExecutionError as error:
                raise CaseRejected(error.message) from error
            self.cases.append(case)
            self._given[id(case.inputs)] = answer

        for case in plan.samples:
            with suppress(CaseRejected):
                ask(case)
        if examples:
            explore(plan, ask, examples=examples, seed=seed)

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """The answer to the inputs of one of `cases`; they are known by identity."""
        answer = self._given[id(inputs)]
        return {name: answer[name] for name in outputs or answer}

    def time(
        self,
        inputs: Mapping[str, Array],
        *,
        warmup: int = 3,
        repetitions: int = 50,
        budget_s: float = 2.0,
    ) -> Timing:
        """Memory takes no time worth a figure."""
        return Timing((0.0,))

    def close(self) -> None:
        """Forget everything."""
        self.cases.clear()
        self._given.clear()


def detects(answers: Answers, candidate: Runtime, judge: Judge) -> Detection | None:
    """The first case that tells `candidate` from the reference, as parity measures it.

    A failure of the candidate tells as well. None where no case does.
    """
    for number, case in enumerate(answers.cases, 1):
        parity = measure_parity(
            answers,
            candidate,
            examples=0,
            data=(case,),
            judge=judge,
            order_free=answers.order_free,
        )
        (result,) = parity.candidates
        if result.failure is not None:
            return Detection(number, failure=result.failure)
        gating = next((each for each in result.disagreements if each.gates), None)
        if gating is not None:
            return Detection(number, disagreement=gating)
    return None
