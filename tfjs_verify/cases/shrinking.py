"""From a failing case to the smallest one that a person can read.

Hypothesis draws the exploration's sequence again, is told that the failing recipe is interesting,
and shrinks it: sizes, kinds, levels, spots. Then the tensors themselves are reduced (`reduction`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tfjs_verify.cases.case import Case, describe
from tfjs_verify.cases.exploration import engine_settings, randomness, strategy_of
from tfjs_verify.cases.plan import CasePlan
from tfjs_verify.cases.recipe import CaseRecipe
from tfjs_verify.cases.reduction import Reduction, weight
from tfjs_verify.tensors import Array

DEFAULT_TRIES = 500
DEFAULT_SECONDS = 60.0


@dataclass(frozen=True)
class Smallest:
    """The smallest failing case that was found, and what it took."""

    case: Case
    words: str
    """The case in words: "batch 1, all zeros but x[0, 3] = 1.0"."""
    tries: int
    complete: bool
    """False where the tries or the time ran out first."""


def find_smallest(
    case: Case,
    fails: Callable[[Case], bool],
    *,
    plan: CasePlan,
    tries: int = DEFAULT_TRIES,
    seconds: float = DEFAULT_SECONDS,
) -> Smallest:
    """The smallest case found for which `fails` is still true, `case` itself if there is no other.

    `fails` is called up to `tries` times, which is the same for every run, and for up to `seconds`,
    which guards against slow models. It must answer False, not raise, for a case that the model
    refuses.
    """
    budget = _Budget(fails, tries, time.monotonic() + seconds, case)
    best = _shrink_recipe(case, budget, allowance=tries // 2)
    reduction = Reduction(plan, budget.holds)
    complete = True
    try:
        reduction.run(best.inputs)
    except _Spent:
        complete = False
    inputs = reduction.best if reduction.best is not None else best.inputs
    smallest = replace(
        best,
        name=f"{case.name}-smallest",
        inputs=inputs,
        origin=f"shrunk from {case.name} ({case.origin})",
    )
    return Smallest(smallest, describe(inputs), budget.tries - budget.left, complete)


class _Spent(BaseException):
    """Leaves a search at once; a BaseException, which Hypothesis takes for no failing test."""


class _Budget:
    """Calls `fails` while there are tries and time left."""

    def __init__(
        self, fails: Callable[[Case], bool], tries: int, deadline: float, like: Case
    ) -> None:
        self.tries = self.left = tries
        self._fails = fails
        self._deadline = deadline
        self._like = like

    def holds(self, inputs: Mapping[str, Array]) -> bool:
        return self.check(replace(self._like, inputs=inputs, drawn=None, name="candidate"))

    def check(self, case: Case) -> bool:
        if self.left <= 0 or time.monotonic() > self._deadline:
            raise _Spent
        self.left -= 1
        return self._fails(case)


def _shrink_recipe(case: Case, budget: _Budget, *, allowance: int) -> Case:
    """The case of the simplest recipe that Hypothesis finds; `case` where it was not drawn."""
    drawn = case.drawn
    if drawn is None or not drawn.examples:
        return case
    from hypothesis import Phase, find, reject
    from hypothesis.errors import NoSuchExample

    plan, target = drawn.plan, drawn.recipe
    verdicts: dict[CaseRecipe, bool] = {}
    best = case
    reached = False
    floor = budget.left - allowance

    def interesting(recipe: CaseRecipe) -> bool:
        nonlocal best, reached
        if recipe in verdicts:
            if not reached:
                reject()  # as the exploration did, whose sequence this must repeat
            return verdicts[recipe]
        if not reached:
            reached = verdicts[recipe] = recipe == target
            return reached
        if budget.left <= floor:
            raise _Spent
        candidate = replace(case, inputs=plan.expand(recipe), drawn=replace(drawn, recipe=recipe))
        verdicts[recipe] = budget.check(candidate)
        if verdicts[recipe] and weight(candidate.inputs) <= weight(best.inputs):
            best = candidate
        return verdicts[recipe]

    try:
        find(
            strategy_of(plan, drawn.special),
            interesting,
            settings=engine_settings(drawn.examples, (Phase.generate, Phase.shrink)),
            random=randomness(drawn.seed, drawn.turn),
        )
    except (NoSuchExample, _Spent):
        # Not found again, or out of tries: the reduction goes on from the best so far.
        return best
    return best
