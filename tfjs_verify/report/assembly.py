"""From measurements to the report's data. Every verdict is given here."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import numpy as np

from tfjs_verify.artifact import Artifact
from tfjs_verify.cases import Case
from tfjs_verify.comparison import Mismatch, OutputComparison
from tfjs_verify.errors import ConversionError, RuntimeFailure
from tfjs_verify.measurements.latency import Latency
from tfjs_verify.measurements.parity import (
    CandidateParity,
    Disagreement,
    OutputParity,
    Rejection,
)
from tfjs_verify.model import Model
from tfjs_verify.report.report import (
    BackendReport,
    ConversionFailure,
    ConversionReport,
    FindingReport,
    ModelReport,
    OutputReport,
    RejectionReport,
    WorstElement,
    worst_verdict,
)
from tfjs_verify.tensors import WIRE_DTYPES, tfjs_dtype

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


def model_report(
    model: Model,
    artifact: Artifact,
    backends: tuple[BackendReport, ...],
    rejected: Sequence[Rejection],
    *,
    given: str | None = None,
) -> ModelReport:
    """A model that was converted, or whose artifact was `given`."""
    return ModelReport(
        name=model.name,
        path=model.path,
        verdict=worst_verdict([backend.verdict for backend in backends]),
        signature=model.signature,
        conversion=ConversionReport(
            route=artifact.route,
            format=artifact.format,
            quantization=artifact.quantization,
            seconds=artifact.seconds,
            bytes=artifact.bytes,
            repairs=artifact.repairs,
            artifact=given,
        ),
        backends=backends,
        rejected=tuple(RejectionReport(item.case.name, item.message) for item in rejected),
    )


def unconverted(
    model: Model,
    error: ConversionError,
    format: str,
    quantization: str | None,
    backends: Sequence[str],
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
            BackendReport(backend, "error", message="the model was not converted")
            for backend in backends
        ),
    )


def stopped(backend: str, failure: RuntimeFailure, latency: Latency | None) -> BackendReport:
    """A backend that could not load the artifact, or could not run it once."""
    return BackendReport(
        backend, "error", stage=failure.stage, message=failure.message, latency=latency
    )


def compared(
    backend: str, parity: CandidateParity, latency: Latency | None, minimal_case: str | None
) -> BackendReport:
    """A backend that answered cases, perhaps not all of them."""
    stage, message = None, None
    if parity.failure is not None:
        stage, message = parity.failure.stage, parity.failure.message
    elif parity.cases == 0:
        stage, message = "compare", "no case was compared: TensorFlow itself raised on every one"
    return BackendReport(
        backend=backend,
        verdict="error" if message else "pass" if parity.agrees else "fail",
        cases=parity.cases,
        stage=stage,
        message=message,
        outputs=tuple(_output(output) for output in parity.outputs),
        findings=_findings(parity),
        minimal_case=minimal_case,
        latency=latency,
    )


def failing_case(parity: CandidateParity) -> Case | None:
    """The case to keep: the one that the candidate died on, else the smallest that disagrees."""
    if parity.failed_case is not None:
        return parity.failed_case
    cases = [disagreement.case for disagreement in parity.disagreements]
    return min(cases, key=_size, default=None)


def _size(case: Case) -> int:
    return sum(array.size for array in case.inputs.values())


def _output(output: OutputParity) -> OutputReport:
    worst = output.worst
    return OutputReport(
        name=output.name,
        dtype=output.dtype,
        max_abs_error=output.errors.max_abs,
        max_rel_error=output.errors.max_rel,
        max_ulp_error=output.errors.max_ulp,
        scaled_error=output.errors.scaled,
        noise_ratio=None,
        cosine_similarity=output.errors.cosine,
        mismatched=output.mismatched,
        required_tolerance={"atol": output.errors.max_abs, "rtol": output.errors.max_rel},
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
        expected=_value(mismatch.expected),
        actual=_value(mismatch.actual),
        error=mismatch.error,
        allowed=mismatch.allowed,
        rule=comparison.tolerance.describe(),
    )


def _value(value: object) -> str:
    if isinstance(value, np.floating):
        return (
            np.format_float_positional(value, precision=9, unique=True)
            if _plain(value)
            else str(value)
        )
    return str(value)


def _plain(value: np.floating[Any]) -> bool:
    return bool(np.isfinite(value) and (value == 0 or 1e-4 <= abs(value) < 1e8))


def _findings(parity: CandidateParity) -> tuple[FindingReport, ...]:
    found: dict[tuple[str, str], FindingReport] = {}
    for disagreement in parity.disagreements:
        name = disagreement.comparison.name
        for mismatch in disagreement.comparison.mismatches:
            key = (name, mismatch.domain)
            count = mismatch.count + (found[key].count if key in found else 0)
            found[key] = _mismatch_finding(parity, disagreement.comparison, mismatch, count)
        if disagreement.comparison.structure is not None:
            message = f'output "{name}": {disagreement.comparison.structure}'
            count = 1 + (found[name, "structure"].count if (name, "structure") in found else 0)
            found[name, "structure"] = FindingReport("finite", True, message, count)
    return tuple(found.values()) + _narrowings(parity)


def _mismatch_finding(
    parity: CandidateParity, comparison: OutputComparison, mismatch: Mismatch, count: int
) -> FindingReport:
    return FindingReport(
        domain=mismatch.domain,
        gates=True,
        message=(
            f'output "{comparison.name}"{list(mismatch.index)}: tensorflow '
            f"{_value(mismatch.expected)}, {parity.name} {_value(mismatch.actual)}"
        ),
        count=count,
    )


def _narrowings(parity: CandidateParity) -> tuple[FindingReport, ...]:
    return tuple(
        FindingReport(
            "precision",
            False,
            f'output "{output.name}" is {output.dtype}; TensorFlow.js computes it as '
            f"{tfjs_dtype(output.dtype)}",
            1,
        )
        for output in parity.outputs
        if output.dtype not in WIRE_DTYPES
    )


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
