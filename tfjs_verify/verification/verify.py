"""verify(): the whole line, top to bottom: open, convert, load, time, compare, report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from tfjs_verify.cases import Domain, load_cases, parse_domain
from tfjs_verify.conversion import ConversionWorker
from tfjs_verify.errors import ConversionError, RequestError
from tfjs_verify.measurements.mutation import MutationScore
from tfjs_verify.measurements.parity import SpecialValues
from tfjs_verify.measurements.quantization import UNLIMITED, Budget, parse_budget
from tfjs_verify.measurements.readings import Reading, parse_reading
from tfjs_verify.report import ModelReport, Report, assembly, worst_verdict
from tfjs_verify.runtimes import BACKENDS, Backend, NodePool, TensorFlow
from tfjs_verify.runtimes.base import DEFAULT_TIMEOUT_S
from tfjs_verify.verification.artifacts import obtain_artifact, open_requested, working_directory
from tfjs_verify.verification.candidates import load, time_all
from tfjs_verify.verification.comparing import compare, shrink
from tfjs_verify.verification.describing import describe, describe_unconverted
from tfjs_verify.verification.knowledge import get_to_know
from tfjs_verify.verification.mutating import check_mutants, unplanted
from tfjs_verify.verification.quantized import judge_quantization
from tfjs_verify.verification.request import SILENT, Progress, Request

_T = TypeVar("_T")


def verify(
    model: object,
    *,
    backends: Sequence[Backend] = BACKENDS,
    examples: int = 100,
    seed: int = 0,
    data: Sequence[str | Path] = (),
    inputs: Mapping[str, Domain | str] | None = None,
    artifact: str | Path | None = None,
    format: Literal["graph", "layers"] = "graph",
    quantize: Literal["float16", "uint8", "uint16"] | None = None,
    repair: bool = True,
    quantization_budget: Budget | str = UNLIMITED,
    signature: str | None = None,
    tags: Sequence[str] | None = None,
    outputs: Sequence[str] = (),
    custom_objects: Mapping[str, Any] | None = None,
    special_values: SpecialValues = "report",
    require_power: bool = False,
    scores: Mapping[str, Reading | str] | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    js_modules: Sequence[str | Path] = (),
    timeout: float = DEFAULT_TIMEOUT_S,
    shrink_seconds: float = 20.0,
    remember: bool = True,
    mutation_check: int = 0,
    work_dir: str | Path | None = None,
    name: str | None = None,
    nodes: NodePool | None = None,
    worker: ConversionWorker | None = None,
) -> Report:
    """Convert a model, run it on every backend, and compare with TensorFlow.

    `model` is a path (SavedModel or TF-Hub directory, `.keras`, `.h5`, frozen `.pb`), the address
    of a TF-Hub module, or in memory a Keras model, a `tf.function` or a `tf.Module`; `signature`,
    `tags`, `outputs` (of a frozen graph) and `custom_objects` (of a Keras file) say how to read it.
    `data` names `.npz` files or directories of them, `inputs` gives domains of generated values by
    input name ("int 0..999"), `quantization_budget` is a part of the scale (0.01) or of the
    decisions ("1%"), `scores` says how outputs are read that somebody decides by
    ("probability@0.3"), `timeout` is in seconds for every single call, `shrink_seconds` for making
    one failing case smaller. With `remember`, what failed is tried first next time.
    `mutation_check` faults are planted in an artifact that is in parity: the report says how many
    would have been noticed, and the verdict stays. Raises RequestError where the request is wrong,
    EnvironmentProblem where this machine lacks something; what the model does wrong is in the
    report.
    """
    request = Request(
        model=model,
        name=name,
        backends=_listed("backends", backends),
        examples=examples,
        seed=seed,
        data=tuple(map(Path, _listed("data", data))),
        inputs={
            taken: parse_domain(said) if isinstance(said, str) else said
            for taken, said in (inputs or {}).items()
        },
        artifact=None if artifact is None else Path(artifact),
        format=format,
        quantize=quantize,
        repair=repair,
        quantization_budget=(
            parse_budget(quantization_budget)
            if isinstance(quantization_budget, str)
            else quantization_budget
        ),
        signature=signature,
        tags=None if tags is None else _listed("tags", tags),
        outputs=_listed("outputs", outputs),
        custom_objects=custom_objects,
        special_values=special_values,
        require_power=require_power,
        scores={
            output: parse_reading(said) if isinstance(said, str) else said
            for output, said in (scores or {}).items()
        },
        atol=atol,
        rtol=rtol,
        js_modules=tuple(map(Path, _listed("js_modules", js_modules))),
        timeout=timeout,
        shrink_seconds=shrink_seconds,
        remember=remember,
        mutation_check=mutation_check,
        work_dir=None if work_dir is None else Path(work_dir),
    )
    return verify_all([request], nodes=nodes, worker=worker)


def _listed(word: str, given: Sequence[_T]) -> tuple[_T, ...]:
    if isinstance(given, (str, os.PathLike)):
        raise RequestError(f"{word} must be a list, as [{os.fspath(given)!r}], not one of them")
    return tuple(given)


def assert_parity(model: object, **options: Any) -> Report:
    """`verify` with the same options, for tests: raises ParityError unless every backend agrees."""
    return verify(model, **options).raise_for_mismatch()


def verify_all(
    requests: Sequence[Request],
    *,
    progress: Progress = SILENT,
    nodes: NodePool | None = None,
    worker: ConversionWorker | None = None,
) -> Report:
    """Verify several models, one after the other, into one report.

    Each gets Node processes of its own, unless `nodes` is given; all are converted by one process,
    `worker` if that is given.
    """
    models: list[ModelReport] = []
    versions: dict[str, Mapping[str, str]] = {}
    with ExitStack() as everything:
        converter = worker or everything.enter_context(ConversionWorker())
        for request in requests:
            with ExitStack() as stack:
                pool = nodes or stack.enter_context(
                    NodePool(extensions=request.js_modules, progress=progress.stage)
                )
                models.append(verify_model(request, pool, converter, progress))
                versions.update(pool.versions)
    return Report(
        verdict=worst_verdict([model.verdict for model in models]),
        environment=assembly.environment(versions),
        seed=requests[0].seed,
        models=tuple(models),
    )


def verify_model(
    request: Request, nodes: NodePool, worker: ConversionWorker, progress: Progress = SILENT
) -> ModelReport:
    """Verify one model on the Node processes of `nodes`."""
    with ExitStack() as stack:
        if request.artifact is None:
            worker.warm_up()
        progress.stage(f"opening {request.model}")
        model = stack.enter_context(open_requested(request))
        data = load_cases(request.data, model.signature)
        nodes.check_extensions(request.js_modules)
        for backend in request.backends:
            nodes.start(backend)
        directory = stack.enter_context(working_directory(request, model))
        progress.stage(f"converting {model.name}")
        try:
            artifact = obtain_artifact(request, model, directory / "artifact", worker)
        except ConversionError as error:
            report = describe_unconverted(request, model, error)
            return _scored(report, unplanted(request)) if request.mutation_check else report
        reference = stack.enter_context(TensorFlow(model, timeout=request.timeout))
        progress.stage(f"getting to know {model.name}")
        knowledge = stack.enter_context(get_to_know(request, model, reference, data))
        quantized = stack.enter_context(
            judge_quantization(request, model, artifact, reference, knowledge, worker, progress)
        )
        if quantized is not None:
            knowledge = replace(knowledge, judge=quantized.judge)
        candidates = stack.enter_context(load(request, artifact, nodes, progress))
        time_all(candidates, reference, knowledge.plan, progress)
        expected = reference if quantized is None else quantized.expected
        parity = compare(request, model, expected, candidates, knowledge, progress)
        shrink(request, model, expected, candidates, parity, knowledge, progress)
        report = describe(request, model, artifact, candidates, parity, knowledge, quantized)
        if not request.mutation_check:
            return report
        score = check_mutants(request, artifact, expected, knowledge, report, progress)
        return _scored(report, score)


def _scored(report: ModelReport, score: MutationScore) -> ModelReport:
    return replace(report, mutation=assembly.mutation(score))
