"""One model judged as `verify` judges it, with one seed or many: what alarms, and by how much."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from tfjs_verify.artifact import Artifact
from tfjs_verify.cases import Case, Domain
from tfjs_verify.errors import TfjsVerifyError
from tfjs_verify.measurements.parity import CandidateParity
from tfjs_verify.model import Model
from tfjs_verify.runtimes import BACKENDS, NodePool, TensorFlow
from tfjs_verify.verification.candidates import Candidate, load
from tfjs_verify.verification.comparing import compare
from tfjs_verify.verification.knowledge import know, read_graph
from tfjs_verify.verification.request import SILENT, Request, SpecialValues


@dataclasses.dataclass(frozen=True)
class Answers:
    """What one backend did under all seeds."""

    cases: int = 0
    noise_ratio: float = 0.0
    """The largest error ÷ noise."""
    scaled_error: float = 0.0
    """The largest error ÷ the largest number of its output."""
    alarms: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """By seed, the first disagreement that counts."""
    failure: str = ""
    """Why it could not go on."""

    @property
    def passes(self) -> bool:
        """Whether it answered, and never disagreed."""
        return self.cases > 0 and not self.alarms and not self.failure


@dataclasses.dataclass(frozen=True)
class Judged:
    """One model under all seeds."""

    noise: float = 0.0
    """The largest noise measured, relative to the largest number of its output."""
    basis: str = ""
    """What the noise rests on."""
    unsettled: bool = False
    """Whether TensorFlow does not agree with itself, so that nothing can alarm."""
    oracle_seconds: float = 0.0
    """Reading the graph and measuring the noise of the first seed."""
    answers: Mapping[str, Answers] = dataclasses.field(default_factory=dict)

    @property
    def passes(self) -> bool:
        """Whether every backend passes."""
        return all(each.passes for each in self.answers.values())


def judge(
    model: Model,
    artifact: Artifact,
    nodes: NodePool,
    *,
    seeds: Sequence[int] = (0,),
    examples: int = 100,
    domains: Mapping[str, Domain] | None = None,
    data: Callable[[int], Sequence[Case]] = lambda seed: (),
    special_values: SpecialValues = "report",
    timeout: float = 600.0,
) -> Judged:
    """Compare `artifact` with `model` on every backend; `data` gives the real cases of a seed."""
    request = Request(
        model=None,
        examples=examples,
        inputs=domains or {},
        special_values=special_values,
        remember=False,
        timeout=timeout,
    )
    answers = dict.fromkeys(BACKENDS, Answers())
    judged = Judged()
    with ExitStack() as stack:
        reference = stack.enter_context(TensorFlow(model, timeout=timeout))
        candidates = stack.enter_context(load(request, artifact, nodes, SILENT))
        started = time.perf_counter()
        read = stack.enter_context(read_graph(model, timeout=timeout))
        for seed in seeds:
            seeded = dataclasses.replace(request, seed=seed)
            knowledge = know(seeded, model, reference, data(seed), read)
            noise = knowledge.judge.noise
            judged = dataclasses.replace(
                judged,
                noise=max([judged.noise, *(e.envelope.peak for e in noise.outputs.values())]),
                basis=noise.basis,
                unsettled=judged.unsettled or bool(knowledge.judge.unsettled),
                oracle_seconds=judged.oracle_seconds or round(time.perf_counter() - started, 1),
            )
            parity = compare(seeded, model, reference, candidates, knowledge, SILENT)
            for candidate in candidates:
                told = candidate.parity(parity)
                if told is not None:
                    before = answers[candidate.backend]
                    answers[candidate.backend] = _added(before, told, candidate, seed)
        for candidate in candidates:
            if candidate.failure is not None:
                failure = _line(candidate.failure)
                answers[candidate.backend] = dataclasses.replace(
                    answers[candidate.backend], failure=failure
                )
    return dataclasses.replace(judged, answers=answers)


def _added(before: Answers, told: CandidateParity, candidate: Candidate, seed: int) -> Answers:
    if told.failure is not None:
        candidate.failure = told.failure
        return before
    gating = [each for each in told.disagreements if each.gates]
    alarms = {**before.alarms, str(seed): _alarm(gating[0])} if gating else before.alarms
    ratios = [each.noise_ratio or 0.0 for each in told.outputs]
    errors = [each.errors.scaled or 0.0 for each in told.outputs]
    return dataclasses.replace(
        before,
        cases=before.cases + told.cases,
        noise_ratio=max([before.noise_ratio, *ratios]),
        scaled_error=max([before.scaled_error, *errors]),
        alarms=alarms,
    )


def _alarm(disagreement: Any) -> str:
    worst = disagreement.mismatch
    what = disagreement.comparison.structure or (
        f"{list(worst.index)}: TensorFlow {worst.expected}, TensorFlow.js {worst.actual},"
        f" allowed {worst.allowed:.3g}"
    )
    return f"{disagreement.case.name}: {disagreement.comparison.name}{what}"


def _line(error: TfjsVerifyError) -> str:
    return " ".join(error.message.split())[:200]
