"""How many planted faults verification notices, beside the usual fixed rules, on ten models.

    python -m benchmarks.mutation [--mutants 100] [--examples 100] [--check] [--out FILE.md]

Every mutant that verification does not notice is looked at in float64: what has no effect beyond
rounding is no fault and counts for nobody. The fixed rules see the same mutants on the same cases.
`--check` fails below 98 %.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from tests.corpus.trained_models import TrainedModel, trained_models
from tfjs_verify.artifact import Artifact
from tfjs_verify.artifact.contents import Contents, read_contents
from tfjs_verify.cases import CasePlan, parse_domain
from tfjs_verify.conversion import ConversionWorker, convert
from tfjs_verify.errors import ArtifactError, RuntimeFailure
from tfjs_verify.measurements.judging import NoiseJudge
from tfjs_verify.measurements.mutation import Mutant, draw_mutations, measure_mutation
from tfjs_verify.measurements.mutation.answers import Answers, detects
from tfjs_verify.measurements.mutation.planting import Nursery
from tfjs_verify.measurements.mutation.weights import change_element
from tfjs_verify.model import open_model
from tfjs_verify.runtimes import TFJS, TensorFlow
from tfjs_verify.verification import Request
from tfjs_verify.verification.knowledge import get_to_know

_BAR = 0.98
_ELEMENTS = 5
_STEPS = 10
_SMALLEST = 1e-8


def _close(rtol: float, atol: float) -> Callable[[Any, Any], bool]:
    return lambda want, got: bool(np.allclose(got, want, rtol=rtol, atol=atol, equal_nan=True))


def _cosine(want: Any, got: Any) -> bool:
    one, other = want.astype(np.float64).ravel(), got.astype(np.float64).ravel()
    norms = np.linalg.norm(one) * np.linalg.norm(other)
    return bool(norms == 0 or one @ other / norms >= 0.997)


RULES: Mapping[str, Callable[[Any, Any], bool]] = {
    "allclose 1e-3": _close(1e-3, 1e-3),
    "rtol 1e-4 atol 1e-5": _close(1e-4, 1e-5),
    "cosine 0.997": _cosine,
}


@dataclass(frozen=True)
class Row:
    """What came of one model."""

    name: str
    mutants: tuple[Mutant, ...]
    noticed: Mapping[str, int]
    """Per fixed rule, how many of the faults it notices."""
    changes: tuple[float, ...]
    """Per sampled weight, the smallest relative change that is noticed."""
    noise: float
    seconds: float

    def count(self, *fates: str) -> int:
        return sum(mutant.fate in fates for mutant in self.mutants)

    @property
    def faults(self) -> int:
        return len(self.mutants) - self.count("equivalent")

    @property
    def score(self) -> float:
        return self.count("killed", "stillborn") / self.faults


def main() -> int:
    arguments = _arguments()
    rows = []
    with ConversionWorker() as worker:
        for entry in trained_models():
            if arguments.only and entry.name not in arguments.only:
                continue
            rows.append(_measure(entry, worker, arguments))
            print(f"{entry.name}: {rows[-1].score:.1%} in {rows[-1].seconds:.0f} s", flush=True)
            for mutant in rows[-1].mutants:
                if mutant.fate == "survived":
                    print(f"  survived  {mutant.operator}: {mutant.what}\n            {mutant.why}")
    text = _table(rows)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    total = sum(row.count("killed", "stillborn") for row in rows) / sum(row.faults for row in rows)
    return 1 if arguments.check and total < _BAR else 0


def _measure(entry: TrainedModel, worker: ConversionWorker, arguments: Any) -> Row:
    started = time.perf_counter()
    with contextlib.ExitStack() as stack:
        request = Request(
            model=entry.build(),
            name=entry.name,
            examples=arguments.examples,
            seed=arguments.seed,
            inputs={name: parse_domain(text) for name, text in entry.domains.items()},
        )
        model = stack.enter_context(open_model(request.model, name=entry.name))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        artifact = convert(model, directory / "artifact", worker=worker)
        reference = stack.enter_context(TensorFlow(model))
        knowledge = stack.enter_context(get_to_know(request, model, reference, ()))
        plan, judge = knowledge.plan, knowledge.judge
        score = measure_mutation(
            artifact,
            reference,
            plan,
            judge,
            backend=arguments.backend,
            mutants=arguments.mutants,
            examples=arguments.examples,
            seed=arguments.seed,
        )
        if not score.mutants:
            raise SystemExit(f"{entry.name}: {score.reason}")
        return Row(
            name=entry.name,
            mutants=score.mutants,
            noticed=_by_rules(artifact, reference, plan, score.mutants, arguments),
            changes=_smallest_changes(artifact, reference, plan, judge, arguments),
            noise=max(
                max(each.reference, each.sensitivity) for each in judge.noise.outputs.values()
            ),
            seconds=time.perf_counter() - started,
        )


@contextlib.contextmanager
def _nursery(
    artifact: Artifact, reference: TensorFlow, plan: CasePlan, arguments: Any
) -> Iterator[tuple[Contents, Answers, Nursery]]:
    answers = Answers(reference, plan, examples=arguments.examples, seed=arguments.seed)
    with Nursery(reference.signature, backend=arguments.backend) as nursery:
        yield read_contents(artifact), answers, nursery


def _by_rules(
    artifact: Artifact,
    reference: TensorFlow,
    plan: CasePlan,
    mutants: tuple[Mutant, ...],
    arguments: Any,
) -> dict[str, int]:
    noticed = dict.fromkeys(RULES, 0)
    with _nursery(artifact, reference, plan, arguments) as (contents, answers, nursery):
        mutations = draw_mutations(contents, count=arguments.mutants, seed=arguments.seed)
        for mutation, mutant in zip(mutations, mutants, strict=True):
            if mutant.fate == "equivalent":
                continue
            if mutant.fate == "stillborn":  # no rule is needed to notice an exception
                noticed = {rule: count + 1 for rule, count in noticed.items()}
                continue
            with nursery.planted(mutation.fault.plant(contents)) as candidate:
                for rule in _noticing(candidate, answers):
                    noticed[rule] += 1
    return noticed


def _noticing(candidate: TFJS, answers: Answers) -> set[str]:
    """The rules by which some answer of the candidate is wrong."""
    found: set[str] = set()
    for case in answers.cases:
        expected, actual = answers.run(case.inputs), candidate.run(case.inputs)
        for name, want in expected.items():
            got = actual.get(name)
            if got is None or got.shape != want.shape:
                return set(RULES)
            found |= {rule for rule, agrees in RULES.items() if not agrees(want, got)}
        if len(found) == len(RULES):
            break
    return found


def _smallest_changes(
    artifact: Artifact,
    reference: TensorFlow,
    plan: CasePlan,
    judge: NoiseJudge,
    arguments: Any,
) -> tuple[float, ...]:
    """Bisected on numbers of weights drawn at random; those without any effect are left out."""
    random = Random(arguments.seed)
    found: list[float] = []
    with _nursery(artifact, reference, plan, arguments) as (contents, answers, nursery):
        names = [
            name
            for name, values in contents.weights.items()
            if values.dtype.kind == "f" and np.any(np.isfinite(values) & (values != 0))
        ]

        def noticed(name: str, position: int, change: float) -> bool:
            fault = change_element(contents, name, position, lambda value: value * (1 + change))
            try:
                with nursery.planted(fault.plant(contents)) as candidate:
                    return detects(answers, candidate, judge) is not None
            except (RuntimeFailure, ArtifactError):
                return True

        for _ in range(4 * _ELEMENTS):
            if len(found) == _ELEMENTS:
                break
            name = random.choice(names)
            values = contents.weights[name].reshape(-1)
            position = random.choice(np.flatnonzero(np.isfinite(values) & (values != 0)).tolist())
            low, high = math.log10(_SMALLEST), 0.0
            if not noticed(name, position, 1.0):
                continue
            for _ in range(_STEPS):
                middle = (low + high) / 2
                low, high = (low, middle) if noticed(name, position, 10**middle) else (middle, high)
            found.append(10**high)
    return tuple(found)


def _table(rows: list[Row]) -> str:
    heads = [
        "model", "mutants", "equivalent", "killed", "refused", "survived", "score", *RULES,
        "smallest change: median", "best", "noise", "s",
    ]  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        cells = [
            row.name,
            len(row.mutants),
            row.count("equivalent"),
            row.count("killed"),
            row.count("stillborn"),
            row.count("survived"),
            f"{row.score:.1%}",
            *(f"{row.noticed[rule] / row.faults:.1%}" for rule in RULES),
            f"{statistics.median(row.changes):.1e}" if row.changes else "",
            f"{min(row.changes):.1e}" if row.changes else "",
            f"{row.noise:.1e}",
            f"{row.seconds:.0f}",
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    faults = sum(row.faults for row in rows)
    sums = [sum(row.count(fate) for row in rows) for fate in
            ("equivalent", "killed", "stillborn", "survived")]  # fmt: skip
    total = [
        "all",
        sum(len(row.mutants) for row in rows),
        *sums,
        f"{(sums[1] + sums[2]) / faults:.1%}",
        *(f"{sum(row.noticed[rule] for row in rows) / faults:.1%}" for rule in RULES),
        *("",) * 4,
    ]
    lines.append("| " + " | ".join(map(str, total)) + " |")
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mutants", type=int, default=100, metavar="N", help="per model (100)")
    parser.add_argument("--examples", type=int, default=100, metavar="N", help="cases (100)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--backend", choices=("node", "wasm", "cpu"), default="wasm")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="these models alone")
    parser.add_argument("--out", type=Path, metavar="FILE.md")
    parser.add_argument("--check", action="store_true", help="fail below 98 %%")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
