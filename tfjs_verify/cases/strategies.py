"""Hypothesis strategies for tensors and whole cases: recipes are drawn, NumPy expands them.

They compose with every other strategy and work in a plain `@given` test:

    @given(case=cases(signature, domains={"image": parse_domain("float 0..1")}))
    def test_model(case): ...

Hypothesis mixes constants that it finds in the source of imported modules into what it draws, and
orders some of its mutations by the hash of `sampled_from`'s elements. Either would make cases
depend on what else is loaded, or on PYTHONHASHSEED, so every draw here is one of `_index`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from hypothesis import strategies as st

from tfjs_verify.cases.case import Case, ValueClass, is_float, is_integer
from tfjs_verify.cases.dimensions import BATCH, DimensionPlan
from tfjs_verify.cases.domain import Domain
from tfjs_verify.cases.expansion import special_values
from tfjs_verify.cases.fields import DETAILS, KINDS
from tfjs_verify.cases.plan import CasePlan, plan_cases
from tfjs_verify.cases.recipe import (
    BANDS,
    LEVELS,
    MUTATIONS,
    POSITIONS,
    SCALES,
    ArrayRecipe,
    CaseRecipe,
    Drawn,
)
from tfjs_verify.tensors import Array, Signature, TensorSpec

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[Any]], Any]

_FAR = 2**90 + 0x5DEECE66D
"""Where indices are drawn: no source code holds integers here, so none is ever mixed in."""

_SEEDS = 2**31

SPECIALS: tuple[ValueClass, ...] = (
    *("nan", "infinite", "signed_zero", "subnormal", "large", "tiny", "int_extreme"),
)

# What is listed first is what a failure shrinks to; what is listed often is drawn often.
_KINDS = ("constant", "constant", *KINDS, "uniform", "uniform", "normal", "smooth", "patched")
_SMALL_KINDS = ("constant", *_KINDS)
_BANDS = ("whole",) * 5 + BANDS[1:]
_SCALES = (1.0,) * 8 + SCALES[1:]
_MOODS = (None,) * 6 + ("below zero", "above zero", "high end", "near zero")
"""A band for all inputs of a case at once, for what shows only when they go together."""

_SPOTS = (0, 0, 0, 0, 1, 1, 2, 3)
_LEVELS = (0, 1, 2, 3) * 4 + tuple(range(4, LEVELS))
_SAMPLED = 3
"""Where there are samples, one case in so many is made from them."""


@lru_cache(maxsize=256)
def _far(count: int) -> st.SearchStrategy[int]:
    # Cached, because Hypothesis validates a strategy anew wherever it is made anew.
    return st.integers(_FAR, _FAR + count - 1)


def _index(draw: Draw, count: int) -> int:
    """An integer in 0..count - 1, uniform, that shrinks toward 0."""
    value: int = draw(_far(count))
    return value - _FAR


def _pick(draw: Draw, options: Sequence[T]) -> T:
    return options[_index(draw, len(options))]


def _spots(draw: Draw) -> tuple[tuple[int, int], ...]:
    count = _pick(draw, _SPOTS)
    return tuple((_index(draw, POSITIONS), _pick(draw, _LEVELS)) for _ in range(count))


def _array(draw: Draw, spec: TensorSpec, domain: Domain, mood: str | None) -> ArrayRecipe:
    scaled = domain.source == "dtype" and domain.kind == "float" and spec.dtype != "float16"
    few = (spec.shape or (None,)) in ((), (1,), (None,))
    kind = _pick(draw, _SMALL_KINDS if few else _KINDS)
    # Strings come from a pool that the seed fills, whatever the kind.
    random = domain.kind == "string" or (kind in KINDS and KINDS[kind].random)
    detailed = kind in KINDS and (KINDS[kind].detailed or domain.kind == "probabilities")
    return ArrayRecipe(
        kind=kind,
        level=_pick(draw, _LEVELS) if kind == "constant" else 0,
        detail=_index(draw, DETAILS) if detailed else 0,
        band=mood or (_pick(draw, _BANDS) if kind != "constant" else "whole"),
        scale=_pick(draw, _SCALES) if scaled else 1.0,
        spots=_spots(draw),
        seed=_index(draw, _SEEDS) if random else 0,
    )


def _sizes(draw: Draw, dimensions: DimensionPlan) -> tuple[tuple[str, int], ...]:
    return tuple(
        (dimension.name, _pick(draw, sorted(dimension.sizes)))
        for dimension in dimensions.dimensions
    )


@st.composite
def recipes(draw: Draw, plan: CasePlan) -> CaseRecipe:
    """Recipes of a plan whose values all stay inside its domains."""
    if plan.samples and _index(draw, _SAMPLED) == _SAMPLED - 1:
        return _from_sample(draw, plan)
    mood = _pick(draw, _MOODS) if len(plan.signature.inputs) > 1 else None
    return CaseRecipe(
        sizes=_sizes(draw, plan.dimensions),
        arrays=tuple(
            (spec.name, _array(draw, spec, plan.domains[spec.name], mood))
            for spec in plan.signature.inputs
        ),
    )


def _from_sample(draw: Draw, plan: CasePlan) -> CaseRecipe:
    sizes = tuple(
        (dimension.name, _pick(draw, sorted(dimension.sizes)))
        for dimension in plan.dimensions.dimensions
        if dimension.name == BATCH
    )
    return CaseRecipe(
        sizes=sizes,
        arrays=tuple(
            (
                spec.name,
                ArrayRecipe(
                    "sample", detail=_index(draw, len(MUTATIONS)), seed=_index(draw, _SEEDS)
                ),
            )
            for spec in plan.signature.inputs
        ),
        sample=_index(draw, len(plan.samples)),
    )


def special_classes(plan: CasePlan) -> tuple[ValueClass, ...]:
    """The classes of special values that at least one input of the plan can hold."""
    return tuple(
        special
        for special in SPECIALS
        if any(_holds(spec, plan.domains[spec.name], special) for spec in plan.signature.inputs)
    )


def _holds(spec: TensorSpec, domain: Domain, special: ValueClass) -> bool:
    if domain.kind not in {"float", "normal", "int"} or not special_values(special, spec.dtype):
        return False
    if is_integer(spec.dtype):
        # Said or inferred bounds are there for a reason, an embedding table's for one.
        return domain.source == "dtype"
    return is_float(spec.dtype)


@st.composite
def special_recipes(draw: Draw, plan: CasePlan, special: ValueClass) -> CaseRecipe:
    """Recipes of a plan with values of a special class planted in one of the inputs."""
    recipe = draw(recipes(plan))
    able = [
        spec.name
        for spec in plan.signature.inputs
        if _holds(spec, plan.domains[spec.name], special)
    ]
    chosen = _pick(draw, able)
    arrays = []
    for name, array in recipe.arrays:
        if name == chosen:
            kind = "uniform" if array.kind in {"constant", "sample"} else array.kind
            array = ArrayRecipe(
                kind,
                seed=_index(draw, _SEEDS),
                detail=_index(draw, DETAILS),
                special=special,
            )
        arrays.append((name, array))
    return CaseRecipe(recipe.sizes, tuple(arrays), recipe.sample)


def cases(
    signature: Signature | CasePlan,
    *,
    domains: Mapping[str, Domain] | None = None,
    samples: Sequence[Case] = (),
    dimensions: DimensionPlan | None = None,
) -> st.SearchStrategy[Case]:
    """Whole cases for a signature: every input, in its domain, with coherent open sizes.

    Shrinks toward batch 1 and zeros. Raises CaseError at once for domains that do not fit.
    """
    plan = (
        signature
        if isinstance(signature, CasePlan)
        else plan_cases(signature, domains=domains, samples=samples, dimensions=dimensions)
    )

    def expanded(recipe: CaseRecipe) -> Case:
        return plan.case(Drawn(plan, recipe, seed=0, turn=0, examples=0, special="finite", index=0))

    return recipes(plan).map(expanded)


def arrays(spec: TensorSpec, *, domain: Domain | None = None) -> st.SearchStrategy[Array]:
    """Tensors for one specification, for tests that compose their own cases.

    Raises CaseError at once for a domain that does not fit.
    """
    domains = {spec.name: domain} if domain is not None else {}
    plan = plan_cases(Signature(inputs=(spec,), outputs=()), domains=domains)

    def expanded(recipe: CaseRecipe) -> Array:
        return plan.expand(recipe)[spec.name]

    return recipes(plan).map(expanded)
