"""mutate(): whether verification would have noticed a fault in this model's artifact."""

from __future__ import annotations

from contextlib import ExitStack

from tfjs_verify.cases import load_cases
from tfjs_verify.conversion import ConversionWorker
from tfjs_verify.measurements.mutation import MutationScore, measure_mutation
from tfjs_verify.model import open_model
from tfjs_verify.runtimes import Runtime, TensorFlow
from tfjs_verify.runtimes.replay import ArtifactReplay
from tfjs_verify.verification.artifacts import obtain_artifact, working_directory
from tfjs_verify.verification.knowledge import get_to_know
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
        model = stack.enter_context(
            open_model(request.model, signature=request.signature, name=request.name)
        )
        data = load_cases(request.data, model.signature)
        directory = stack.enter_context(working_directory(request, model))
        progress.stage(f"converting {model.name}")
        converter = worker or stack.enter_context(ConversionWorker())
        artifact = obtain_artifact(request, model, directory / "artifact", converter)
        reference = stack.enter_context(TensorFlow(model))
        progress.stage(f"getting to know {model.name}")
        knowledge = stack.enter_context(get_to_know(request, model, reference, data))
        expected: Runtime = reference
        if artifact.quantization is not None:
            expected = stack.enter_context(ArtifactReplay(artifact))
        progress.stage("planting faults")
        return measure_mutation(
            artifact,
            expected,
            knowledge.plan,
            knowledge.judge,
            backend=request.backends[0],
            mutants=mutants,
            examples=request.examples,
            seed=request.seed,
            extensions=request.js_modules,
            timeout=min(request.timeout, CALL_S),
            on_mutant=progress.cases,
        )
