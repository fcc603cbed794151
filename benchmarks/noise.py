"""What the factor k of the noise floor is chosen by: false alarms against faults that are noticed.

    python -m benchmarks.noise --out FILE.jsonl [--models GLOB...] [--every N] [--seeds N...]
                               [--applications DIR] [--examples N] [--faults N]
    python -m benchmarks.noise --out FILE.jsonl --table

Run it from the top of the repository. README.md beside this file says what is measured. Results go
to FILE.jsonl, a line per model and seed; what is there already is not measured again.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf

from benchmarks.noise_faults import KINDS, is_weight, same, with_fault
from benchmarks.noise_table import FIXED_RULES, render
from tests.corpus.measuring import entries
from tfjs_verify.artifact import Artifact, load_artifact
from tfjs_verify.cases import (
    Case,
    CasePlan,
    CaseRejected,
    explore,
    infer_domains,
    parse_domain,
    plan_cases,
    refine_dimensions,
    sample_cases,
)
from tfjs_verify.conversion import ConversionWorker, convert
from tfjs_verify.errors import ExecutionError, LoadError, TfjsVerifyError
from tfjs_verify.measurements.noise import (
    DEFAULT_CASES,
    Frozen,
    Noise,
    Oracle,
    OutputNoise,
    freeze,
    measure_case,
    measure_noise,
)
from tfjs_verify.measurements.noise.freezing import Executable
from tfjs_verify.model import Model, open_model
from tfjs_verify.runtimes import TFJS, NodePool, TensorFlow
from tfjs_verify.tensors import Array, Signature, value_classes

BACKENDS = ("node", "wasm", "cpu")
_FRESH = 1000
"""Added to a seed: judged are other cases than those the noise was measured on."""
Answers = Mapping[str, Array]


@dataclass
class Record:
    """One model with one seed. A need is the smallest k that lets a case pass; 0 is the floor."""

    model: str
    seed: int
    seconds: float = 0.0
    basis: str = ""
    note: str = ""
    needs: dict[str, list[float]] = field(default_factory=dict)
    """By backend, per case."""
    fixed: dict[str, dict[str, int]] = field(default_factory=dict)
    """By backend and fixed rule, the cases that it refuses."""
    faults: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Trial:
    """A case, what TensorFlow says, and the noise that it would be judged by at last."""

    case: Case
    expected: Answers
    noise: Noise


class Bench:
    """Measures one model after another."""

    def __init__(self, worker: ConversionWorker, nodes: NodePool, options: Any) -> None:
        self._worker, self._nodes, self._options = worker, nodes, options

    def measure(
        self, name: str, model: Model, domains: Mapping[str, str], kept: Path | None
    ) -> Iterator[Record]:
        """A record per seed."""
        reference, frozen = TensorFlow(model), freeze(model)
        plan = _plan(model, frozen, reference, domains)
        with tempfile.TemporaryDirectory() as scratch, Oracle(model, frozen=frozen) as oracle:
            artifact, note = None, ""
            try:
                artifact = (
                    load_artifact(kept, model.signature)
                    if kept
                    else convert(model, Path(scratch) / "js", worker=self._worker)
                )
            except TfjsVerifyError as error:
                note = error.message[:150]
            for seed in self._options.seeds:
                started = time.perf_counter()
                record = Record(name, seed, note=note)
                known = sample_cases(plan, count=DEFAULT_CASES, seed=seed)
                noise = measure_noise(reference, oracle, known)
                record.basis = noise.basis
                trials = self._trials(plan, reference, oracle, noise, seed)
                if artifact is not None:
                    self._answer(artifact, trials, record)
                if noise.basis != "defaults":
                    record.faults = list(self._plant(model.signature, frozen, trials, seed))
                record.seconds = round(time.perf_counter() - started, 1)
                yield record

    def _trials(
        self, plan: CasePlan, reference: TensorFlow, oracle: Oracle, noise: Noise, seed: int
    ) -> list[Trial]:
        trials = []

        def add(case: Case) -> None:
            try:
                expected = reference.run(case.inputs)
                heard = noise
                if noise.basis != "defaults":
                    heard = noise.on(measure_case(reference, oracle, case))
            except ExecutionError as error:
                raise CaseRejected(error.message) from error
            trials.append(Trial(case, expected, heard))

        explore(plan, add, examples=self._options.examples, seed=seed + _FRESH)
        return trials

    def _answer(self, artifact: Artifact, trials: Sequence[Trial], record: Record) -> None:
        for backend in BACKENDS:
            session = self._nodes.start(backend)
            needs: list[float] = []
            refused = dict.fromkeys(FIXED_RULES, 0)
            try:
                with TFJS(artifact, session=session, timeout=300) as runtime:
                    for trial in trials:
                        actual = runtime.run(trial.case.inputs)
                        needs.append(needed(trial, actual))
                        for rule in refused_by(trial.expected, actual):
                            refused[rule] += 1
            except TfjsVerifyError as error:
                record.note += f" {backend}: {error.message[:100]}"
                continue
            record.needs[backend], record.fixed[backend] = needs, refused

    def _plant(
        self, signature: Signature, frozen: Frozen, trials: Sequence[Trial], seed: int
    ) -> Iterator[dict[str, Any]]:
        """Faults in weights, each run in TensorFlow on all cases; those without effect left out."""
        rng = np.random.default_rng(seed)
        weights = [node.name for node in frozen.graph.node if is_weight(node)]
        rng.shuffle(weights)
        sound = _run_all(frozen, frozen.graph, signature, trials) if weights else []
        for weight in weights[: self._options.faults]:
            for kind, change in KINDS.items():
                faulty = with_fault(frozen.graph, weight, change, rng)
                try:
                    answers = _run_all(frozen, faulty, signature, trials)
                except tf.errors.OpError:
                    continue  # nobody has to notice what cannot run
                if all(same(a, b) for a, b in zip(answers, sound, strict=True)):
                    continue
                needs = [needed(t, a) for t, a in zip(trials, answers, strict=True)]
                rules = {
                    rule
                    for trial, answer in zip(trials, answers, strict=True)
                    for rule in refused_by(trial.expected, answer)
                }
                yield {"weight": weight, "kind": kind, "need": max(needs), "fixed": sorted(rules)}


def needed(trial: Trial, actual: Answers) -> float:
    """The smallest k that lets these answers pass; infinite where none does."""
    return max(
        (
            _needed(trial.noise[name], expected, actual[name])
            for name, expected in trial.expected.items()
        ),
        default=0.0,
    )


def _needed(noise: OutputNoise, expected: Array, actual: Array) -> float:
    if expected.shape != actual.shape:
        return 0.0 if noise.reshapes else math.inf
    if expected.dtype.kind not in "fc":
        different = np.asarray(expected != actual)
        if different.any() and expected.dtype.kind in "iub":
            different &= np.isfinite(noise.allowance(expected))
        return math.inf if different.any() else 0.0
    other_class = np.isfinite(expected) != np.isfinite(actual)
    possible = noise.classes_of(expected)
    if possible is not None:
        other_class &= (possible & value_classes(actual)) == 0
    if other_class.any():
        return math.inf
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(actual.astype(np.complex128) - expected)
    beyond = np.isfinite(error) & (error > noise.allowance(expected, factor=0.0))
    if not np.any(beyond):
        return 0.0
    with np.errstate(divide="ignore"):
        return float(np.max(error[beyond] / noise.noise(expected)[beyond]))


def refused_by(expected: Answers, actual: Answers) -> set[str]:
    """The fixed rules that refuse these answers."""
    return {
        rule
        for rule, agrees in FIXED_RULES.items()
        for name, each in expected.items()
        if each.dtype.kind == "f" and each.shape == actual[name].shape
        if not agrees(actual[name], each)
    }


def _plan(
    model: Model, frozen: Frozen, reference: TensorFlow, domains: Mapping[str, str]
) -> CasePlan:
    inferred = infer_domains(frozen.graph, frozen.inputs, model.signature)
    taken = {spec.name for spec in model.signature.inputs}
    stated = {name: parse_domain(text) for name, text in domains.items() if name in taken}

    def accepts(case: Case) -> bool:
        try:
            reference.run(case.inputs)
        except ExecutionError:
            return False
        return True

    return refine_dimensions(plan_cases(model.signature, domains={**inferred, **stated}), accepts)


def _run_all(
    frozen: Frozen, graph: Any, signature: Signature, trials: Sequence[Trial]
) -> list[Answers]:
    names = list(frozen.outputs)
    executable = Executable(
        graph,
        inputs={tensor: signature.input(name) for name, tensor in frozen.inputs.items()},
        fetches=[frozen.outputs[name] for name in names],
        captures=frozen.captures,
    )
    return [
        dict(
            zip(
                names,
                executable.call([trial.case.inputs[name] for name in frozen.inputs]),
                strict=True,
            )
        )
        for trial in trials
    ]


@contextlib.contextmanager
def _opened(name: str, applications: Path | None) -> Iterator[tuple[Model, Any, Path | None]]:
    """The model, its domains, and its artifact where there is one already."""
    kind, _, short = name.partition(":")
    if kind == "app" and applications:
        with open_model(str(applications / short / "sm"), name=name) as model:
            yield model, {}, applications / short / "tfjs"
        return
    entry = entries()[name]
    with tempfile.TemporaryDirectory() as scratch:
        source = entry.build() if kind == "layer" else str(entry.save(Path(scratch) / "sm"))
        with open_model(source, name=name) as model:
            yield model, entry.domains, None


def main() -> int:
    """Measures what the arguments ask for, or prints the table of what was measured."""
    options = _options()
    lines = options.out.read_text(encoding="utf-8").splitlines() if options.out.exists() else []
    done = [json.loads(line) for line in lines]
    if options.table:
        print(render(done))
        return 0
    names = list(entries())
    if options.applications:
        names += [f"app:{each.name}" for each in sorted(options.applications.iterdir())]
    wanted = [n for n in names if any(fnmatch.fnmatch(n, glob) for glob in options.models)]
    measured = {(record["model"], record["seed"]) for record in done}
    with ConversionWorker() as worker, NodePool() as nodes, options.out.open("a") as file:
        bench = Bench(worker, nodes, options)
        for name in wanted[:: options.every]:
            if all((name, seed) in measured for seed in options.seeds):
                continue
            try:
                with _opened(name, options.applications) as (model, domains, kept):
                    for record in bench.measure(name, model, domains, kept):
                        file.write(json.dumps(asdict(record)) + "\n")
                        file.flush()
                        worst = {b: round(max(n, default=0), 2) for b, n in record.needs.items()}
                        print(name, record.seed, worst, record.note, record.seconds, flush=True)
            except (TfjsVerifyError, LoadError) as error:
                print(f"{name}: {error.message[:200]}", file=sys.stderr)
    return 0


def _options() -> Any:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.noise", description=__doc__)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FILE.jsonl")
    add("--models", nargs="+", default=["*"], metavar="GLOB", help="as op:matmul, layer:*, app:*")
    add("--every", type=int, default=1, metavar="N", help="every N-th of them alone")
    add("--seeds", type=int, nargs="+", default=[0], metavar="N")
    add(
        "--applications", type=Path, metavar="DIR", help="NAME/sm and NAME/tfjs in DIR, as app:NAME"
    )
    add("--examples", type=int, default=8, metavar="N", help="cases judged per model and seed (8)")
    add("--faults", type=int, default=2, metavar="N", help="weights that get each fault (2)")
    add("--table", action="store_true", help="print the table of what was measured")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
