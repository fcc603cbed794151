"""Hypothesis strategies for tensors and whole cases: recipes are drawn, NumPy expands them.

They compose with every other strategy and work in a plain `@given` test:

    @given(case=cases(signature, domains={"image": parse_domain("float 0..1")}))
    def test_model(case): ...

A recipe is decoded from one byte string of fixed length, the only thing that Hypothesis draws.
Drawn number by number, it would depend on the constants that Hypothesis collects from the source of
whatever modules are loaded, and Hypothesis's habit of copying one draw over another would give many
cases the same kind. Zero bytes decode to the simplest recipe, which is what a failure shrinks to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

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

_FEW = 160
"""Up to so many options one byte is even enough; beyond it takes `_WIDE` of them."""

_WIDE = 5
_BYTES_PER_INPUT = 29
_OVERHEAD = 38
_MOST_BYTES = 4096
"""Hypothesis draws 8 KiB at most; what the inputs beyond this would need, they share."""

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


class _Reader:
    """Takes a byte string apart into numbers."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def index(self, count: int) -> int:
        """An integer in 0..count - 1, evenly distributed, and 0 for zero bytes."""
        width = 1 if count <= _FEW else _WIDE
        taken = bytes(
            self._data[place % len(self._data)]
            for place in range(self._position, self._position + width)
        )
        self._position += width
        return int.from_bytes(taken, "big") * count >> (8 * width)

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, the first for zero bytes."""
        return options[self.index(len(options))]


def _array(reader: _Reader, spec: TensorSpec, domain: Domain, mood: str | None) -> ArrayRecipe:
    few = (spec.shape or (None,)) in ((), (1,), (None,))
    # Everything is read, needed or not: each field has its place, and shrinks alone.
    kind = reader.pick(_SMALL_KINDS if few else _KINDS)
    level, detail = reader.pick(_LEVELS), reader.index(DETAILS)
    band, scale = reader.pick(_BANDS), reader.pick(_SCALES)
    spots = reader.pick(_SPOTS)
    places = [(reader.index(POSITIONS), reader.pick(_LEVELS)) for _ in range(max(_SPOTS))]
    seed = reader.index(_SEEDS)

    constant = kind == "constant"
    scaled = domain.source == "dtype" and domain.kind == "float" and spec.dtype != "float16"
    # Strings come from a pool that the seed fills, whatever the kind.
    random = domain.kind == "string" or (not constant and KINDS[kind].random)
    detailed = not constant and (KINDS[kind].detailed or domain.kind == "probabilities")
    return ArrayRecipe(
        kind=kind,
        level=level if constant else 0,
        detail=detail if detailed else 0,
        band=mood or ("whole" if constant else band),
        scale=scale if scaled else 1.0,
        spots=tuple(places[:spots]),
        seed=seed if random else 0,
    )


def _sizes(reader: _Reader, dimensions: DimensionPlan) -> tuple[tuple[str, int], ...]:
    return tuple(
        (dimension.name, reader.pick(sorted(dimension.sizes)))
        for dimension in dimensions.dimensions
    )


def recipes(plan: CasePlan) -> st.SearchStrategy[CaseRecipe]:
    """Recipes of a plan whose values all stay inside its domains."""
    return _bytes(plan).map(lambda data: _recipe(_Reader(data), plan))


def _bytes(plan: CasePlan) -> st.SearchStrategy[bytes]:
    inputs, dimensions = len(plan.signature.inputs), len(plan.dimensions.dimensions)
    size = min(_OVERHEAD + inputs * _BYTES_PER_INPUT + dimensions, _MOST_BYTES)
    return st.binary(min_size=size, max_size=size)


def _recipe(reader: _Reader, plan: CasePlan) -> CaseRecipe:
    if plan.samples and reader.index(_SAMPLED) == _SAMPLED - 1:
        return _from_sample(reader, plan)
    mood = reader.pick(_MOODS) if len(plan.signature.inputs) > 1 else None
    return CaseRecipe(
        sizes=_sizes(reader, plan.dimensions),
        arrays=tuple(
            (spec.name, _array(reader, spec, plan.domains[spec.name], mood))
            for spec in plan.signature.inputs
        ),
    )


def _from_sample(reader: _Reader, plan: CasePlan) -> CaseRecipe:
    sizes = tuple(
        (dimension.name, reader.pick(sorted(dimension.sizes)))
        for dimension in plan.dimensions.dimensions
        if dimension.name == BATCH
    )
    return CaseRecipe(
        sizes=sizes,
        arrays=tuple(
            (
                spec.name,
                ArrayRecipe(
                    "sample", detail=reader.index(len(MUTATIONS)), seed=reader.index(_SEEDS)
                ),
            )
            for spec in plan.signature.inputs
        ),
        sample=reader.index(len(plan.samples)),
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


def special_recipes(plan: CasePlan, special: ValueClass) -> st.SearchStrategy[CaseRecipe]:
    """Recipes of a plan with values of a special class planted in one of the inputs."""
    return _bytes(plan).map(lambda data: _special_recipe(_Reader(data), plan, special))


def _special_recipe(reader: _Reader, plan: CasePlan, special: ValueClass) -> CaseRecipe:
    recipe = _recipe(reader, plan)
    able = [
        spec.name
        for spec in plan.signature.inputs
        if _holds(spec, plan.domains[spec.name], special)
    ]
    chosen = reader.pick(able)
    arrays = []
    for name, array in recipe.arrays:
        if name == chosen:
            kind = "uniform" if array.kind in {"constant", "sample"} else array.kind
            array = ArrayRecipe(
                kind,
                seed=reader.index(_SEEDS),
                detail=reader.index(DETAILS),
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
