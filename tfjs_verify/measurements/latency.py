"""How long a prediction takes, measured inside the runtime, one runtime at a time."""

from __future__ import annotations

from dataclasses import dataclass

from tfjs_verify.cases import Case
from tfjs_verify.runtimes import Runtime


@dataclass(frozen=True)
class Latency:
    """Milliseconds: loading, the first prediction, and the steady state after a warm-up."""

    load_ms: float | None
    first_ms: float | None
    p50_ms: float
    p90_ms: float
    p99_ms: float
    reference_p50_ms: float | None


def measure_latency(
    runtime: Runtime,
    case: Case,
    *,
    reference_p50_ms: float | None = None,
    warmup: int = 3,
    repetitions: int = 50,
    budget_s: float = 2.0,
) -> Latency:
    """Time `case` on `runtime` while the caller lets everything else rest.

    At most `repetitions` samples, fewer where they would take longer than `budget_s`. Raises
    RuntimeFailure.
    """
    timing = runtime.time(case.inputs, warmup=warmup, repetitions=repetitions, budget_s=budget_s)
    return Latency(
        load_ms=timing.load_ms,
        first_ms=timing.first_ms,
        p50_ms=timing.percentile(50),
        p90_ms=timing.percentile(90),
        p99_ms=timing.percentile(99),
        reference_p50_ms=reference_p50_ms,
    )
