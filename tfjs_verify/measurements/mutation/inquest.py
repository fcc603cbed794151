"""Why a mutant was not noticed: it is no fault at all, or verification missed one.

The mutant's graph and the artifact's are computed in float64, on the cases that were shown and on
as many others. What has no effect there beyond rounding is equivalent; so is what TensorFlow.js
does not read: an effect in TensorFlow's semantics, and not one bit of difference in its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tfjs_verify.artifact import Artifact
from tfjs_verify.artifact.contents import Contents
from tfjs_verify.cases import Case
from tfjs_verify.errors import DeadlineExceeded, ExecutionError, LoadError
from tfjs_verify.measurements.judging import Judge, NoiseAllowance, NoiseJudge
from tfjs_verify.measurements.mutation.exact import ExactArtifact, effect
from tfjs_verify.measurements.mutation.score import Fate
from tfjs_verify.measurements.noise import DEFAULT_FACTOR
from tfjs_verify.runtimes import TFJS, Runtime
from tfjs_verify.tensors import Array, Signature
from tfjs_verify.tolerance import Allowance, default_tolerance

ROUNDING = 0.1
"""The share of a measured allowance that is no more than rounding: of five times the noise, half.

A tolerance that the user named says nothing about rounding: it may be as wide as a fault.
"""
_NOTHING = 1e-6


class Planting(Protocol):
    """How to have contents on the backend."""

    def planted(self, contents: Contents) -> AbstractContextManager[TFJS]:
        """A runtime of these contents."""


@dataclass(frozen=True)
class Finding:
    """What is known of a mutant that was not noticed."""

    fate: Fate
    why: str
    effect: float | None = None


class Inquest:
    """Looks at mutants of one artifact that were not noticed."""

    def __init__(
        self,
        artifact: Artifact,
        contents: Contents,
        reference: Signature,
        judge: Judge,
        planting: Planting,
        *,
        shown: Sequence[Case],
        others: Sequence[Case],
    ) -> None:
        """`shown` are the cases that did not tell, `others` more of the same kind."""
        self._artifact = artifact
        self._contents = contents
        self._reference = reference
        self._allowed = judge.allowances
        self._noise = _noise_allowances(judge, reference)
        self._planting = planting
        self._shown = tuple(shown)
        self._cases = (*shown, *others)
        self._original: ExactArtifact | None = None
        self._answers: dict[int, Mapping[str, Array] | None] = {}

    def examine(self, candidate: TFJS, contents: Contents) -> Finding:
        """The fate of `candidate`, which was made of `contents`: survived or equivalent."""
        try:
            mutant = ExactArtifact(candidate.artifact, contents, self._reference)
            found = [self._effect(mutant, number) for number in range(len(self._cases))]
            self._check_answered()
        except (LoadError, ExecutionError, DeadlineExceeded) as error:
            if self._answers_alike(candidate, self._cases):
                why = (
                    f"TensorFlow.js's answers to {len(self._cases)} cases are the same bit for bit;"
                    " TensorFlow cannot compute this mutant"
                )
                return Finding("equivalent", why)
            return Finding("survived", f"its effect cannot be computed: {error.message}")
        effects, beside_noise = ([each[side] for each in found] for side in (0, 1))
        largest, loudest = max(effects), max(beside_noise)
        if loudest <= _NOTHING:
            return Finding(
                "equivalent", f"no effect in exact arithmetic on {len(found)} cases", largest
            )
        if loudest <= ROUNDING:
            why = (
                f"its largest effect in exact arithmetic on {len(found)} cases, {loudest:.2g} of"
                " what rounding may do, is no more than rounding"
            )
            return Finding("equivalent", why, largest)
        shown = max(beside_noise[: len(self._shown)])
        if shown > ROUNDING:
            telling = self._cases[beside_noise.index(shown)]
            if self._answers_alike(candidate, [telling]):
                return Finding("equivalent", self._unread(), largest)
        return Finding("survived", self._missed(effects), largest)

    def _missed(self, effects: Sequence[float]) -> str:
        largest, shown = max(effects), max(effects[: len(self._shown)])
        if largest <= 1:
            return f"its largest effect is {largest:.2g} of what is allowed"
        telling = self._cases[effects.index(largest)]
        if shown <= 1:
            return (
                f"none of {len(self._shown)} cases shows it; {telling.name} of another seed does,"
                f" by {largest:.3g} times what is allowed"
            )
        return (
            f"its effect on {telling.name} is {largest:.2g} times what is usually allowed, but"
            " rounding is as large there, or decides"
        )

    def _effect(self, mutant: ExactArtifact, number: int) -> tuple[float, float]:
        """The effect on one case as a share of what is allowed, and of what noise would allow.

        None where the artifact itself has no answer.
        """
        before = self._answer(number)
        if before is None:
            return 0.0, 0.0
        after = mutant.run(self._cases[number].inputs)
        return effect(before, after, self._allowed), effect(before, after, self._noise)

    def _answer(self, number: int) -> Mapping[str, Array] | None:
        """What the artifact answers in exact arithmetic, computed once."""
        if self._original is None:
            self._original = ExactArtifact(self._artifact, self._contents, self._reference)
        if number not in self._answers:
            try:
                self._answers[number] = self._original.run(self._cases[number].inputs)
            except ExecutionError:
                self._answers[number] = None
        return self._answers[number]

    def _check_answered(self) -> None:
        """Raises ExecutionError where exact arithmetic says nothing at all."""
        if all(answer is None for answer in self._answers.values()):
            raise ExecutionError("the artifact's float64 form answers no case")

    def _answers_alike(self, candidate: Runtime, cases: Sequence[Case]) -> bool:
        """Whether the backend's answers are those of the artifact, bit for bit."""
        with self._planting.planted(self._contents) as healthy:
            return all(
                _bits(candidate.run(case.inputs)) == _bits(healthy.run(case.inputs))
                for case in cases
            )

    def _unread(self) -> str:
        return "TensorFlow.js does not read it: its answers are the same bit for bit"


def _noise_allowances(judge: Judge, reference: Signature) -> Mapping[str, Allowance]:
    """What each output may differ by for rounding alone, whatever tolerance the user named."""
    if not isinstance(judge, NoiseJudge):
        return judge.allowances
    measured = {spec.name: judge.noise[spec.name] for spec in reference.outputs}
    return {
        spec.name: NoiseAllowance(measured[spec.name], DEFAULT_FACTOR)
        if measured[spec.name].measured
        else default_tolerance(spec.dtype)
        for spec in reference.outputs
    }


def _bits(answers: Mapping[str, Array]) -> dict[str, object]:
    return {
        name: (array.shape, array.tolist() if array.dtype == object else array.tobytes())
        for name, array in answers.items()
    }
