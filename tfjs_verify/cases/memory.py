"""Failures of earlier runs, kept in a Hypothesis example database and tried first."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfjs_verify.cases.case import Case
from tfjs_verify.cases.fields import DETAILS, KINDS
from tfjs_verify.cases.plan import CasePlan
from tfjs_verify.cases.recipe import BANDS, MUTATIONS, ArrayRecipe, CaseRecipe, Drawn

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase


class Memory:
    """The failing recipes of one model.

    They are stored as JSON under a key of our own in the database's directory, which ordinary
    Hypothesis tests may share. What no longer fits the model is forgotten without a word: the
    memory is a convenience, never the truth.
    """

    def __init__(self, directory: Path, model: str) -> None:
        from hypothesis.database import DirectoryBasedExampleDatabase

        self._database: ExampleDatabase = DirectoryBasedExampleDatabase(directory)
        self._key = f"tfjs-verify/recipes/1/{model}".encode()

    def remember(self, case: Case) -> None:
        """Keeps a failing generated case; one that was read from a file is there already."""
        if case.drawn is not None:
            self._database.save(self._key, _to_bytes(case.drawn.recipe))

    def forget(self, case: Case) -> None:
        """Drops a case that fails no longer."""
        if case.drawn is not None:
            self._database.delete(self._key, _to_bytes(case.drawn.recipe))

    def recall(self, plan: CasePlan) -> tuple[Case, ...]:
        """The remembered cases that still fit the plan, in a fixed order."""
        cases: list[Case] = []
        for stored in sorted(self._database.fetch(self._key)):
            recipe = _from_bytes(stored)
            if recipe is None or not _fits(recipe, plan):
                self._database.delete(self._key, stored)
                continue
            drawn = Drawn(
                plan, recipe, seed=0, turn=0, examples=0, special="finite", index=len(cases)
            )
            cases.append(
                Case(
                    name=f"remembered-{len(cases) + 1:04d}",
                    inputs=plan.expand(recipe),
                    origin=f"{recipe}; failed in an earlier run",
                    values=recipe.values,
                    drawn=drawn,
                )
            )
        return tuple(cases)


def _to_bytes(recipe: CaseRecipe) -> bytes:
    return json.dumps(asdict(recipe), sort_keys=True).encode()


def _from_bytes(stored: bytes) -> CaseRecipe | None:
    try:
        content: dict[str, Any] = json.loads(stored)
        return CaseRecipe(
            sizes=tuple((str(name), int(size)) for name, size in content["sizes"]),
            arrays=tuple((str(name), _array(fields)) for name, fields in content["arrays"]),
            sample=content["sample"],
        )
    except (ValueError, KeyError, TypeError):
        return None


def _array(fields: dict[str, Any]) -> ArrayRecipe:
    spots = tuple((int(position), int(level)) for position, level in fields.pop("spots"))
    return ArrayRecipe(spots=spots, **fields)


def _fits(recipe: CaseRecipe, plan: CasePlan) -> bool:
    names = [spec.name for spec in plan.signature.inputs]
    sizes = dict(recipe.sizes)
    sampled = recipe.sample is not None
    return (
        [name for name, _ in recipe.arrays] == names
        and (recipe.sample is None or 0 <= recipe.sample < len(plan.samples))
        and all(
            sampled or sizes.get(each.name) in each.sizes for each in plan.dimensions.dimensions
        )
        and all(
            (array.kind in {"constant", *KINDS} or (sampled and array.kind == "sample"))
            and array.band in BANDS
            and 0 <= array.detail < max(DETAILS, len(MUTATIONS))
            for _, array in recipe.arrays
        )
    )
