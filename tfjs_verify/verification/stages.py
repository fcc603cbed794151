"""The steps of a verification between the artifact and the report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from tfjs_verify.artifact import Artifact
from tfjs_verify.cases import (
    Case,
    CasePlan,
    Memory,
    Smallest,
    find_smallest,
    infer_domains,
    plan_cases,
    refine_dimensions,
    sample_cases,
    save_case,
    typical_case,
)
from tfjs_verify.errors import ExecutionError, LoadError, RuntimeFailure
from tfjs_verify.measurements.decisions import Scores
from tfjs_verify.measurements.judging import NoiseJudge
from tfjs_verify.measurements.latency import Latency, measure_latency
from tfjs_verify.measurements.noise import DEFAULT_CASES, Oracle, measure_noise
from tfjs_verify.measurements.noise.freezing import Frozen
from tfjs_verify.measurements.parity import CandidateParity, Parity, disagrees, measure_parity
from tfjs_verify.measurements.quantization import QuantizationEffect, measure_quantization
from tfjs_verify.measurements.stability import unsettled_outputs
from tfjs_verify.model import Model
from tfjs_verify.runtimes import TFJS, Backend, NodePool, Runtime, TensorFlow
from tfjs_verify.runtimes.replay import ArtifactReplay
from tfjs_verify.verification.request import Progress, Request

FAILURES = Path("failures")
"""Where failing cases are kept when no working directory was named."""

_SPECIAL_CASES = 16
"""Cases of special values beside the ordinary ones, two for each class and each sign."""


@dataclass
class Candidate:
    """One backend on its way through the stages; `failure` ends it."""

    backend: Backend
    runtime: TFJS | None = None
    failure: RuntimeFailure | None = None
    latency: Latency | None = None
    smallest: Smallest | None = None
    saved_case: str | None = None

    @property
    def live(self) -> TFJS | None:
        """The runtime, as long as nothing failed."""
        return self.runtime if self.failure is None else None

    def parity(self, parity: Parity) -> CandidateParity | None:
        """What the comparison says of this backend; None where it never got there."""
        if self.live is None:
            return None
        return next(each for each in parity.candidates if each.name == self.live.name)

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """Take a failure of the backend as its end, not as the run's."""
        try:
            yield
        except RuntimeFailure as failure:
            self.failure = failure


def plan_model(
    request: Request, model: Model, frozen: Frozen, reference: TensorFlow, data: Sequence[Case]
) -> CasePlan:
    """What cases are drawn from: what the user said, else the graph, the data, the dtypes.

    Sizes that TensorFlow refuses are left out. Raises CaseError where none is left.
    """
    inferred = infer_domains(frozen.graph, frozen.inputs, model.signature)
    plan = plan_cases(model.signature, domains={**inferred, **request.inputs}, samples=data)
    if not request.examples:
        return plan

    def accepts(case: Case) -> bool:
        try:
            reference.run(case.inputs)
        except ExecutionError:
            return False
        return True

    return refine_dimensions(plan, accepts)


@contextmanager
def get_to_know(
    request: Request, model: Model, reference: TensorFlow, plan: CasePlan
) -> Iterator[NoiseJudge]:
    """Measure the model's own noise on a few cases; the judge that knows it."""
    with ExitStack() as stack:
        oracle, reason = None, ""
        try:
            oracle = stack.enter_context(Oracle(model))
        except LoadError as error:
            reason = error.message
        if request.examples:
            cases = sample_cases(plan, count=DEFAULT_CASES, seed=request.seed)
        else:
            cases = plan.samples[:DEFAULT_CASES]
        yield NoiseJudge(
            measure_noise(reference, oracle, cases, reason=reason),
            model.signature.outputs,
            reference=reference,
            oracle=oracle,
            atol=request.atol,
            rtol=request.rtol,
            unsettled=unsettled_outputs(reference, cases),
        )


@contextmanager
def load(
    request: Request, artifact: Artifact, nodes: NodePool, progress: Progress
) -> Iterator[list[Candidate]]:
    """The artifact on every backend that was asked for."""
    with ExitStack() as stack:
        candidates = [Candidate(backend) for backend in request.backends]
        for candidate in candidates:
            progress.stage(f"loading on {candidate.backend}")
            session = nodes.start(candidate.backend)
            with candidate.stopping():
                candidate.runtime = stack.enter_context(
                    TFJS(artifact, session=session, timeout=request.timeout)
                )
        yield candidates


