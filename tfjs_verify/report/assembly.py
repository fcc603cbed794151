"""From measurements to the report's data. Every verdict is given here."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from tfjs_verify.artifact import Artifact
from tfjs_verify.cases import CasePlan, OutputPower
from tfjs_verify.errors import ConversionError, RuntimeFailure, Stage
from tfjs_verify.measurements.detections import Overlap
from tfjs_verify.measurements.latency import Latency
from tfjs_verify.measurements.mutation import MutationScore
from tfjs_verify.measurements.noise import Noise
from tfjs_verify.measurements.parity import (
    CandidateParity,
    Disagreement,
    OutputParity,
    Rejection,
)
from tfjs_verify.measurements.quantization import UNLIMITED, QuantizationEffect
from tfjs_verify.model import Model
from tfjs_verify.report.report import (
    BackendReport,
    BoxesReport,
    ConversionFailure,
    ConversionReport,
    DecisionReport,
    DomainReport,
    FindingReport,
    ModelReport,
    MutantReport,
    MutationReport,
    NoiseReport,
    OutputReport,
    PowerReport,
    QuantizationReport,
    RejectionReport,
    WorstElement,
)
from tfjs_verify.report.values import shown

_PACKAGES = (
    "tfjs-verify",
    "tensorflow",
    "keras",
    "tf-keras",
    "tensorflowjs",
    "numpy",
    "hypothesis",
)


def environment(nodes: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The versions that were at work: Python's packages, and per backend what ran in Node."""
    packages = {name: metadata.version(name) for name in _PACKAGES if _installed(name)}
    return {
        "platform": platform.platform(),
        "python": sys.version.split()[0],
        "packages": packages,
        "backends": nodes,
    }


def conversion(artifact: Artifact, *, given: Path | None) -> ConversionReport:
    """How the artifact came to be; `given` is the user's own that was taken as it is."""
    return ConversionReport(
        route=artifact.route,
        format=artifact.format,
        quantization=artifact.quantization,
        seconds=artifact.seconds,
        bytes=artifact.bytes,
        repairs=artifact.repairs,
        artifact=None if given is None else str(given),
    )


def rejections(rejected: Sequence[Rejection]) -> tuple[RejectionReport, ...]:
    """The cases on which TensorFlow itself raised."""
    return tuple(RejectionReport(item.case.name, item.message) for item in rejected)


def domains(plan: CasePlan) -> tuple[DomainReport, ...]:
    """What the generated values of every input were drawn from, and who said so."""
    return tuple(
        DomainReport(name, str(domain), domain.source, domain.reason)
        for name, domain in plan.domains.items()
    )


def power(measured: Sequence[OutputPower]) -> tuple[PowerReport, ...]:
    """How far the cases moved every output."""
    return tuple(
        PowerReport(each.name, each.spread, each.moved, each.powerless, each.reason)
        for each in measured
    )


def noise(measured: Noise) -> NoiseReport:
    """The model's own rounding noise, per output relative to the largest number of the output."""
    return NoiseReport(
        basis=measured.basis,
        reason=measured.reason,
        cases=measured.cases,
        outputs={
            name: {"tensorflow": each.reference, "sensitivity": each.sensitivity}
            for name, each in measured.outputs.items()
            if each.measured
        },
        unstable=tuple(
            f"{each.case}: rounding moves {each.output!r} by {each.noise:.1e} of its size"
            for each in measured.unstable
        ),
    )


def unconverted(
    model: Model,
    error: ConversionError,
    format: str,
    quantization: str | None,
    backends: Sequence[str],
    findings: tuple[FindingReport, ...] = (),
) -> ModelReport:
    """A model that has no TensorFlow.js form: an error on every backend, with the one reason."""
    failure = ConversionFailure(error.cause_type, error.message, error.ops)
    return ModelReport(
        name=model.name,
        path=model.path,
        verdict="error",
        signature=model.signature,
        conversion=ConversionReport("none", format, quantization, 0.0, 0, (), failure),
        backends=tuple(
            BackendReport(
                backend, "error", message="the model was not converted", findings=findings
            )
            for backend in backends
        ),
    )


