"""Recipes: the few numbers that a whole case is expanded from, and that shrink in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfjs_verify.cases.case import ValueClass

if TYPE_CHECKING:
    from tfjs_verify.cases.plan import CasePlan

LEVELS = 64
"""Level 0 is the value nearest to zero, 1 the highest, 2 the lowest, 3 one; others lie between."""

POSITIONS = 2**32
"""A spot's position is a fraction of the tensor's size, in units of 1 / POSITIONS."""

BANDS = ("whole", "above zero", "below zero", "near zero", "high end", "low end")
"""The part of the domain that a field is stretched over."""

SCALES = (1.0, 10.0, 1e-3, 1e3)
"""Factors on a domain that only the dtype suggested."""

MUTATIONS = ("as it is", "noise", "scaled", "flipped", "rolled", "patch erased", "mixed", "shifted")


@dataclass(frozen=True)
class ArrayRecipe:
    """How one tensor is filled; `spots` are (position, level) pairs that override elements.

    `kind` is "constant", "sample", or one of `fields.KINDS`. `special` plants values of that class
    over what the rest describes.
    """

    kind: str = "constant"
    level: int = 0
    seed: int = 0
    detail: int = 0
    band: str = "whole"
    scale: float = 1.0
    spots: tuple[tuple[int, int], ...] = ()
    special: ValueClass = "finite"

    def __str__(self) -> str:
        if self.kind == "constant":
            text = "zeros" if self.level == 0 else f"constant, level {self.level}"
        elif self.kind == "sample":
            text = f"sample {MUTATIONS[self.detail]}"
        else:
            text = self.kind
        if self.band != "whole" and self.kind not in {"constant", "sample"}:
            text += f" {self.band}"
        if self.scale != 1.0:
            text += f" × {self.scale:g}"
        if self.spots:
            text += f" with {len(self.spots)} element{'s' if len(self.spots) > 1 else ''} changed"
        return text if self.special == "finite" else f"{text}, {self.special.replace('_', ' ')}"


@dataclass(frozen=True)
class CaseRecipe:
    """A recipe for every input, and the sizes of the signature's unknown dimensions.

    `sample` is the index of the user's sample that the inputs of kind "sample" start from.
    """

    sizes: tuple[tuple[str, int], ...]
    arrays: tuple[tuple[str, ArrayRecipe], ...]
    sample: int | None = None

    @property
    def values(self) -> ValueClass:
        """The class of values that this case explores."""
        specials = [recipe.special for _, recipe in self.arrays if recipe.special != "finite"]
        return specials[0] if specials else "finite"

    def __str__(self) -> str:
        sizes = [f"{name} {size}" for name, size in self.sizes]
        return "; ".join([*sizes, *(f"{name}: {recipe}" for name, recipe in self.arrays)])


@dataclass(frozen=True)
class Drawn:
    """Where a generated case stands in the sequence that its plan and seed determine."""

    plan: CasePlan
    recipe: CaseRecipe
    seed: int
    turn: int
    """How often the sequence was drawn anew before, because cases had been rejected."""
    examples: int
    special: ValueClass
    """The class of special values it was drawn for, "finite" for an ordinary example."""
    index: int
