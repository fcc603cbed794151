"""The report as data, in the words of the JSON contract, so that no renderer translates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tfjs_verify.artifact import Repair
from tfjs_verify.comparison import Domain
from tfjs_verify.errors import ParityError, Stage
from tfjs_verify.measurements.latency import Latency
from tfjs_verify.measurements.mutation import Fate
from tfjs_verify.tensors import Signature

Verdict = Literal["pass", "fail", "error"]
POWERLESS = "powerless"
"""What the message of a finding begins with where an output proves nothing."""

_SEVERITY: Mapping[Verdict, int] = {"pass": 0, "fail": 1, "error": 2}


def worst_verdict(verdicts: list[Verdict]) -> Verdict:
    """The worst of them; an empty run proves nothing and is an error."""
    return max(verdicts, key=_SEVERITY.__getitem__, default="error")


@dataclass(frozen=True)
class WorstElement:
    """The element of an output that is furthest beyond what was allowed, over all cases."""

    case: str
    index: tuple[int, ...]
    expected: str
    actual: str
    error: float
    allowed: float
    rule: str


@dataclass(frozen=True)
class OutputReport:
    """One output of one backend over all cases.

    `required_tolerance` is what would have let it pass: either that `atol` alone or that `rtol`
    alone, which is infinite where a zero is not zero. `structure` is set where the output could not
    be compared at all.
    """

    name: str
    dtype: str
    max_abs_error: float
    max_rel_error: float
    max_ulp_error: float
    scaled_error: float
    noise_ratio: float | None
    cosine_similarity: float | None
    mismatched: int
    required_tolerance: Mapping[str, float | None]
    worst: WorstElement | None = None
    structure: str | None = None


@dataclass(frozen=True)
class FindingReport:
    """Something a reader should know. A finding that gates makes the verdict `fail`."""

    domain: Domain
    gates: bool
    message: str
    count: int


@dataclass(frozen=True)
class BoxesReport:
    """How many of the reference's boxes were found again, and how well they overlap there.

    Overlaps are intersection over union; they are None where nothing was found again.
    """

    reference: int
    matched: int
    mean_iou: float | None
    min_iou: float | None


@dataclass(frozen=True)
class DecisionReport:
    """How many decisions made from one output changed; `words` says it in one line."""

    output: str
    kind: str
    rows: int
    changed: int
    smallest_margin: float | None
    upper_bound: float
    words: str
    boxes: BoxesReport | None = None
    """Of a detector, whose rows are images."""


@dataclass(frozen=True)
class BackendReport:
    """One backend: what it answered, or at which stage it stopped."""

    backend: str
    verdict: Verdict
    cases: int = 0
    stage: Stage | None = None
    message: str | None = None
    outputs: tuple[OutputReport, ...] = ()
    findings: tuple[FindingReport, ...] = ()
    decisions: tuple[DecisionReport, ...] = ()
    minimal_case: str | None = None
    minimal_words: str | None = None
    """The minimal case in words: "batch 1, all zeros but x[0, 3] = 1.0"."""
    blame: Mapping[str, Any] | None = None
    latency: Latency | None = None
    memory: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ConversionFailure:
    """Why a model has no TensorFlow.js form."""

    type: str
    message: str
    ops: tuple[str, ...]


@dataclass(frozen=True)
class ConversionReport:
    """How the artifact came to be."""

    route: str
    format: str
    quantization: str | None
    seconds: float
    bytes: int
    repairs: tuple[Repair, ...]
    error: ConversionFailure | None = None
    artifact: str | None = None
    """The artifact that the user named, where it was taken as it is."""


@dataclass(frozen=True)
class RejectionReport:
    """A case on which TensorFlow itself raised."""

    case: str
    message: str


@dataclass(frozen=True)
class DomainReport:
    """What the generated values of one input were drawn from: stated, inferred, or by dtype."""

    input: str
    domain: str
    source: str
    reason: str


@dataclass(frozen=True)
class PowerReport:
    """How far the cases moved one output; parity of a powerless one proves nothing."""

    output: str
    spread: float
    moved: float
    powerless: bool
    reason: str


@dataclass(frozen=True)
class NoiseReport:
    """The model's own rounding noise, per output relative to the output's largest number.

    `basis` is "oracle" where all of the graph was computed in float64, "partial" where some ops
    could not be, "defaults" where the table of defaults spoke instead; `reason` says why.
    """

    basis: str
    reason: str
    cases: int
    outputs: Mapping[str, Mapping[str, float]]
    unstable: tuple[str, ...]


@dataclass(frozen=True)
class QuantizationReport:
    """What quantisation itself changed: the quantised graph in TensorFlow against the original."""

    budget: str | None
    within: bool
    outputs: tuple[OutputReport, ...]
    decisions: tuple[DecisionReport, ...]


@dataclass(frozen=True)
class MutantReport:
    """One fault that was planted, and what became of it."""

    operator: str
    what: str
    fate: Fate
    why: str
    cases: int
    effect: float | None


@dataclass(frozen=True)
class MutationReport:
    """Of faults planted in the artifact, how many verification notices.

    `counts` is per fate: killed, stillborn, survived, equivalent. `score` leaves out the equivalent
    ones; it is None where nothing was planted, and `reason` says why.
    """

    score: float | None
    counts: Mapping[Fate, int]
    backend: str
    seed: int
    cases: int
    mutants: tuple[MutantReport, ...]
    reason: str


@dataclass(frozen=True)
class ModelReport:
    """One model on all its backends."""

    name: str
    path: str
    verdict: Verdict
    signature: Signature
    conversion: ConversionReport
    backends: tuple[BackendReport, ...]
    rejected: tuple[RejectionReport, ...] = ()
    domains: tuple[DomainReport, ...] = ()
    power: tuple[PowerReport, ...] = ()
    noise: NoiseReport | None = None
    quantization: QuantizationReport | None = None
    mutation: MutationReport | None = None


@dataclass(frozen=True)
class Report:
    """Everything that a run found out."""

    verdict: Verdict
    environment: Mapping[str, Any]
    seed: int
    models: tuple[ModelReport, ...]

    def raise_for_mismatch(self) -> Report:
        """Raise ParityError with the whole explanation unless every backend is in parity."""
        from tfjs_verify.report.explanation import explain_failures

        if self.verdict != "pass":
            raise ParityError(explain_failures(self))
        return self
