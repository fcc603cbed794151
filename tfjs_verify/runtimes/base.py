"""The one interface of everything that answers a case."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tfjs_verify.lifetime import Closing
from tfjs_verify.tensors import Array, Signature

Backend = Literal["node", "wasm", "cpu"]
BACKENDS: tuple[Backend, ...] = ("node", "wasm", "cpu")
DEFAULT_TIMEOUT_S = 120.0
"""How long a single call may take, on either side."""


@dataclass(frozen=True)
class Timing:
    """How long predictions took, in milliseconds, measured where they ran.

    `first_ms` is None where the model had run before; `load_ms` where nothing was loaded.
    """

    samples_ms: tuple[float, ...]
    first_ms: float | None = None
    load_ms: float | None = None

    def percentile(self, q: float) -> float:
        """The q-th percentile (0 to 100) of the steady samples."""
        import numpy as np

        return float(np.percentile(self.samples_ms, q))


class Runtime(Closing):
    """Answers cases. A context manager: leaving it releases what it holds."""

    name: str
    """How reports call it: "tensorflow", "tfjs:wasm"."""
    signature: Signature
    """The inputs it takes and the outputs it gives, by the model's own names."""

    @property
    def alive(self) -> bool:
        """Whether it can answer another case after one that it failed on."""
        return True

    @abstractmethod
    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """Answer one case.

        `inputs` are keyed by input name and may also feed intermediate nodes; `outputs` may name
        intermediate nodes, and are by default the outputs of the signature. Raises RuntimeFailure.
        """

    @abstractmethod
    def time(
        self,
        inputs: Mapping[str, Array],
        *,
        warmup: int = 3,
        repetitions: int = 50,
        budget_s: float = 2.0,
    ) -> Timing:
        """Time one case after `warmup` discarded runs, for at most about `budget_s` seconds."""

    @abstractmethod
    def close(self) -> None:
        """Release what the runtime holds; safe to call twice."""


def steady_timing(
    call: Callable[[], object], *, warmup: int, repetitions: int, budget_s: float
) -> Timing:
    """Times `call` in this process after `warmup` calls, at least once, for about `budget_s`."""
    started = time.perf_counter()
    samples: list[float] = []
    for number in range(warmup + repetitions):
        before = time.perf_counter()
        call()
        after = time.perf_counter()
        if number >= warmup:
            samples.append((after - before) * 1e3)
        if samples and after - started > budget_s:
            break
    return Timing(tuple(samples))
