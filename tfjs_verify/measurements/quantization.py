"""What quantisation itself changes: the quantised graph in TensorFlow against the original model.

Kept apart from the backends: those are compared with the quantised graph at float tolerance, so
that no kernel fault hides behind "it is quantised", and no healthy artifact fails for being so.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfjs_verify.artifact import Artifact
from tfjs_verify.artifact.contents import Contents
from tfjs_verify.artifact.files import read_model_json
from tfjs_verify.artifact.weights import quantized_entries, read_weights
from tfjs_verify.cases import Case, CasePlan
from tfjs_verify.errors import RequestError
from tfjs_verify.measurements.decisions import Decisions
from tfjs_verify.measurements.judging import Judge
from tfjs_verify.measurements.order import Unordered
from tfjs_verify.measurements.parity import CandidateParity, measure_parity
from tfjs_verify.measurements.readings import Scores
from tfjs_verify.runtimes import Runtime
from tfjs_verify.tolerance import Tolerance


@dataclass(frozen=True)
class Budget:
    """What quantisation may cost: a part of each output's scale, or a share of its decisions."""

    scaled_error: float = math.inf
    decisions: float = 1.0

    def __str__(self) -> str:
        if self.decisions < 1:
            return f"{100 * self.decisions:g} % of the decisions"
        return f"{self.scaled_error:g} of the scale"


UNLIMITED = Budget()


def parse_budget(text: str) -> Budget:
    """A budget from "0.01", a part of the scale, or "1%", of the decisions; else RequestError."""
    number, percent = (text[:-1], True) if text.endswith("%") else (text, False)
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 <= value < (100 if percent else math.inf):
        raise RequestError(
            f"a quantisation budget of {text!r}: expected a part of the output's scale such as "
            "0.01, or a share of the decisions such as 1%"
        )
    return Budget(decisions=value / 100) if percent else Budget(scaled_error=value)


@dataclass(frozen=True)
class Suspect:
    """A weight that no longer is what it was, and what it is now: infinite, or zero."""

    name: str
    value: float

    @property
    def infinite(self) -> bool:
        """Whether it was too large; else too small."""
        return math.isinf(self.value)

    def __str__(self) -> str:
        return f'"{self.name}" is {self.value:g} ({"a mask" if self.infinite else "an epsilon"}?)'


@dataclass(frozen=True)
class QuantizationEffect:
    """What quantisation did to every output and decision, and what of it is too much."""

    parity: CandidateParity
    budget: Budget
    suspects: tuple[Suspect, ...] = ()
    """Weights that the dtype may have destroyed."""

    @property
    def decisions(self) -> tuple[Decisions, ...]:
        """The decisions that changed for being quantised."""
        return self.parity.decisions

    @property
    def moved(self) -> dict[str, float]:
        """By output how far it moved at most, relative to its largest number."""
        return {output.name: output.errors.scaled for output in self.parity.outputs}

    @property
    def excesses(self) -> tuple[str, ...]:
        """What is over the budget or beyond repair, as sentences; empty where all is well."""
        found = []
        if self.parity.failure is not None:
            found.append(f"the quantised graph cannot run: {self.parity.failure.message}")
        for output in self.parity.outputs:
            if output.errors.scaled > self.budget.scaled_error:
                found.append(
                    f'output "{output.name}" moves by {output.errors.scaled:.2g} of its scale; the '
                    f"budget is {self.budget}"
                )
        for disagreement in self.parity.disagreements:
            comparison = disagreement.comparison
            if comparison.structure is not None and disagreement.gates:
                found.append(f'output "{comparison.name}": {comparison.structure}')
        for each in self.parity.decisions:
            if each.rows and each.changed / each.rows > self.budget.decisions:
                found.append(f"{each}; the budget is {self.budget}")
        return (*dict.fromkeys(found), *self._destroyed())

    @property
    def doubts(self) -> tuple[Suspect, ...]:
        """Weights that became infinite although no answer did; TensorFlow's relu hides a NaN."""
        return () if self._destroyed() else tuple(each for each in self.suspects if each.infinite)

    def _destroyed(self) -> list[str]:
        """Finite answers that became NaN or infinite, or the other way round."""
        found: dict[str, str] = {}
        for disagreement in self.parity.disagreements:
            mismatch = disagreement.mismatch
            if disagreement.gates and mismatch is not None and mismatch.domain in _DESTROYED:
                name = disagreement.comparison.name
                found[name] = (
                    f'output "{name}"{list(mismatch.index)} was {mismatch.expected} and became '
                    f"{mismatch.actual}: a weight was destroyed, {self._which()}"
                )
        return list(found.values())

    def _which(self) -> str:
        if not self.suspects:
            return "such as a -1e9 mask or a 1e-12 epsilon"
        more = len(self.suspects) - _NAMED
        return ", ".join(map(str, self.suspects[:_NAMED])) + (
            f" or one of {more} more" if more > 0 else ""
        )


