"""Whether verification would have noticed a fault in this model's artifact."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from tfjs_verify.artifact import Artifact
from tfjs_verify.cases import load_cases
from tfjs_verify.conversion import ConversionWorker
from tfjs_verify.measurements.mutation import MutationScore, measure_mutation
from tfjs_verify.report import ModelReport
from tfjs_verify.runtimes import Backend, Runtime, TensorFlow
from tfjs_verify.verification.artifacts import obtain_artifact, open_requested, working_directory
from tfjs_verify.verification.knowledge import Knowledge, get_to_know
from tfjs_verify.verification.quantized import judge_quantization
from tfjs_verify.verification.request import SILENT, Progress, Request

CALL_S = 30.0
"""Seconds that a mutant may take for one call: some never end."""


def mutate(
    request: Request,
    *,
    mutants: int = 100,
    worker: ConversionWorker | None = None,
    progress: Progress = SILENT,
) -> MutationScore:
    """Plant `mutants` faults in the artifact of `request`, and compare each on its first backend.

    Cases, judgement and artifact are those of `verify` with the same request. Raises RequestError,
    ConversionError, EnvironmentProblem.
    """
    with ExitStack() as stack:
        progress.stage(f"opening {request.model}")
        model = stack.enter_context(open_requested(request))
        data = load_cases(request.data, model.signature)
        directory = stack.enter_context(working_directory(request, model))
        progress.stage(f"converting {model.name}")
        converter = worker or stack.enter_context(ConversionWorker())
        artifact = obtain_artifact(request, model, directory / "artifact", converter)
        reference = stack.enter_context(TensorFlow(model, timeout=request.timeout))
        progress.stage(f"getting to know {model.name}")
        knowledge = stack.enter_context(get_to_know(request, model, reference, data))
        quantized = stack.enter_context(
            judge_quantization(request, model, artifact, reference, knowledge, converter, progress)
        )
        expected: Runtime = reference
        if quantized is not None:
            expected, knowledge = quantized.expected, replace(knowledge, judge=quantized.judge)
        backend = request.backends[0]
        return _plant(request, artifact, expected, knowledge, backend, mutants, progress)


def check_mutants(
    request: Request,
    artifact: Artifact,
    expected: Runtime,
    knowledge: Knowledge,
    report: ModelReport,
    progress: Progress = SILENT,
) -> MutationScore:
    """The score of a model that was verified, on the first backend that is in parity.

    `expected` is what the backends were compared with. Where no backend is in parity nothing is
    planted, and the score says so.
    """
    passed = [each.backend for each in report.backends if each.verdict == "pass"]
    for backend in request.backends:
        if backend in passed:
            mutants = request.mutation_check
            return _plant(request, artifact, expected, knowledge, backend, mutants, progress)
    return unplanted(request)


def unplanted(request: Request) -> MutationScore:
    """No score, for a model that no backend agrees on."""
    reason = "no backend is in parity, and a fault in what is faulty already proves nothing"
    return MutationScore(request.backends[0], request.seed, 0, reason=reason)


def _plant(
    request: Request,
    artifact: Artifact,
    expected: Runtime,
    knowledge: Knowledge,
    backend: Backend,
    mutants: int,
    progress: Progress,
) -> MutationScore:
    """Faults in the artifact, judged by the cases and the noise that `verify` judges by."""
    progress.stage(f"planting faults on {backend}")
    return measure_mutation(
        artifact,
        expected,
        knowledge.plan,
        knowledge.judge,
        backend=backend,
        mutants=mutants,
        examples=request.examples,
        seed=request.seed,
        order_free=knowledge.order_free,
        extensions=request.js_modules,
        timeout=min(request.timeout, CALL_S),
        on_mutant=progress.cases,
    )
