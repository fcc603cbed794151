"""What came of the mutants: data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from tfjs_verify.runtimes import Backend

Fate = Literal["killed", "stillborn", "survived", "equivalent"]
"""Noticed by a wrong answer, noticed because it does not load or run, not noticed, no fault."""


@dataclass(frozen=True)
class Mutant:
    """One mutant and what became of it."""

    operator: str
    what: str
    fate: Fate
    why: str
    """What gave it away, or why nothing did."""
    cases: int
    """How many cases it was shown."""
    effect: float | None = None
    """Of one that was not noticed: its largest effect in exact arithmetic ÷ what is allowed."""


@dataclass(frozen=True)
class MutationScore:
    """What verification would have noticed, of faults planted in one artifact."""

    backend: Backend
    seed: int
    cases: int
    mutants: tuple[Mutant, ...] = ()
    reason: str = ""
    """Why there are no mutants."""

    @property
    def score(self) -> float | None:
        """Noticed ÷ all that are faults; None where there is none."""
        counts = self.counts
        faults = len(self.mutants) - counts["equivalent"]
        return (counts["killed"] + counts["stillborn"]) / faults if faults else None

    @property
    def counts(self) -> dict[Fate, int]:
        """How many mutants met which fate."""
        counted = Counter(mutant.fate for mutant in self.mutants)
        fates: tuple[Fate, ...] = ("killed", "stillborn", "survived", "equivalent")
        return {fate: counted[fate] for fate in fates}

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """Faults that verification would have missed."""
        return tuple(mutant for mutant in self.mutants if mutant.fate == "survived")
