"""The noise floor: how far correct float32 answers of this model lie from the exact one.

Two estimates are joined. TensorFlow's own error against the float64 oracle is that of a real
implementation, yet only of one, and on one input it may be zero by luck. The oracle with random
rounding in every op (`dither`) is no implementation, yet as many of them as one likes. Together,
over eight cases, they come close to what TensorFlow.js does where it is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from tfjs_verify.cases import Case
from tfjs_verify.errors import DeadlineExceeded, RuntimeFailure
from tfjs_verify.measurements.noise.observing import output_noise
from tfjs_verify.measurements.noise.oracle import Oracle
from tfjs_verify.measurements.noise.output import OutputNoise
from tfjs_verify.measurements.noise.parts import Columns, find_parts
from tfjs_verify.runtimes import Runtime
from tfjs_verify.tensors import Array

DEFAULT_CASES = 8
DEFAULT_REPETITIONS = 4
_UNSTABLE = 16.0
"""A case is unstable where its noise is this many times that of three quarters of the cases."""
_HALF_ULP = 2.0**-24

Basis = Literal["oracle", "partial", "defaults"]


@dataclass(frozen=True)
class Flip:
    """A decision inside the graph that TensorFlow takes otherwise than exact arithmetic would."""

    node: str
    op: str
    changed: int
    of: int

    def __str__(self) -> str:
        return f"{self.op} ({self.node}): {self.changed} of {self.of}"


@dataclass(frozen=True)
class CaseNoise:
    """The noise on one case, whatever it is."""

    case: str
    outputs: Mapping[str, OutputNoise]
    flips: tuple[Flip, ...] = ()


@dataclass(frozen=True)
class Unstable:
    """A case on which rounding moves an output far more than on the others."""

    case: str
    output: str
    noise: float
    """Relative to the largest number of the output."""
    flips: tuple[Flip, ...]
    """The decisions that rounding changes there; it may also just be badly conditioned."""


@dataclass(frozen=True)
class Noise:
    """The noise floor of a model, per output."""

    outputs: Mapping[str, OutputNoise]
    basis: Basis
    """What it rests on: a float64 oracle, one with obstacles, or the table of defaults."""
    reason: str = ""
    """Why it does not rest on a whole oracle."""
    cases: int = 0
    unstable: tuple[Unstable, ...] = ()
    """Cases that an output's noise leaves out, so that they excuse nothing but themselves."""
    parts: Mapping[str, Sequence[Columns]] = field(default_factory=dict)
    """The columns of outputs that are of several sizes, each of which has its own noise."""

    def __getitem__(self, output: str) -> OutputNoise:
        return self.outputs[output]

    def on(self, case: CaseNoise) -> Noise:
        """This noise, joined with that of one case: for judging that case alone."""
        outputs = {
            name: each.joined(own).deciding(own)
            for name, each in self.outputs.items()
            for own in [case.outputs[name]]
        }
        return replace(self, outputs=outputs, cases=self.cases + 1)


def measure_noise(
    reference: Runtime,
    oracle: Oracle | None,
    cases: Iterable[Case],
    *,
    repetitions: int = DEFAULT_REPETITIONS,
    reason: str = "",
) -> Noise:
    """The noise of `reference` against `oracle` on `cases`, of which eight are plenty.

    `repetitions` is the number of random roundings per case. Cases that one of the two refuses are
    left out. Without an oracle, for which `reason` says why, without a case, or where the model
    draws random numbers, the table of defaults speaks.
    """
    measured: list[CaseNoise] = []
    parts: Mapping[str, tuple[Columns, ...]] = {}
    if oracle is not None and oracle.random:
        reason = f"the model draws random numbers: {', '.join(oracle.random)}"
    elif oracle is not None:
        cases = tuple(cases)
        parts = _parts(reference, cases)
        for case in cases:
            try:
                measured.append(
                    measure_case(reference, oracle, case, repetitions=repetitions, parts=parts)
                )
            except RuntimeFailure as failure:
                reason = failure.message
    specs = reference.signature.outputs
    if oracle is None or not measured:
        defaults = {spec.name: OutputNoise(spec.name, spec.dtype) for spec in specs}
        return Noise(defaults, "defaults", reason or "no case was measured")
    pooled = {name: _pool(name, measured, dtypes) for name, dtypes in oracle.dtypes.items()}
    lacking = _lacking(oracle)
    return Noise(
        {name: noise for name, (noise, _) in pooled.items()},
        "partial" if lacking else "oracle",
        "; ".join(lacking),
        cases=len(measured),
        unstable=tuple(each for _, unstable in pooled.values() for each in unstable),
        parts=parts,
    )


