"""The exploration of a model: a fixed sequence of cases, each visited once.

Hypothesis draws the recipes of all cases before the first is visited, which takes about a
millisecond each. The visits then run outside of Hypothesis: what they raise comes through as it
is, several backends can fail in one go, and the next case is expanded while one is visited.
`shrinking` has Hypothesis draw the same sequence again, up to the recipe that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from tfjs_verify.cases.case import Case, CaseRejected, ValueClass, fingerprint
from tfjs_verify.cases.domain import Domain
from tfjs_verify.cases.plan import CasePlan, plan_cases
from tfjs_verify.cases.recipe import CaseRecipe, Drawn
from tfjs_verify.errors import CaseError
from tfjs_verify.tensors import Signature

if TYPE_CHECKING:
    from hypothesis import settings
    from hypothesis.strategies import SearchStrategy

    from tfjs_verify.cases.memory import Memory

_PATIENCE = 10
"""Rejections before a run in which nearly everything is rejected gives up."""

_ROUNDS = 4
_REASONS = 3
_COMPARED_BYTES = 2**16


@dataclass(frozen=True)
class Exploration:
    """What became of an exploration; `visited` leaves out what TensorFlow rejected."""

    visited: int
    rejected: int
    reasons: tuple[str, ...]
    """The first different reasons for rejections."""
    exhausted: bool
    """Whether fewer different cases were found, and not rejected, than asked for."""


def explore(
    signature: Signature | CasePlan,
    visit: Callable[[Case], object],
    *,
    examples: int,
    seed: int,
    domains: Mapping[str, Domain] | None = None,
    samples: Sequence[Case] = (),
    special: int = 0,
    memory: Memory | None = None,
) -> Exploration:
    """Visits `examples` cases, then `special` ones with special values; the same for the same seed.

    The special ones are shared out evenly among the classes that the inputs can hold.
    What `memory` recalls of earlier failures comes first, on top of the examples; what this
    exploration comes to by itself is not recalled, so that a second run is the same as the first.

    `visit` raises CaseRejected where TensorFlow refuses the case; another is then drawn in its
    place. Whatever else it raises ends the exploration. Raises CaseError where nearly every case
    is rejected, naming the domains that would help, and where a domain does not fit.
    """
    plan = (
        signature
        if isinstance(signature, CasePlan)
        else plan_cases(signature, domains=domains, samples=samples)
    )
    tally = _Tally(plan, visit)
    if memory is not None and (recalled := memory.recall(plan)):
        own = set(draw_recipes(plan, examples=examples, seed=seed))
        for case in recalled:
            if case.drawn is not None and case.drawn.recipe not in own:
                tally.visit(case)
    exhausted = _visit_drawn(plan, tally, examples, seed, "finite")
    if special:
        from tfjs_verify.cases.strategies import special_classes

        classes = special_classes(plan)
        for place, each in enumerate(classes):
            share = special // len(classes) + (place < special % len(classes))
            _visit_drawn(plan, tally, share, seed, each)
    return Exploration(tally.visited, tally.rejected, tuple(tally.reasons), exhausted)


def _visit_drawn(
    plan: CasePlan, tally: _Tally, wanted: int, seed: int, special: ValueClass
) -> bool:
    """Visits drawn cases until `wanted` were not rejected; whether there are not that many."""
    left = wanted
    for turn in range(_ROUNDS):
        before = left
        recipes = draw_recipes(plan, examples=wanted, seed=seed, turn=turn, special=special)
        places = (
            Drawn(plan, recipe, seed, turn, wanted, special, index=turn * wanted + index)
            for index, recipe in enumerate(recipes)
        )
        for case in _ahead(plan, places):
            if not left:
                return False
            if tally.is_new(case):
                left -= tally.visit(case)
        if not left or left == before:
            break
    return left > 0


class _Tally:
    """Counts what becomes of the cases."""

    def __init__(self, plan: CasePlan, visit: Callable[[Case], object]) -> None:
        self._plan = plan
        self._visit = visit
        self.visited = self.rejected = 0
        self.reasons: list[str] = []
        self._seen: set[bytes] = set()

    def is_new(self, case: Case) -> bool:
        """Whether no equal case came before; large ones are never equal, and not compared."""
        if sum(array.nbytes for array in case.inputs.values()) > _COMPARED_BYTES:
            return True
        mark = fingerprint(case.inputs)
        new = mark not in self._seen
        self._seen.add(mark)
        return new

    def visit(self, case: Case) -> bool:
        try:
            self._visit(case)
        except CaseRejected as error:
            self.rejected += 1
            if str(error) not in self.reasons and len(self.reasons) < _REASONS:
                self.reasons.append(str(error))
            if case.values == "finite":
                _despair(self._plan, self.visited, self.rejected, self.reasons)
            return False
        self.visited += 1
        return True


def draw_recipes(
    plan: CasePlan, *, examples: int, seed: int, turn: int = 0, special: ValueClass = "finite"
) -> tuple[CaseRecipe, ...]:
    """The recipes that a plan and seed determine; fewer than asked for where no more exist."""
    from hypothesis import Phase, find, reject
    from hypothesis.errors import NoSuchExample

    if not examples or not plan.signature.inputs:
        return (CaseRecipe((), ()),) if examples else ()
    drawn: dict[CaseRecipe, None] = {}

    def collect(recipe: CaseRecipe) -> bool:
        if recipe in drawn:
            reject()
        drawn[recipe] = None
        return False

    with suppress(NoSuchExample):
        find(
            strategy_of(plan, special),
            collect,
            settings=engine_settings(examples, (Phase.generate,)),
            random=randomness(seed, turn),
        )
    return tuple(drawn)


def strategy_of(plan: CasePlan, special: ValueClass) -> SearchStrategy[CaseRecipe]:
    """The strategy that the recipes of a plan are drawn from."""
    from tfjs_verify.cases.strategies import recipes, special_recipes

    return recipes(plan) if special == "finite" else special_recipes(plan, special)


def randomness(seed: int, turn: int) -> Random:
    """Where the draws of a sequence come from."""
    # Text is hashed by SHA-512, so that it is the same in every process.
    return Random(f"{seed}/{turn}")


def engine_settings(examples: int, phases: Iterable[object]) -> settings:
    """Hypothesis settings that no profile, environment or clock changes."""
    from hypothesis import Verbosity, settings

    return settings(
        max_examples=examples,
        phases=tuple(phases),  # type: ignore[arg-type]
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        backend="hypothesis",
    )


def _ahead(plan: CasePlan, places: Iterable[Drawn]) -> Iterator[Case]:
    """The cases, each expanded in a thread while the one before it is visited."""
    with ThreadPoolExecutor(1, thread_name_prefix="tfjs-verify-cases") as pool:
        pending = None
        for place in places:
            following = pool.submit(plan.case, place)
            if pending is not None:
                yield pending.result()
            pending = following
        if pending is not None:
            yield pending.result()


def _despair(plan: CasePlan, visited: int, rejected: int, reasons: Sequence[str]) -> None:
    if rejected < _PATIENCE or visited * 4 > rejected:
        return
    unsaid = [
        spec for spec in plan.signature.inputs if plan.domains[spec.name].source != "stated"
    ] or list(plan.signature.inputs)
    hints = " ".join(f'--input {spec.name}="{plan.domains[spec.name]}"' for spec in unsaid)
    raise CaseError(
        f"TensorFlow itself rejected {rejected} of {visited + rejected} generated cases, first "
        f"with: {reasons[0]} Say what the model accepts; what was drawn is {hints} "
        "(narrow it, or add a shape such as shape=1x8 for sizes)."
    )
