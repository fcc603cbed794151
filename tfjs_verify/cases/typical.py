"""Ordinary cases, for what needs one or a few: timing, and getting to know a model."""

from __future__ import annotations

from tfjs_verify.cases.case import Case
from tfjs_verify.cases.dimensions import BATCH
from tfjs_verify.cases.exploration import explore
from tfjs_verify.cases.plan import CasePlan
from tfjs_verify.cases.recipe import ArrayRecipe, CaseRecipe

_SEED = 1


def typical_case(plan: CasePlan) -> Case:
    """The user's first sample; else uniform values, a batch of one, middling other sizes."""
    if plan.samples:
        return plan.samples[0]
    sizes = tuple(
        (
            each.name,
            each.smallest if each.name == BATCH else sorted(each.sizes)[len(each.sizes) // 2],
        )
        for each in plan.dimensions.dimensions
    )
    recipe = CaseRecipe(
        sizes=sizes,
        arrays=tuple(
            (spec.name, ArrayRecipe(kind="uniform", seed=_SEED)) for spec in plan.signature.inputs
        ),
    )
    return Case("typical", plan.expand(recipe), origin=str(recipe))


def sample_cases(plan: CasePlan, *, count: int, seed: int) -> tuple[Case, ...]:
    """A handful of cases to get to know a model by: samples of the user's, then generated ones."""
    samples = plan.samples[: count // 2]
    drawn: list[Case] = []
    # Hypothesis begins with the simplest case there is, which tells least.
    explore(plan, drawn.append, examples=count - len(samples) + 1, seed=seed)
    return (*samples, *drawn[1:]) or tuple(drawn)
