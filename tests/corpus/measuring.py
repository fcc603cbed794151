"""One entry of the corpus by every route on every backend: usable, refused, broken or wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from tests.corpus.layer_models import LayerModel, layer_models
from tests.corpus.op_graphs import OpGraph, op_graphs
from tfjs_verify.artifact import Artifact
from tfjs_verify.cases import Case, parse_domain
from tfjs_verify.cases.domain import default_domain
from tfjs_verify.comparison import OutputComparison, compare_outputs
from tfjs_verify.conversion import ConversionWorker, convert
from tfjs_verify.errors import TfjsVerifyError
from tfjs_verify.measurements.parity import disagrees
from tfjs_verify.model import Model, open_model
from tfjs_verify.runtimes.base import Backend
from tfjs_verify.runtimes.pool import NodePool
from tfjs_verify.runtimes.tensorflow import TensorFlow
from tfjs_verify.runtimes.tfjs import TFJS
from tfjs_verify.tensors import Array, TensorSpec
from tfjs_verify.tolerance import default_tolerance
from tfjs_verify.verification.knowledge import get_to_know
from tfjs_verify.verification.request import Request

BACKENDS: tuple[Backend, ...] = ("cpu", "wasm", "node")
ROUTES: Mapping[str, Mapping[str, Any]] = {
    "stock": {"repair": False},
    "ours": {},
    "layers": {"format": "layers"},
}
_BATCHES = (1, 3, 2)
_OTHER_UNKNOWN = 4
_TIMEOUT_S = 240.0

Entry: TypeAlias = "LayerModel | OpGraph"
Verdict = Literal["usable", "refused", "error", "wrong"]
Drawn: TypeAlias = "tuple[dict[str, Array], dict[str, Array]]"
"""Inputs, and what TensorFlow answers."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one backend made of one artifact; `refused` is the conversion's own word."""

    verdict: Verdict
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Result:
    """One entry by every route (stock, ours, layers) on every backend."""

    name: str
    kind: Literal["layer", "op"]
    outcomes: Mapping[str, Mapping[str, Outcome]]
    repairs: Sequence[str]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """For the file of results."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Result:
        """From the file of results."""
        outcomes = {
            route: {backend: Outcome(**outcome) for backend, outcome in by_backend.items()}
            for route, by_backend in content["outcomes"].items()
        }
        return cls(**{**content, "outcomes": outcomes})


def entries() -> dict[str, Entry]:
    """The whole corpus by name; op graphs are called `op:…` since names repeat."""
    return {
        **{f"layer:{entry.name}": entry for entry in layer_models()},
        **{f"op:{entry.name}": entry for entry in op_graphs()},
    }


@dataclasses.dataclass(frozen=True)
class _Subject:
    """An artifact, and what it has to be like."""

    artifact: Artifact
    model: Model
    entry: Entry
    cases: Sequence[Drawn]


class Bench:
    """One conversion process and one Node process per backend, for one entry after another."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._worker = self._stack.enter_context(ConversionWorker())
        self._pool = self._stack.enter_context(NodePool())

    def close(self) -> None:
        """Ends the processes."""
        self._stack.close()

    def measure(self, name: str, entry: Entry) -> Result:
        """All routes of one entry."""
        started = time.perf_counter()
        outcomes: dict[str, dict[str, Outcome]] = {}
        repairs: list[str] = []
        is_layer = isinstance(entry, LayerModel)
        with (
            tempfile.TemporaryDirectory(prefix="corpus-") as scratch,
            _opened(entry, scratch) as model,
        ):
            cases = _cases(model, entry)
            for route, options in ROUTES.items():
                if route == "layers" and not is_layer:
                    continue
                try:
                    directory = Path(scratch) / route
                    common = {"worker": self._worker, "timeout": _TIMEOUT_S}
                    artifact = convert(model, directory, **common, **options)
                except TfjsVerifyError as error:
                    outcomes[route] = dict.fromkeys(BACKENDS, Outcome("refused", _line(error)))
                    continue
                if route == "ours":
                    repairs = sorted({repair.name for repair in artifact.repairs})
                subject = _Subject(artifact, model, entry, cases)
                outcomes[route] = {
                    backend: self._measured(subject, backend) for backend in BACKENDS
                }
        seconds = round(time.perf_counter() - started, 1)
        return Result(name, "layer" if is_layer else "op", outcomes, repairs, seconds)

    def _measured(self, subject: _Subject, backend: Backend) -> Outcome:
        """A failure counts if a fresh process repeats it: a trap in wasm breaks what follows."""
        outcome = self._run(subject, backend)
        if outcome.verdict == "usable":
            return outcome
        self._pool.start(backend).close()
        outcome = self._run(subject, backend)
        if outcome.verdict == "error":
            self._pool.start(backend).close()
        return outcome

    def _run(self, subject: _Subject, backend: Backend) -> Outcome:
        outputs = subject.model.signature.outputs
        session = self._pool.start(backend)
        tolerances = {spec.name: default_tolerance(spec.dtype) for spec in outputs}
        try:
            with TFJS(subject.artifact, session=session) as runtime:
                for inputs, expected in subject.cases:
                    actual = runtime.run(inputs)
                    compared = compare_outputs(outputs, expected, actual, tolerances)
                    disagreeing = [output for output in compared if not output.agrees]
                    if disagreeing and _is_more_than_rounding(subject, runtime, inputs):
                        return Outcome("wrong", _difference(disagreeing[0]))
        except TfjsVerifyError as error:
            return Outcome("error", _line(error))
        return Outcome("usable")