def _lacking(oracle: Oracle) -> list[str]:
    """What keeps the oracle from being a whole one."""
    lacking = []
    if not oracle.lifted:
        lacking.append(f"computed in float32: {', '.join(oracle.obstacles)}")
    if not oracle.settles:
        lacking.append("TensorFlow's own error alone, for with random rounding a loop does not end")
    return lacking


def _parts(reference: Runtime, cases: Sequence[Case]) -> dict[str, tuple[Columns, ...]]:
    """The parts of the outputs whose columns are of several sizes."""
    answers: list[Mapping[str, Array]] = []
    for case in cases:
        with suppress(RuntimeFailure):  # the measurement itself says why
            answers.append(reference.run(case.inputs))
    found = {
        spec.name: find_parts([each[spec.name] for each in answers])
        for spec in reference.signature.outputs
    }
    return {name: parts for name, parts in found.items() if parts}


def measure_case(
    reference: Runtime,
    oracle: Oracle,
    case: Case,
    *,
    repetitions: int = DEFAULT_REPETITIONS,
    parts: Mapping[str, Sequence[Columns]] = MappingProxyType({}),
) -> CaseNoise:
    """The noise on one case, and the decisions that rounding changes there.

    A case that disagrees beyond the usual noise is given this before it is called wrong. `parts`
    are columns, by output, that are measured by themselves. Raises RuntimeFailure.
    """
    exact = oracle.run(case.inputs)
    answer = reference.run(case.inputs)
    dithered = _roundings(oracle, case, repetitions)
    outputs = {
        spec.name: output_noise(
            spec.name,
            spec.dtype,
            exact[spec.name],
            answer[spec.name],
            [each[spec.name] for each in dithered],
            parts=parts.get(spec.name, ()),
            counts=spec.name in oracle.counts,
        )
        for spec in reference.signature.outputs
    }
    return CaseNoise(case.name, outputs, _flips(oracle, case))


def _roundings(oracle: Oracle, case: Case, repetitions: int) -> list[dict[str, Array]]:
    """Answers with random rounding; none where a loop waits for them to settle."""
    try:
        return [oracle.run_dithered(case.inputs) for _ in range(repetitions)]
    except DeadlineExceeded:
        return []


def _flips(oracle: Oracle, case: Case) -> tuple[Flip, ...]:
    found = []
    for name, (narrow, wide) in oracle.decide(case.inputs).items():
        changed = _changed(narrow, wide)
        if changed:
            node = name.partition(":")[0]
            found.append(Flip(node, oracle.decisions[name], changed, int(wide.size)))
    return tuple(found)


def _changed(narrow: Array, wide: Array) -> int:
    if narrow.shape != wide.shape:
        return int(wide.size)
    return int(np.count_nonzero(narrow != wide))


def _pool(
    name: str, measured: Sequence[CaseNoise], dtypes: frozenset[str]
) -> tuple[OutputNoise, tuple[Unstable, ...]]:
    """The noise over all cases but the unstable ones."""
    each = [(case, case.outputs[name]) for case in measured]
    peaks = sorted(noise.envelope.peak for _, noise in each)
    usual = max(peaks[(3 * len(peaks) - 1) // 4], _HALF_ULP)
    unstable = tuple(
        Unstable(case.case, name, noise.envelope.peak, case.flips)
        for case, noise in each
        if noise.envelope.peak > _UNSTABLE * usual
    )
    names = {case.case for case in unstable}
    kept = [noise for case, noise in each if case.case not in names]
    pooled = OutputNoise(name, kept[0].dtype, dtypes=dtypes)
    parts = next((noise.parts for noise in kept if noise.parts), ())
    pooled = replace(pooled, parts=tuple((c, replace(part, dtypes=dtypes)) for c, part in parts))
    for noise in kept:
        pooled = pooled.joined(noise)
    return pooled, unstable
