"""What quantisation itself changes: the quantised graph in TensorFlow against the original model.

Kept apart from the backends: those are compared with the quantised graph at float tolerance, so
that no kernel fault hides behind "it is quantised", and no healthy artifact fails for being so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfjs_verify.artifact import Artifact
from tfjs_verify.artifact.files import read_model_json
from tfjs_verify.artifact.weights import read_weights
from tfjs_verify.cases import Case, CasePlan
from tfjs_verify.errors import RequestError
from tfjs_verify.measurements.decisions import Decisions
from tfjs_verify.measurements.judging import Judge
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
        for each in self.parity.decisions:
            if each.rows and each.changed / each.rows > self.budget.decisions:
                found.append(f"{each}; the budget is {self.budget}")
        return (*found, *self._destroyed())

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
    )
    suspects = () if artifact is None else destroyed_weights(artifact)
    return QuantizationEffect(parity.candidates[0], budget, suspects)


def destroyed_weights(artifact: Artifact) -> tuple[Suspect, ...]:
    """The weights stored as float16 that are infinite, or a single zero.

    What they were is not in the artifact: a mask of -1e9 becomes -inf, an epsilon of 1e-12 becomes
    0, and a 0 that always was one is suspected too. Infinities come first. Raises ArtifactError.
    """
    content = read_model_json(artifact.directory)
    stored = {
        str(entry["name"])
        for group in content.get("weightsManifest") or ()
        for entry in group["weights"]
        if (entry.get("quantization") or {}).get("dtype") == "float16"
    }
    infinite, zero = [], []
    for name, values in read_weights(artifact.directory, content).items():
        if name in stored and np.isinf(values).any():
            infinite.append(Suspect(name, float(values[np.isinf(values)][0])))
        elif name in stored and values.size == 1 and not values.any():
            zero.append(Suspect(name, 0.0))
    return (*infinite, *zero)