@contextlib.contextmanager
def _opened(entry: Entry, scratch: str) -> Iterator[Model]:
    source: Any = (
        entry.build() if isinstance(entry, LayerModel) else entry.save(Path(scratch) / "saved")
    )
    with open_model(source, name=entry.name) as model:
        yield model


def _is_more_than_rounding(subject: _Subject, runtime: TFJS, inputs: Mapping[str, Array]) -> bool:
    """Whether the model's own rounding noise does not explain what the default tolerance does not.

    A runtime that answers no second time has more wrong with it than rounding.
    """
    model = subject.model
    taken = {spec.name for spec in model.signature.inputs}
    texts = subject.entry.domains
    domains = {name: parse_domain(text) for name, text in texts.items() if name in taken}
    request = Request(model=None, examples=8, inputs=domains, remember=False)
    case = Case("dense", inputs, "drawn")
    with TensorFlow(model) as reference, get_to_know(request, model, reference, []) as known:
        wrong = disagrees(reference, runtime, case, known.judge, order_free=known.order_free)
    return wrong or not runtime.alive


def _cases(model: Model, entry: Entry) -> list[Drawn]:
    """Dense random inputs, and what TensorFlow answers."""
    cases = []
    with TensorFlow(model) as reference:
        for seed, batch in enumerate(_BATCHES):
            rng = np.random.default_rng(seed)
            inputs = {
                spec.name: _drawn(spec, entry.domains.get(spec.name), batch, rng)
                for spec in model.signature.inputs
            }
            cases.append((inputs, reference.run(inputs)))
    return cases


def _drawn(spec: TensorSpec, text: str | None, batch: int, rng: np.random.Generator) -> Array:
    domain = default_domain(spec) if text is None or spec.dtype == "bool" else parse_domain(text)
    sizes = spec.shape or ()
    shape = [
        (batch if axis == 0 else _OTHER_UNKNOWN) if size is None else size
        for axis, size in enumerate(sizes)
    ]
    if domain.kind == "values":
        values = np.array(domain.values, dtype=object if spec.dtype == "string" else None)
        picked: Array = values[rng.integers(0, len(values), shape)]
        return np.asarray(picked) if spec.dtype == "string" else picked.astype(spec.dtype)
    if domain.kind == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if domain.kind == "int":
        return np.asarray(rng.integers(int(domain.low), int(domain.high) + 1, shape), spec.dtype)
    if domain.kind == "normal":
        return np.asarray(rng.normal(domain.mean, domain.std, shape), spec.dtype)
    return np.asarray(rng.uniform(domain.low, domain.high, shape), spec.dtype)


def _difference(output: OutputComparison) -> str:
    if output.structure is not None:
        return f"{output.name}: {output.structure}"
    worst = output.worst
    assert worst is not None
    return (
        f"{output.name}{list(worst.index)}: TensorFlow {worst.expected}, TensorFlow.js"
        f" {worst.actual} ({worst.domain}, {output.mismatched} elements)"
    )


def _line(error: TfjsVerifyError) -> str:
    return " ".join(error.message.split())[:300]
