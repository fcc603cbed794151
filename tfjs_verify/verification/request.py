"""What is asked for: one model and how to verify it; and whom to tell how far it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

from tfjs_verify.cases import Domain
from tfjs_verify.errors import RequestError
from tfjs_verify.measurements.parity import SpecialValues
from tfjs_verify.measurements.quantization import UNLIMITED, Budget
from tfjs_verify.measurements.readings import Reading
from tfjs_verify.runtimes import BACKENDS, Backend
from tfjs_verify.runtimes.base import DEFAULT_TIMEOUT_S

_QUANTIZATIONS = (None, "float16", "uint8", "uint16")
_TYPES: Mapping[str, type] = {"a whole number": Integral, "a number": Real, "a text": str}
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("examples", "seed", "mutation_check"), "a whole number"),
    **dict.fromkeys(("timeout", "shrink_seconds", "atol", "rtol"), "a number"),
    **dict.fromkeys(("name", "signature"), "a text"),
    **dict.fromkeys(("repair", "require_power", "remember"), "true or false"),
}
"""What a suite file or a caller may have got wrong, which a command line cannot."""


@dataclass(frozen=True)
class Request:
    """One model and how to verify it, in the words of the command line and of suite files."""

    model: object
    name: str | None = None
    backends: tuple[Backend, ...] = BACKENDS
    examples: int = 100
    seed: int = 0
    data: tuple[Path, ...] = ()
    inputs: Mapping[str, Domain] = field(default_factory=dict)
    artifact: Path | None = None
    format: Literal["graph", "layers"] = "graph"
    quantize: Literal["float16", "uint8", "uint16"] | None = None
    repair: bool = True
    quantization_budget: Budget = UNLIMITED
    signature: str | None = None
    tags: tuple[str, ...] | None = None
    outputs: tuple[str, ...] = ()
    custom_objects: Mapping[str, Any] | None = None
    special_values: SpecialValues = "report"
    require_power: bool = False
    scores: Mapping[str, Reading] = field(default_factory=dict)
    atol: float | None = None
    rtol: float | None = None
    js_modules: tuple[Path, ...] = ()
    timeout: float = DEFAULT_TIMEOUT_S
    shrink_seconds: float = 20.0
    remember: bool = True
    mutation_check: int = 0
    work_dir: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be verified before anything heavy is loaded."""
        for word, kind in _KINDS.items():
            value = getattr(self, word)
            if value is not None and not _is(value, kind):
                raise RequestError(f"{word} must be {kind}, not {value!r}")
        object.__setattr__(self, "backends", tuple(dict.fromkeys(self.backends)))
        unknown = [name for name in self.backends if name not in BACKENDS]
        if unknown:
            raise RequestError(
                f"there is no backend {unknown[0]!r}; there are {', '.join(BACKENDS)}"
            )
        if self.quantize not in _QUANTIZATIONS:
            raise RequestError(
                f"quantize must be {', '.join(filter(None, _QUANTIZATIONS))}, not {self.quantize!r}"
            )
        if self.quantization_budget != UNLIMITED and not (self.quantize or self.artifact):
            raise RequestError(
                "a quantisation budget is for what is quantised: name --quantize or a quantised "
                "--artifact too, or leave the budget out"
            )
        if not self.backends:
            raise RequestError(f"no backend was named; there are {', '.join(BACKENDS)}")
        if self.examples < 0:
            raise RequestError(f"examples must be 0 or more, not {self.examples}")
        if self.examples == 0 and not self.data:
            raise RequestError(
                "zero cases prove nothing: ask for at least one generated example (-n 1) or name "
                "real inputs with --data"
            )
        if self.mutation_check < 0:
            raise RequestError(
                f"mutation_check is how many faults to plant, 0 or more, not {self.mutation_check}"
            )
        if not 0 < self.timeout < math.inf:
            raise RequestError(f"the timeout must be more than 0 s, not {self.timeout:g}")
        if not 0 <= self.shrink_seconds < math.inf:
            raise RequestError(f"shrink_seconds must be 0 or more, not {self.shrink_seconds:g}")
        for word, value in (("atol", self.atol), ("rtol", self.rtol)):
            if value is not None and not 0 <= value < math.inf:
                raise RequestError(f"{word} must be 0 or more and finite, not {value:g}")


def _is(value: object, kind: str) -> bool:
    if kind == "true or false" or isinstance(value, bool):
        return kind == "true or false" and isinstance(value, bool)
    return isinstance(value, _TYPES[kind])


@dataclass(frozen=True)
class Progress:
    """Whom to tell how far the run is; silent by default."""

    stage: Callable[[str], None] = lambda text: None
    cases: Callable[[int, int], None] = lambda done, total: None


SILENT = Progress()
