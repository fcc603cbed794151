"""What may differ: a fixed tolerance, or a multiple of the model's own rounding noise.

Noise is measured on a few cases, and one that it was not measured on can be worse conditioned. So
what disagrees is given a second hearing: the noise of that very case is measured before it is
called wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from tfjs_verify.cases import Case
from tfjs_verify.errors import RuntimeFailure
from tfjs_verify.measurements.noise import (
    DEFAULT_FACTOR,
    DEFAULT_REPETITIONS,
    Noise,
    Oracle,
    OutputNoise,
    measure_case,
)
from tfjs_verify.runtimes import Runtime
from tfjs_verify.tensors import Array, TensorSpec
from tfjs_verify.tolerance import Allowance, default_tolerance, resolve_tolerance

_CLOSE_REPETITIONS = 32
"""Random roundings in a close hearing: a near tie falls seldom, and so does a difference of equals
below zero."""


@dataclass(frozen=True)
class NoiseAllowance:
    """`factor` times the rounding noise of one output."""

    noise: OutputNoise
    factor: float

    def allowed(self, expected: Array) -> Array:
        """The error allowed per element, float64, of the shape of `expected`."""
        return self.noise.allowance(expected, factor=self.factor)

    def classes(self, expected: Array) -> Array | None:
        """Per element the classes that rounding alone decides among; None where it does not."""
        return self.noise.classes_of(expected)

    def describe(self) -> str:
        """The rule in words."""
        words = f"{self.factor:g} × the rounding noise of this output"
        if self.noise.double:
            words += f", or {default_tolerance(self.noise.dtype).describe()}: float32 for float64"
        return words


class Judge:
    """What each output may differ by; this judge has fixed rules and hears nobody twice."""

    def __init__(
        self, allowances: Mapping[str, Allowance], *, unsettled: Sequence[str] = ()
    ) -> None:
        self.allowances = allowances
        self.unsettled = tuple(unsettled)
        """Outputs on which the reference does not agree with itself."""

    def ratio(self, output: str, expected: Array, actual: Array) -> float | None:
        """The largest error ÷ noise of that element; None where no noise was measured."""
        return None

    def excuses(self, output: str) -> bool:
        """Whether no answer to this output is wrong, because chance alone decides about it."""
        return output in self.unsettled

    def excuses_shape(self, output: str) -> bool:
        """Whether no shape of this output is wrong, because rounding alone decides about it."""
        return False

    def hear_again(self, case: Case, *, closely: bool = False) -> Judge | None:
        """A judge for this case alone, who knows its conditioning; None where there is none.

        `closely` spends more on it, which matters where rounding alone decides something.
        """
        return None


class NoiseJudge(Judge):
    """Allows a multiple of the noise that was measured, unless the user named a tolerance."""

    def __init__(
        self,
        noise: Noise,
        outputs: Sequence[TensorSpec],
        *,
        reference: Runtime,
        oracle: Oracle | None,
        factor: float = DEFAULT_FACTOR,
        atol: float | None = None,
        rtol: float | None = None,
        unsettled: Sequence[str] = (),
    ) -> None:
        super().__init__(_allowances(noise, outputs, factor, atol, rtol), unsettled=unsettled)
        self.noise = noise
        self._outputs = outputs
        self._reference = reference
        self._oracle = oracle
        self._factor, self._atol, self._rtol = factor, atol, rtol
        self._decides = oracle is not None and bool(oracle.decisions)
        self._heard: tuple[Case, bool, Judge | None] | None = None
        self._lock = Lock()

    def ratio(self, output: str, expected: Array, actual: Array) -> float | None:
        """The largest error ÷ noise of that element; None where no noise was measured."""
        measured = self.noise[output]
        if not measured.measured or expected.shape != actual.shape:
            return None
        return measured.ratio(expected, actual, factor=self._factor)

    def excuses_shape(self, output: str) -> bool:
        """Whether TensorFlow and exact arithmetic already disagree about it on the case heard."""
        return self.noise[output].reshapes

    def hear_again(self, case: Case, *, closely: bool = False) -> Judge | None:
        """A judge whose noise includes this case's; the backends' threads share what is heard."""
        if self._oracle is None or self.noise.basis == "defaults":
            return None
        closely = closely or self._decides
        with self._lock:
            if self._heard is None or self._heard[0] is not case or self._heard[1] < closely:
                self._heard = case, closely, self._measured_on(case, self._oracle, closely)
            return self._heard[2]

    def _measured_on(self, case: Case, oracle: Oracle, closely: bool) -> Judge | None:
        repetitions = _CLOSE_REPETITIONS if closely else DEFAULT_REPETITIONS
        try:
            heard = measure_case(
                self._reference, oracle, case, repetitions=repetitions, parts=self.noise.parts
            )
            noise = self.noise.on(heard)
        except RuntimeFailure:
            return None  # the oracle cannot follow here; the first judgement stands
        return self.of(noise, reference=self._reference, oracle=None)

    def of(self, noise: Noise, *, reference: Runtime, oracle: Oracle | None) -> NoiseJudge:
        """The same judge for another noise, which `reference` and `oracle` tell of further cases.

        Without an oracle nobody is heard twice.
        """
        return NoiseJudge(
            noise,
            self._outputs,
            reference=reference,
            oracle=oracle,
            factor=self._factor,
            atol=self._atol,
            rtol=self._rtol,
            unsettled=self.unsettled,
        )


def _allowances(
    noise: Noise,
    outputs: Sequence[TensorSpec],
    factor: float,
    atol: float | None,
    rtol: float | None,
) -> dict[str, Allowance]:
    allowances: dict[str, Allowance] = {}
    for spec in outputs:
        given = atol is not None or rtol is not None
        known = noise[spec.name]
        if given or not (known.measured or known.jumps is not None):
            allowances[spec.name] = resolve_tolerance(spec.dtype, atol=atol, rtol=rtol)
        else:
            allowances[spec.name] = NoiseAllowance(known, factor)
    return allowances


def fixed_judge(
    outputs: Sequence[TensorSpec], *, atol: float | None = None, rtol: float | None = None
) -> Judge:
    """A judge with the table of defaults, or the user's own tolerance."""
    return Judge(
        {spec.name: resolve_tolerance(spec.dtype, atol=atol, rtol=rtol) for spec in outputs}
    )
