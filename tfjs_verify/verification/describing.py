"""From what the stages left behind to the model's part of the report."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from tfjs_verify.artifact import Artifact
from tfjs_verify.errors import ConversionError, LoadError
from tfjs_verify.measurements.graph_facts import Narrowed, narrowed_ops
from tfjs_verify.measurements.noise import freeze
from tfjs_verify.measurements.parity import Parity
from tfjs_verify.model import Model
from tfjs_verify.report import BackendReport, ModelReport, assembly, findings, worst_verdict
from tfjs_verify.report.report import FindingReport
from tfjs_verify.verification.candidates import Candidate
from tfjs_verify.verification.knowledge import Knowledge
from tfjs_verify.verification.quantized import Quantized
from tfjs_verify.verification.request import Request


def describe(
    request: Request,
    model: Model,
    artifact: Artifact,
    candidates: Sequence[Candidate],
    parity: Parity,
    knowledge: Knowledge,
    quantized: Quantized | None,
) -> ModelReport:
    """The report of one model that was converted; its verdict is the worst of its backends'."""
    backends = tuple(
        _backend(request, model, artifact, candidate, parity, knowledge, quantized)
        for candidate in candidates
    )
    return ModelReport(
        name=model.name,
        path=model.path,
        verdict=worst_verdict([backend.verdict for backend in backends]),
        signature=model.signature,
        conversion=assembly.conversion(artifact, given=request.artifact),
        backends=backends,
        rejected=assembly.rejections(parity.rejected),
        domains=assembly.domains(knowledge.plan),
        power=assembly.power(parity.power),
        noise=assembly.noise(knowledge.judge.noise),
        quantization=(
            assembly.quantization(quantized.effect) if quantized and quantized.effect else None
        ),
    )


def describe_unconverted(request: Request, model: Model, error: ConversionError) -> ModelReport:
    """The report of a model that has no TensorFlow.js form, and of what it would lose there."""
    narrowed: tuple[Narrowed, ...] = ()
    with suppress(LoadError):  # what TensorFlow cannot freeze has a signature all the same
        frozen = freeze(model)
        narrowed = narrowed_ops(frozen.graph, frozen.outputs)
    return assembly.unconverted(
        model,
        error,
        request.format,
        request.quantize,
        request.backends,
        findings=(*findings.narrowings(model.signature), *findings.narrowed(narrowed)),
    )


def _backend(
    request: Request,
    model: Model,
    artifact: Artifact,
    candidate: Candidate,
    parity: Parity,
    knowledge: Knowledge,
    quantized: Quantized | None,
) -> BackendReport:
    compared = candidate.parity(parity)
    if compared is None:
        assert candidate.failure is not None
        return assembly.stopped(candidate.backend, candidate.failure, candidate.latency)
    differ = {output.name for output in compared.outputs if output.excused}
    by_chance = (name for name in knowledge.random if name in differ)
    found = (
        *findings.disagreements(compared),
        *findings.acquitted(compared),
        *findings.zeros(compared),
        *findings.unordered(knowledge.order_free),
        *findings.unsettled(knowledge.unsettled),
        *findings.random(knowledge.random, differ),
        *findings.extras(artifact),
        *(_quantised(quantized) if quantized else ()),
        *findings.coarse(knowledge.judge.noise),
        *findings.narrowings(model.signature),
        *findings.narrowed(knowledge.narrowed, compared.disagreements),
        *findings.powerless(parity.power, gates=request.require_power),
    )
    if candidate.runtime is not None:
        found += findings.order(artifact, candidate.runtime.loaded)
    return assembly.compared(
        candidate.backend,
        compared,
        findings=found,
        contradicted=(*knowledge.unsettled, *by_chance),
        latency=candidate.latency,
        minimal_case=candidate.saved_case,
        minimal_words=candidate.smallest.words if candidate.smallest else None,
    )


def _quantised(quantized: Quantized) -> tuple[FindingReport, ...]:
    return findings.quantised(
        quantized.effect,
        faults=quantized.faults,
        doubt=quantized.doubt,
        reason=quantized.reason,
    )
