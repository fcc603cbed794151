"""What a comparison of runtimes yields: per candidate, per output, and every disagreement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tfjs_verify.cases import Case, OutputPower
from tfjs_verify.comparison import Errors, Mismatch, OutputComparison
from tfjs_verify.errors import RuntimeFailure
from tfjs_verify.measurements.decisions import Decisions

SpecialValues = Literal["report", "strict", "off"]
"""Whether cases of NaN, infinities, subnormals and signed zeros are run, and whether they gate."""


@dataclass(frozen=True)
class Disagreement:
    """An output of a case that differs by more than is allowed, or that cannot be compared.

    One that does not gate is worth telling, and wrong for nobody: the case was made of special
    values, or rounding alone decides.
    """

    case: Case
    comparison: OutputComparison
    mismatch: Mismatch | None
    gates: bool
    heard: bool = True
    """Whether it was judged by the noise of its own case as well."""


@dataclass(frozen=True)
class Acquittal:
    """An answer far beyond the usual noise, and within that of its own case."""

    case: Case
    ratio: float
    """Its error ÷ the usual noise."""
    scaled: float
    """Its error relative to the largest number of the output."""


@dataclass(frozen=True)
class OtherZeros:
    """Zeros of one output that have another sign, or are subnormal, on one of the two sides.

    They are of another class and the same number: told, and wrong for nobody.
    """

    output: str
    first: Mismatch
    case: Case
    """Where the first was seen."""
    count: int


@dataclass(frozen=True)
class OutputParity:
    """One output over all cases: the worst of every error, and the worst disagreement."""

    name: str
    dtype: str
    errors: Errors = field(default_factory=Errors)
    noise_ratio: float | None = None
    mismatched: int = 0
    worst: Disagreement | None = None
    excused: int = 0
    """Cases in which it disagreed where that counts, and chance alone decides about it."""
    acquitted: int = 0
    furthest: Acquittal | None = None
    """Of the cases acquitted."""


@dataclass(frozen=True)
class CandidateParity:
    """What one candidate did on all cases. `failure` is set where it could not go on.

    `cases` leaves out those of special values and those recalled from an earlier run.
    """

    name: str
    cases: int
    outputs: tuple[OutputParity, ...]
    disagreements: tuple[Disagreement, ...]
    decisions: tuple[Decisions, ...] = ()
    zeros: tuple[OtherZeros, ...] = ()
    failure: RuntimeFailure | None = None
    failed_case: Case | None = None

    @property
    def case_to_keep(self) -> Case | None:
        """The case that it died on, else the smallest on which it disagrees where that counts."""
        if self.failed_case is not None:
            return self.failed_case
        failing = [each for each in self.disagreements if each.gates]
        smallest = min(
            failing, key=lambda each: (not each.heard, _elements(each.case)), default=None
        )
        return None if smallest is None else smallest.case

    @property
    def agrees(self) -> bool:
        """Whether it answered at least one case and never disagreed where that counts."""
        gating = any(disagreement.gates for disagreement in self.disagreements)
        return self.failure is None and self.cases > 0 and not gating


@dataclass(frozen=True)
class Rejection:
    """A case on which the reference itself raised."""

    case: Case
    message: str


@dataclass(frozen=True)
class Parity:
    """What all candidates did, and how far the cases moved the reference."""

    candidates: tuple[CandidateParity, ...]
    rejected: tuple[Rejection, ...]
    power: tuple[OutputPower, ...]


def _elements(case: Case) -> int:
    return sum(array.size for array in case.inputs.values())
