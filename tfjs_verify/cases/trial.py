"""Open sizes found by trial: which a model takes, and which of them must be equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tfjs_verify.cases.case import Case
from tfjs_verify.cases.dimensions import BATCH, Dimension, DimensionPlan
from tfjs_verify.cases.plan import CasePlan
from tfjs_verify.cases.recipe import ArrayRecipe, CaseRecipe
from tfjs_verify.errors import CaseError

_TRIED = (8, 16, 32, 64, 4, 2, 1, 3, 128, 224, 256)
"""Sizes to find a first one that works; networks that halve their input often need a power of 2."""

_PAIRS = ((2, 3), (8, 16), (32, 64), (3, 5))


def refine_dimensions(plan: CasePlan, accepts: Callable[[Case], bool]) -> CasePlan:
    """The plan with the sizes that `accepts` refuses left out, and independent ones told apart.

    `accepts` runs the model on TensorFlow and answers whether it took the case. The sizes of
    inputs that share an axis are independent where the model takes different ones; the batch stays
    shared, which is what axis 0 means. Raises CaseError where no size is accepted.
    """
    if all(each.name == BATCH for each in plan.dimensions.dimensions):
        return plan
    trial = _Trial(plan, accepts)
    sizes = trial.start()
    for dimension in plan.dimensions.dimensions:
        trial.narrow(dimension, sizes)
    for dimension in trial.plan.dimensions.dimensions:
        if dimension.name != BATCH and len(dimension.members) > 1:
            trial.separate(dimension, sizes)
    return trial.plan


class _Trial:
    def __init__(self, plan: CasePlan, accepts: Callable[[Case], bool]) -> None:
        self.plan = plan
        self._accepts = accepts

    def start(self) -> dict[str, int]:
        """One size for every dimension with which the model runs at all."""
        for size in (None, *_TRIED):
            sizes = {
                each.name: each.smallest
                if each.name == BATCH
                else size or sorted(each.sizes)[len(each.sizes) // 2]
                for each in self.plan.dimensions.dimensions
            }
            if self._runs(self.plan.dimensions, sizes):
                return sizes
        names = [spec.name for spec in self.plan.signature.inputs]
        raise CaseError(
            "TensorFlow refused this model's inputs with every size tried for its open dimensions. "
            "Say a shape that it takes, with ? for sizes to vary: "
            f'--input {names[0]}="{self.plan.domains[names[0]]} shape=..."'
        )

    def narrow(self, dimension: Dimension, sizes: Mapping[str, int]) -> None:
        """Leaves out the sizes that the model refuses while the others stay as they are."""
        tried = sorted({*dimension.sizes, sizes[dimension.name]})
        good = {
            size
            for size in tried
            if size == sizes[dimension.name]
            or self._runs(self.plan.dimensions, {**sizes, dimension.name: size})
        }
        if len(good) < 3 and dimension.name != BATCH:
            # Few of the usual sizes do: multiples of the one that does may.
            step = sizes[dimension.name]
            more = {step * factor for factor in (2, 3, 4)} - set(tried)
            good |= {
                size
                for size in more
                if self._runs(self.plan.dimensions, {**sizes, dimension.name: size})
            }
        kept = tuple(size for size in dimension.sizes if size in good)
        new = tuple(sorted(good - set(kept)))
        self._put(replace(dimension, sizes=kept + new))

    def separate(self, dimension: Dimension, sizes: Mapping[str, int]) -> None:
        """Gives the members sizes of their own, one by one, where the model takes that."""
        allowed = set(dimension.sizes)
        pairs = (*_PAIRS, (min(allowed), max(allowed)))
        one, other = next(pair for pair in pairs if allowed >= set(pair))
        if one == other:
            return
        for member in dimension.members[1:]:
            shared = next(
                each for each in self.plan.dimensions.dimensions if each.name == dimension.name
            )
            rest = replace(shared, members=tuple(each for each in shared.members if each != member))
            alone = replace(shared, name=f"{shared.name} of {member[0]}", members=(member,))
            apart = DimensionPlan((*self.plan.dimensions.replaced(rest).dimensions, alone))
            known = {each.name: sizes.get(each.name, one) for each in apart.dimensions}
            # Both ways round, for broadcasting may take one of them.
            if all(
                self._runs(apart, {**known, rest.name: first, alone.name: second})
                for first, second in ((one, other), (other, one))
            ):
                self.plan = replace(self.plan, dimensions=apart)

    def _put(self, dimension: Dimension) -> None:
        self.plan = replace(self.plan, dimensions=self.plan.dimensions.replaced(dimension))

    def _runs(self, dimensions: DimensionPlan, sizes: Mapping[str, int]) -> bool:
        plan = replace(self.plan, dimensions=dimensions)
        recipe = CaseRecipe(
            sizes=tuple(sizes.items()),
            arrays=tuple(
                (spec.name, ArrayRecipe("uniform", seed=1)) for spec in plan.signature.inputs
            ),
        )
        return self._accepts(Case("trial", plan.expand(recipe), origin=str(recipe)))
