"""The plan of a model's cases: what each input accepts, which sizes and samples it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfjs_verify.cases.case import Case, is_float, is_integer
from tfjs_verify.cases.dimensions import BATCH, DimensionPlan, default_dimensions
from tfjs_verify.cases.domain import Domain, constrain, resolve_domains
from tfjs_verify.cases.expansion import expand
from tfjs_verify.cases.fields import Shape
from tfjs_verify.cases.recipe import CaseRecipe, Drawn
from tfjs_verify.cases.samples import mutate, sample_shapes
from tfjs_verify.errors import CaseError
from tfjs_verify.tensors import Array, Signature


@dataclass(frozen=True)
class CasePlan:
    """Everything that cases of one signature are drawn from; `plan_cases` makes one."""

    signature: Signature
    """The signature with the sizes filled in that the domains fix."""
    domains: Mapping[str, Domain]
    dimensions: DimensionPlan
    samples: tuple[Case, ...] = ()

    def expand(self, recipe: CaseRecipe) -> dict[str, Array]:
        """The tensors that a recipe of this plan describes, input by input."""
        shapes = self.shapes(recipe)
        arrays: dict[str, Array] = {}
        for name, array_recipe in recipe.arrays:
            spec = self.signature.input(name)
            if array_recipe.kind == "sample":
                arrays[name] = mutate(
                    self.samples,
                    recipe.sample or 0,
                    array_recipe,
                    spec,
                    self.domains[name],
                    shapes[name],
                )
            else:
                arrays[name] = expand(
                    array_recipe,
                    self.domains[name],
                    spec.dtype,
                    shapes[name],
                    longest=self.longest(name, shapes),
                )
        return arrays

    def shapes(self, recipe: CaseRecipe) -> dict[str, Shape]:
        """The shape of every input of a case."""
        sizes = dict(recipe.sizes)
        if recipe.sample is None:
            return self.dimensions.shapes(self.signature, sizes)
        return sample_shapes(self.dimensions, self.samples[recipe.sample], sizes.get(BATCH))

    def longest(self, name: str, shapes: Mapping[str, Shape]) -> int:
        """The size that the lengths in input `name` measure: axis 1 of the input they belong to."""
        domain = self.domains[name]
        if domain.kind != "lengths":
            return 1
        others = (
            [domain.of]
            if domain.of
            else [
                spec.name
                for spec in sorted(
                    self.signature.inputs,
                    # An open axis 1 is what lengths are for.
                    key=lambda spec: (
                        len(spec.shape or ()) < 2 or (spec.shape or (0, 0))[1] is not None
                    ),
                )
                if spec.name != name and len(spec.shape or ()) > 1
            ]
        )
        if not others:
            raise CaseError(
                f'Input "{name}" has the domain "lengths", but no other input has a second axis '
                f'to measure. Give a range instead: --input {name}="int 1..10".'
            )
        shape = shapes[others[0]]
        return shape[1] if len(shape) > 1 else shape[0] if shape else 1

    def case(self, drawn: Drawn) -> Case:
        """The case that was drawn, expanded."""
        label = "example" if drawn.special == "finite" else drawn.special
        return Case(
            name=f"{label}-{drawn.index + 1:04d}",
            inputs=self.expand(drawn.recipe),
            origin=f"{drawn.recipe}; seed {drawn.seed}, {label} {drawn.index + 1}",
            values=drawn.recipe.values,
            drawn=drawn,
        )


def plan_cases(
    signature: Signature,
    *,
    domains: Mapping[str, Domain] | None = None,
    samples: Sequence[Case] = (),
    dimensions: DimensionPlan | None = None,
) -> CasePlan:
    """The plan for a signature: stated or inferred domains, else what samples or the dtype suggest.

    Raises CaseError for an unknown input, a domain that does not fit, or an unknown rank.
    """
    resolved = resolve_domains(signature, domains or {})
    for spec in signature.inputs:
        if samples and resolved[spec.name].source == "dtype":
            resolved[spec.name] = _widened(resolved[spec.name], spec.name, spec.dtype, samples)
    fixed = replace(
        signature,
        inputs=tuple(constrain(spec, resolved[spec.name]) for spec in signature.inputs),
    )
    return CasePlan(
        signature=fixed,
        domains=resolved,
        dimensions=dimensions or default_dimensions(fixed, resolved),
        samples=tuple(samples),
    )


def _widened(domain: Domain, name: str, dtype: str, samples: Sequence[Case]) -> Domain:
    """The range of the user's own data, which says more than a dtype."""
    if not (is_float(dtype) or is_integer(dtype)):
        return domain
    arrays = [np.asarray(case.inputs[name], dtype=np.float64) for case in samples]
    finite = np.concatenate([array[np.isfinite(array)].reshape(-1) for array in arrays])
    if not finite.size:
        return domain
    low, high = float(finite.min()), float(finite.max())
    if is_float(dtype) and low == high:
        low, high = low - 1, high + 1
    if is_integer(dtype) and max(abs(low), abs(high)) > 2**53:
        return domain
    return replace(
        domain, low=low, high=high, source="inferred", reason="the range of the values in --data"
    )
