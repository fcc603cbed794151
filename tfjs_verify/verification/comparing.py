"""The comparison itself: all cases on all backends, and what fails made small."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_path

from tfjs_verify.cases import Case, CasePlan, Memory, Smallest, find_smallest, save_case
from tfjs_verify.measurements.parity import Parity, disagrees, measure_parity
from tfjs_verify.model import Model
from tfjs_verify.runtimes import TFJS, Runtime
from tfjs_verify.verification.candidates import Candidate
from tfjs_verify.verification.knowledge import Knowledge
from tfjs_verify.verification.request import Progress, Request

FAILURES = Path("failures")
"""Where failing cases are kept when no working directory was named."""

_SPECIAL_CASES = 16
"""Cases of special values beside the ordinary ones, two for each class and each sign."""


def compare(
    request: Request,
    model: Model,
    reference: Runtime,
    candidates: Sequence[Candidate],
    knowledge: Knowledge,
    progress: Progress,
) -> Parity:
    """All cases on all backends that are still there."""
    plan = knowledge.plan
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
        memory=_memory(request, model, plan),
        plan=plan,
        judge=knowledge.judge,
        scores=knowledge.scores,
        order_free=knowledge.order_free,
        special=special,
        strict=request.special_values == "strict",
        on_case=lambda done: progress.cases(done, total),
    )


def shrink(
    request: Request,
    model: Model,
    reference: Runtime,
    candidates: Sequence[Candidate],
    parity: Parity,
    knowledge: Knowledge,
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
                return disagrees(
                    reference,
                    runtime,
                    case,
                    knowledge.judge,
                    order_free=knowledge.order_free,
                    strict=strict,
                )

            progress.stage(f"looking for the smallest case that fails on {candidate.backend}")
            with candidate.stopping():
                candidate.smallest = next(
                    (each for each in found if fails(each.case)), None
                ) or find_smallest(
                    failing, fails, plan=knowledge.plan, seconds=request.shrink_seconds
                )
                found.append(candidate.smallest)
        kept = failing if candidate.smallest is None else candidate.smallest.case
        path = directory / f"{model.name}-{candidate.backend}.npz"
        candidate.saved_case = str(save_case(kept, path))


def _memory(request: Request, model: Model, plan: CasePlan) -> Memory | None:
    """What failed on these backends and these domains in earlier runs; it is in the user's cache.

    A case of another domain may be none of this one: it failed because nobody had stated that.
    """
    if not request.remember:
        return None
    made = (request.artifact, request.format, request.quantize, request.repair)
    domains = [(name, str(each), each.source) for name, each in sorted(plan.domains.items())]
    identity = (model.path, model.signature_key, model.signature, request.backends, made, domains)
    digest = hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
    return Memory(user_cache_path("tfjs-verify") / "failures", f"{model.name}-{digest}")