def time_all(
    candidates: Sequence[Candidate], reference: TensorFlow, plan: CasePlan, progress: Progress
) -> None:
    """One after the other: what runs beside a timed backend would be in its figures."""
    case = typical_case(plan)
    try:
        reference_p50 = reference.time(case.inputs).percentile(50)
    except ExecutionError:
        return  # the reference rejects this very case; the comparison will say so
    for candidate in candidates:
        if candidate.live is not None:
            progress.stage(f"timing {candidate.backend}")
            with candidate.stopping():
                candidate.latency = measure_latency(
                    candidate.live, case, reference_p50_ms=reference_p50
                )


@dataclass(frozen=True)
class Quantized:
    """A quantised artifact: its graph in TensorFlow, and what quantisation did to the model."""

    replay: ArtifactReplay
    effect: QuantizationEffect


@contextmanager
def judge_quantization(
    request: Request,
    artifact: Artifact,
    reference: TensorFlow,
    plan: CasePlan,
    scores: Mapping[str, Scores],
    progress: Progress,
) -> Iterator[Quantized | None]:
    """The quantised graph, which the backends are compared with; None where nothing is quantised.

    Raises LoadError where TensorFlow cannot replay the artifact.
    """
    if artifact.quantization is None:
        yield None
        return
    progress.stage("measuring what quantisation changes")
    with ArtifactReplay(artifact) as replay:
        effect = measure_quantization(
            reference,
            replay,
            examples=request.examples,
            seed=request.seed,
            data=plan.samples,
            plan=plan,
            scores=scores,
            budget=request.quantization_budget,
        )
        yield Quantized(replay, effect)


def compare(
    request: Request,
    model: Model,
    reference: Runtime,
    candidates: Sequence[Candidate],
    plan: CasePlan,
    judge: NoiseJudge,
    scores: Mapping[str, Scores],
    progress: Progress,
) -> Parity:
    """All cases on all backends that are still there."""
    special = 0
    if request.examples and request.special_values != "off":
        special = min(request.examples, _SPECIAL_CASES)
    total = len(plan.samples) + request.examples + special
    progress.stage("comparing")
    return measure_parity(
        reference,
        *(candidate.live for candidate in candidates if candidate.live is not None),
        examples=request.examples,
        seed=request.seed,
        data=plan.samples,
        memory=_memory(request, model),
        plan=plan,
        judge=judge,
        scores=scores,
        special=special,
        strict=request.special_values == "strict",
        on_case=lambda done: progress.cases(done, total),
    )


def _memory(request: Request, model: Model) -> Memory | None:
    """What failed on these backends in earlier runs; it lives in the user's cache."""
    if not request.remember:
        return None
    identity = repr((model.path, model.signature_key, model.signature, request.backends))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return Memory(user_cache_path("tfjs-verify") / "failures", f"{model.name}-{digest}")


def shrink(
    request: Request,
    model: Model,
    reference: Runtime,
    candidates: Sequence[Candidate],
    parity: Parity,
    plan: CasePlan,
    judge: NoiseJudge,
    progress: Progress,
) -> None:
    """Make what failed small enough to read, and keep it as a file that replays it.

    What is smallest for one backend is tried on the next before anything is searched again.
    """
    strict = request.special_values == "strict"
    directory = FAILURES if request.work_dir is None else request.work_dir / model.name / "cases"
    found: list[Smallest] = []
    for candidate in candidates:
        result = candidate.parity(parity)
        failing = None if result is None else result.case_to_keep
        if failing is None:
            continue
        runtime = candidate.live
        if runtime is not None and result is not None and result.failure is None:

            def fails(case: Case, runtime: TFJS = runtime) -> bool:
                return disagrees(reference, runtime, case, judge, strict=strict)

            progress.stage(f"looking for the smallest case that fails on {candidate.backend}")
            with candidate.stopping():
                candidate.smallest = next(
                    (each for each in found if fails(each.case)), None
                ) or find_smallest(failing, fails, plan=plan, seconds=request.shrink_seconds)
                found.append(candidate.smallest)
        kept = failing if candidate.smallest is None else candidate.smallest.case
        path = directory / f"{model.name}-{candidate.backend}.npz"
        candidate.saved_case = str(save_case(kept, path))