_DESTROYED = ("nan", "infinite")
_NAMED = 4
_REACH = 10.0
"""How many times as far as a few random roundings of its weights an output may move."""
_LEAST = 1e-4
"""Relative to the scale: what is smaller is told by the backends' noise."""
_ANY_NUMBER = float(np.finfo(np.float64).max)
"""An error that every number may have, and no infinity."""


def measure_quantization(
    reference: Runtime,
    replay: Runtime,
    *,
    examples: int,
    seed: int,
    data: Sequence[Case],
    plan: CasePlan,
    scores: Mapping[str, Scores],
    order_free: Collection[Unordered] = (),
    budget: Budget = UNLIMITED,
    artifact: Artifact | None = None,
) -> QuantizationEffect:
    """Compare the quantised graph with the original on the cases that the backends are asked.

    `artifact` is where weights are looked for that did not survive. Raises ArtifactError.
    """
    rules = {spec.name: Tolerance(atol=_ANY_NUMBER) for spec in reference.signature.outputs}
    parity = measure_parity(
        reference,
        replay,
        examples=examples,
        seed=seed,
        data=data,
        plan=plan,
        judge=Judge(rules),
        scores=scores,
        order_free=order_free,
    )
    suspects = () if artifact is None else destroyed_weights(artifact)
    return QuantizationEffect(parity.candidates[0], budget, suspects)


def changed_by_conversion(
    reference: Runtime,
    whole: Runtime,
    *,
    judge: Judge,
    examples: int,
    seed: int,
    data: Sequence[Case],
    plan: CasePlan,
    order_free: Collection[Unordered] = (),
) -> tuple[str, ...]:
    """The outputs that conversion changes before any weight is quantised, as sentences.

    `whole` is the converted graph with whole weights, `judge` that of the original model.
    """
    parity = measure_parity(
        reference,
        whole,
        examples=examples,
        seed=seed,
        data=data,
        plan=plan,
        judge=judge,
        order_free=order_free,
    )
    (candidate,) = parity.candidates
    if candidate.failure is not None:
        return (f"the converted graph cannot run: {candidate.failure.message}",)
    found: dict[str, str] = {}
    for each in candidate.disagreements:
        if each.gates:
            name, worst = each.comparison.name, each.mismatch
            what = (
                each.comparison.structure
                if worst is None
                else f"{list(worst.index)} is {worst.expected} in tensorflow and {worst.actual} in "
                "the converted graph"
            )
            found.setdefault(
                name, f'conversion changes output "{name}" before quantisation: {what}'
            )
    return tuple(found.values())


def rounded_anew(contents: Contents, *, seed: int) -> Contents:
    """An artifact's contents with every quantised weight moved by half a step or less, at random.

    The model's own weights lie within that, if the artifact is the model's.
    """
    random = np.random.default_rng(seed)
    weights = dict(contents.weights)
    for name, how in quantized_entries(contents.document).items():
        values = weights[name]
        if values.dtype.kind != "f":
            continue
        with np.errstate(invalid="ignore"):
            step = np.abs(values) * 2.0**-10 if how["dtype"] == "float16" else how["scale"]
            moved = values + step * random.uniform(-0.5, 0.5, values.shape)
        weights[name] = moved.astype(values.dtype)
    return replace(contents, weights=weights)


def beyond_rounding(
    effect: QuantizationEffect, rounded: Sequence[QuantizationEffect]
) -> tuple[str, ...]:
    """The outputs that move much further than rounding the weights moves them, as sentences."""
    found = []
    for name, moved in effect.moved.items():
        reach = max((each.moved.get(name, 0.0) for each in rounded), default=0.0)
        if moved > max(_REACH * reach, _LEAST):
            found.append(
                f'output "{name}" moves by {moved:.2g} of its scale, and rounding the weights '
                f"moves it by {reach:.1g}: the artifact is damaged, or another model's"
            )
    return tuple(found)


def destroyed_weights(artifact: Artifact) -> tuple[Suspect, ...]:
    """The weights stored as float16 that are infinite, or a single zero.

    What they were is not in the artifact: a mask of -1e9 becomes -inf, an epsilon of 1e-12 becomes
    0, and a 0 that always was one is suspected too. Infinities come first. Raises ArtifactError.
    """
    content = read_model_json(artifact.directory)
    stored = {name for name, how in quantized_entries(content).items() if how["dtype"] == "float16"}
    infinite, zero = [], []
    for name, values in read_weights(artifact.directory, content).items():
        if name in stored and np.isinf(values).any():
            infinite.append(Suspect(name, float(values[np.isinf(values)][0])))
        elif name in stored and values.size == 1 and not values.any():
            zero.append(Suspect(name, 0.0))
    return (*infinite, *zero)
