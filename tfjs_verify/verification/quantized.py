"""A quantised artifact's three links, each judged by itself: conversion, quantisation, backends.

What the backends have to compute is the model's graph with the artifact's weights. The graph is
that of a conversion that is not quantised, so that a fault of the artifact's own is no part of what
is expected; the weights are the artifact's, and each has to be the model's, give or take half a
step. An artifact of another graph, as other converters make them, can only be replayed as it is:
then what it moves has to be what rounding its weights may move.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tfjs_verify.artifact import Artifact, load_artifact
from tfjs_verify.artifact.contents import Contents, read_contents, write_contents
from tfjs_verify.conversion import ConversionWorker, convert
from tfjs_verify.errors import ArtifactError, ConversionError, LoadError
from tfjs_verify.measurements.fidelity import Unfaithful, comparable, unfaithful_weights
from tfjs_verify.measurements.judging import NoiseJudge
from tfjs_verify.measurements.noise import Frozen, Oracle, measure_noise
from tfjs_verify.measurements.quantization import (
    QuantizationEffect,
    beyond_rounding,
    changed_by_conversion,
    measure_quantization,
    rounded_anew,
)
from tfjs_verify.model import Model
from tfjs_verify.runtimes import Runtime, TensorFlow
from tfjs_verify.runtimes.replay import ArtifactReplay
from tfjs_verify.verification.knowledge import Knowledge
from tfjs_verify.verification.request import Progress, Request

_FOREIGN = (
    "its graph is not the one that a conversion gives here, so that a fault that moves no more "
    "than rounding its weights may move cannot be told from quantisation"
)
_ROUNDINGS = 3
_NAMED = 3
"""Weights that are named where more than these are wrong."""


@dataclass(frozen=True)
class Quantized:
    """A quantised artifact: what its backends are compared with, and what was found before them."""

    expected: Runtime
    """The quantised graph in TensorFlow; the original model where TensorFlow has no such graph."""
    judge: NoiseJudge
    """Knows the noise of `expected`, which may be worse conditioned than the original."""
    effect: QuantizationEffect | None
    faults: tuple[str, ...] = ()
    """What is wrong and no quantisation, as sentences."""
    doubt: str = ""
    """What could not be looked at."""
    reason: str = ""
    """Why quantisation could not be told from the backends."""


def _told(unfaithful: Sequence[Unfaithful]) -> tuple[str, ...]:
    more = len(unfaithful) - _NAMED
    rest = (f"{more} more weights are not the model's either",) if more > 0 else ()
    return (*map(str, unfaithful[:_NAMED]), *rest)


@contextmanager
def judge_quantization(
    request: Request,
    model: Model,
    artifact: Artifact,
    reference: TensorFlow,
    knowledge: Knowledge,
    worker: ConversionWorker,
    progress: Progress,
) -> Iterator[Quantized | None]:
    """What the backends of `artifact` are compared with; None where nothing is quantised."""
    if artifact.quantization is None:
        yield None
        return
    progress.stage("measuring what quantisation changes")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tfjs-verify-")))
        try:
            links = _Links(request, model, reference, knowledge, scratch, stack)
            quantized = links.judged(artifact, links.whole(artifact, worker))
        except (LoadError, ArtifactError) as error:
            quantized = Quantized(reference, knowledge.judge, None, reason=error.message)
        yield quantized


class _Links:
    """What lies between a model and the backends that run its quantised artifact."""

    def __init__(
        self,
        request: Request,
        model: Model,
        reference: TensorFlow,
        knowledge: Knowledge,
        scratch: Path,
        stack: ExitStack,
    ) -> None:
        self._request = request
        self._model = model
        self._reference = reference
        self._knowledge = knowledge
        self._scratch = scratch
        self._stack = stack

    def whole(self, artifact: Artifact, worker: ConversionWorker) -> Artifact | None:
        """The model converted likewise and not quantised; None where it has no such form."""
        try:
            return convert(
                self._model,
                self._scratch / "whole",
                format=artifact.format,
                repair=self._request.repair,
                js_modules=self._request.js_modules,
                worker=worker,
            )
        except ConversionError:
            return None

    def judged(self, artifact: Artifact, whole: Artifact | None) -> Quantized:
        """The links before the backends. Raises LoadError, ArtifactError."""
        contents = read_contents(artifact)
        plain = None if whole is None else read_contents(whole)
        if whole is None or plain is None or not comparable(plain, contents):
            replay = self._replay(artifact)
            effect = self._effect(replay, artifact)
            faults = beyond_rounding(effect, self._rounded(replay, contents))
            return Quantized(replay, self._judge(replay), effect, faults, doubt=_FOREIGN)
        before = changed_by_conversion(
            self._reference, self._replay(whole), judge=self._knowledge.judge, **self._cases()
        )
        unfaithful = _told(unfaithful_weights(plain, contents))
        expected = self._replay(self._written(replace(plain, weights=contents.weights), "expected"))
        effect = self._effect(expected, artifact)
        return Quantized(expected, self._judge(expected), effect, (*before, *unfaithful))

    def _effect(self, replay: Runtime, artifact: Artifact) -> QuantizationEffect:
        return measure_quantization(
            self._reference,
            replay,
            scores=self._knowledge.scores,
            budget=self._request.quantization_budget,
            artifact=artifact,
            **self._cases(),
        )

    def _rounded(self, replay: Runtime, contents: Contents) -> list[QuantizationEffect]:
        """What rounding the weights once more does, a few times at random."""
        effects = []
        for seed in range(_ROUNDINGS):
            again = self._written(rounded_anew(contents, seed=seed), f"rounded-{seed}")
            with ArtifactReplay(again) as other:
                effects.append(measure_quantization(replay, other, scores={}, **self._cases()))
        return effects

    def _judge(self, replay: ArtifactReplay) -> NoiseJudge:
        """Judges by the noise of the quantised graph, as far as it can be computed in float64."""
        graph = replay.graph
        if graph.outputs.keys() != {spec.name for spec in self._model.signature.outputs}:
            return self._knowledge.judge  # what it lacks is wrong whatever the noise
        frozen = Frozen(graph.graph, graph.inputs, graph.outputs, captures={}, owner=None)
        try:
            oracle = self._stack.enter_context(
                Oracle(self._model, frozen=frozen, timeout=self._request.timeout)
            )
        except LoadError:
            return self._knowledge.judge
        noise = measure_noise(replay, oracle, self._knowledge.cases)
        return self._knowledge.judge.of(noise, reference=replay, oracle=oracle)

    def _written(self, contents: Contents, name: str) -> Artifact:
        directory = self._scratch / name
        directory.mkdir()
        write_contents(contents, directory)
        return load_artifact(directory, self._model.signature)

    def _replay(self, artifact: Artifact) -> ArtifactReplay:
        return self._stack.enter_context(ArtifactReplay(artifact))

    def _cases(self) -> dict[str, Any]:
        """The cases that the backends are asked too, as a measurement takes them."""
        return {
            "examples": self._request.examples,
            "seed": self._request.seed,
            "data": self._knowledge.plan.samples,
            "plan": self._knowledge.plan,
            "order_free": self._knowledge.order_free,
        }