def stopped(backend: str, failure: RuntimeFailure, latency: Latency | None) -> BackendReport:
    """A backend that could not load the artifact, or could not run it once."""
    return BackendReport(
        backend, "error", stage=failure.stage, message=failure.message, latency=latency
    )


def compared(
    backend: str,
    parity: CandidateParity,
    *,
    findings: tuple[FindingReport, ...],
    contradicted: Sequence[str],
    latency: Latency | None,
    minimal_case: str | None,
    minimal_words: str | None,
) -> BackendReport:
    """A backend that answered cases, perhaps not all of them."""
    stage, message = _why_no_answer(parity, contradicted)
    failed = not parity.agrees or any(finding.gates for finding in findings)
    return BackendReport(
        backend=backend,
        verdict="error" if message else "fail" if failed else "pass",
        cases=parity.cases,
        stage=stage,
        message=message,
        outputs=tuple(_output(output) for output in parity.outputs),
        findings=findings,
        decisions=_decisions(parity),
        minimal_case=minimal_case,
        minimal_words=minimal_words,
        latency=latency,
    )


def _why_no_answer(
    parity: CandidateParity, contradicted: Sequence[str]
) -> tuple[Stage | None, str | None]:
    if parity.failure is not None:
        return parity.failure.stage, parity.failure.message
    if parity.cases == 0:
        return (
            "compare",
            "no case was compared: TensorFlow raised on every one, or answered nothing at all",
        )
    if contradicted and not any(each.gates for each in parity.disagreements):
        return "compare", (
            "TensorFlow can give another answer to the same input each time for output "
            f"{', '.join(contradicted)}: dropout in training mode, or random ops. Nothing can "
            "agree with that; verify the model in inference mode"
        )
    return None, None


def _decisions(parity: CandidateParity) -> tuple[DecisionReport, ...]:
    return tuple(
        DecisionReport(
            each.output,
            each.kind,
            each.rows,
            each.changed,
            each.smallest_margin,
            each.upper_bound,
            str(each),
            _boxes(each.overlap),
        )
        for each in parity.decisions
    )


def _boxes(overlap: Overlap | None) -> BoxesReport | None:
    if overlap is None:
        return None
    return BoxesReport(overlap.boxes, overlap.matched, overlap.mean, overlap.least)


def _output(output: OutputParity) -> OutputReport:
    worst = output.worst
    return OutputReport(
        name=output.name,
        dtype=output.dtype,
        max_abs_error=output.errors.max_abs,
        max_rel_error=output.errors.max_rel,
        max_ulp_error=output.errors.max_ulp,
        scaled_error=output.errors.scaled,
        noise_ratio=output.noise_ratio,
        cosine_similarity=output.errors.cosine,
        mismatched=output.mismatched,
        required_tolerance={"atol": output.errors.max_abs, "rtol": output.errors.required_rtol},
        worst=_worst(worst),
        structure=worst.comparison.structure if worst else None,
    )


def _worst(disagreement: Disagreement | None) -> WorstElement | None:
    if disagreement is None or disagreement.mismatch is None:
        return None
    mismatch, comparison = disagreement.mismatch, disagreement.comparison
    return WorstElement(
        case=disagreement.case.name,
        index=mismatch.index,
        expected=shown(mismatch.expected),
        actual=shown(mismatch.actual),
        error=mismatch.error,
        allowed=mismatch.allowed,
        rule=comparison.allowance.describe(),
    )


def quantization(effect: QuantizationEffect) -> QuantizationReport:
    """What quantisation itself changed, output by output."""
    return QuantizationReport(
        budget=None if effect.budget == UNLIMITED else str(effect.budget),
        within=not effect.excesses,
        outputs=tuple(_output(output) for output in effect.parity.outputs),
        decisions=_decisions(effect.parity),
    )


def mutation(score: MutationScore) -> MutationReport:
    """What became of the faults that were planted."""
    return MutationReport(
        score=score.score,
        counts=score.counts,
        backend=score.backend,
        seed=score.seed,
        cases=score.cases,
        mutants=tuple(
            MutantReport(each.operator, each.what, each.fate, each.why, each.cases, each.effect)
            for each in score.mutants
        ),
        reason=score.reason,
    )


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
