"""What the claims about generated cases are measured with.

    python benchmarks/cases.py [--quick] [--json FILE]

First, density and cost: recipes against `hypothesis.extra.numpy.arrays`, for the same shapes, in
the same run. Second, planted faults: predicates that are true only for certain inputs, and how
many of ten seeds find each within 200 examples, how soon, and what the failure shrinks to.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException, HypothesisWarning
from hypothesis.extra import numpy as hypothesis_numpy

from tfjs_verify import strategies
from tfjs_verify.cases import explore, find_smallest, parse_domain, plan_cases
from tfjs_verify.cases.expansion import expand
from tfjs_verify.cases.exploration import draw_recipes
from tfjs_verify.cases.fields import KINDS
from tfjs_verify.cases.recipe import ArrayRecipe
from tfjs_verify.tensors import Array, Signature, TensorSpec

SHAPES = ((1, 10), (1, 32, 32, 3), (1, 224, 224, 3), (8, 512, 512, 3))
EXAMPLES = 200
Inputs = Mapping[str, Array]


# --- density and cost ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Density:
    """Distinct values are medians over examples; times are milliseconds an example."""

    shape: tuple[int, ...]
    elements: int
    recipe_distinct: int
    continuous_distinct: float
    """The smallest share of distinct values of any continuous kind, over seeds."""
    recipe_median_ms: float
    recipe_median_cpu_ms: float
    """The same on the clock of the thread, which other processes do not disturb."""
    strategy_problem: str
    """What stopped a plain `@given` test of `strategies.arrays`, if anything did."""
    arrays_distinct: int | None
    arrays_median_ms: float | None
    arrays_problem: str


def measure_density(shape: tuple[int, ...], examples: int) -> Density:
    plan = plan_cases(Signature((TensorSpec("x", "float32", shape),), ()))
    draw_recipes(plan, examples=10, seed=1)
    started, busy = time.perf_counter(), time.thread_time()
    recipes = draw_recipes(plan, examples=examples, seed=0)
    drawing = (time.perf_counter() - started) * 1000 / len(recipes)
    drawing_cpu = (time.thread_time() - busy) * 1000 / len(recipes)
    times, cpu, distinct = [], [], []
    for recipe in recipes:
        started, busy = time.perf_counter(), time.thread_time()
        values = plan.expand(recipe)["x"]
        times.append((time.perf_counter() - started) * 1000 + drawing)
        cpu.append((time.thread_time() - busy) * 1000 + drawing_cpu)
        distinct.append(np.unique(values).size)
    ours = _measure_strategy(strategies.arrays(plan.signature.inputs[0]), 30)
    theirs = _measure_strategy(
        hypothesis_numpy.arrays(np.float32, shape, elements=st.floats(-1, 1, width=32)), 30
    )
    return Density(
        shape=shape,
        elements=int(np.prod(shape)),
        recipe_distinct=int(statistics.median(distinct)),
        continuous_distinct=_continuous_share(shape),
        recipe_median_ms=statistics.median(times),
        recipe_median_cpu_ms=statistics.median(cpu),
        strategy_problem=ours[2],
        arrays_distinct=theirs[0],
        arrays_median_ms=theirs[1],
        arrays_problem=theirs[2],
    )


def _continuous_share(shape: tuple[int, ...]) -> float:
    domain = parse_domain("float -1..1")
    return min(
        np.unique(
            expand(ArrayRecipe(name, seed=number, detail=number % 8), domain, "float32", shape)
        ).size
        / math.prod(shape)
        for name, kind in KINDS.items()
        if kind.continuous
        for number in range(4 if np.prod(shape) < 1e6 else 1)
    )


def _measure_strategy(
    strategy: st.SearchStrategy[Array], examples: int
) -> tuple[int | None, float | None, str]:
    """Median distinct values and milliseconds in a plain `@given` test, health checks left on."""
    distinct: list[int] = []
    moments: list[float] = [time.perf_counter()]

    @seed(0)
    @settings(max_examples=examples, database=None, deadline=None, phases=[Phase.generate])
    @given(strategy)
    def test(values: Array) -> None:
        moments.append(time.perf_counter())
        distinct.append(np.unique(values).size)
        moments.append(time.perf_counter())

    problem = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", HypothesisWarning)
            test()
    except (HypothesisException, HypothesisWarning) as error:
        problem = type(error).__name__
    if not distinct:
        return None, None, problem
    times = np.diff(moments)[::2] * 1000
    return int(statistics.median(distinct)), float(np.median(times)), problem


# --- planted faults ------------------------------------------------------------------------------

IMAGE = TensorSpec("image", "float32", (None, 16, 16, 3))
VECTOR = TensorSpec("x", "float32", (None, 10))
OTHER = TensorSpec("y", "float32", (None, 4))
TOKENS = TensorSpec("tokens", "int32", (None, None))


@dataclass(frozen=True)
class Fault:
    """`shows(inputs)` is whether the planted fault would change the output."""

    name: str
    specs: tuple[TensorSpec, ...]
    shows: Callable[[Inputs], bool]
    domains: tuple[tuple[str, str], ...] = ()
    batch: int = 1
    nonzero: int | None = 3
    """The most elements that may be left non-zero; None where the fault needs them all."""


def _tied(values: Array) -> bool:
    ordered = np.sort(values.reshape(len(values), -1), axis=1)
    return bool(np.any(ordered[:, -1] == ordered[:, -2]))


def _tied_above_others(values: Array) -> bool:
    return _tied(values) and bool((np.ptp(values, axis=1) > 0).all())


def _varied(image: Array) -> Array:
    return np.ptp(image, axis=(1, 2, 3)) > 0


def _constant_rows(image: Array) -> Array:
    return (np.ptp(image, axis=2) == 0).all(axis=-1)


FAULTS = (
    Fault("one element > 0.9", (IMAGE,), lambda i: bool((i["image"] > 0.9).any())),
    Fault("batch size is 3", (VECTOR,), lambda i: len(i["x"]) == 3, batch=3),
    Fault("the two largest values tie", (VECTOR,), lambda i: _tied(i["x"])),
    Fault("they tie and are not all equal", (VECTOR,), lambda i: _tied_above_others(i["x"])),
    Fault("a sequence is longer than 7", (TOKENS,), lambda i: i["tokens"].shape[1] > 7),
    Fault(
        "a token is the last of its vocabulary", (TOKENS,),
        lambda i: bool((i["tokens"] == 9999).any()), domains=(("tokens", "int 0..9999"),),
    ),
    Fault(
        "all inputs are negative", (VECTOR, OTHER),
        lambda i: all(bool((values < 0).all()) for values in i.values()), nonzero=None,
    ),
    Fault("one image row is constant", (IMAGE,), lambda i: bool(_constant_rows(i["image"]).any())),
    Fault(
        "one row is, the image is not", (IMAGE,),
        lambda i: bool((_constant_rows(i["image"]).any(axis=1) & _varied(i["image"])).any()),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class FaultResult:
    name: str
    seeds: int
    found: int
    median_first: float | None
    """The example that showed it first, counted from 1."""
    shrunk: int
    """Seeds whose case shrank to the minimal batch and few enough non-zero elements."""
    median_tries: float | None
    smallest: str


def measure_fault(fault: Fault, seeds: int) -> FaultResult:
    signature = Signature(fault.specs, ())
    plan = plan_cases(signature, domains={name: parse_domain(text) for name, text in fault.domains})
    firsts, tries, words, shrunk = [], [], [], 0
    for number in range(seeds):
        failing = []

        def visit(case: object, failing: list = failing) -> None:
            failing.append((len(failing) + 1, case, fault.shows(case.inputs)))

        explore(plan, visit, examples=EXAMPLES, seed=number)
        hits = [(place, case) for place, case, shows in failing if shows]
        if not hits:
            continue
        firsts.append(hits[0][0])
        # The last one found is far from the smallest, unlike the first.
        smallest = find_smallest(hits[-1][1], lambda case: fault.shows(case.inputs), plan=plan)
        inputs = smallest.case.inputs
        nonzero = sum(int(np.count_nonzero(values)) for values in inputs.values())
        batches = {len(values) for values in inputs.values()}
        shrunk += batches == {fault.batch} and (fault.nonzero is None or nonzero <= fault.nonzero)
        tries.append(smallest.tries)
        words.append(smallest.words)
    return FaultResult(
        name=fault.name,
        seeds=seeds,
        found=len(firsts),
        median_first=statistics.median(firsts) if firsts else None,
        shrunk=shrunk,
        median_tries=statistics.median(tries) if tries else None,
        smallest=statistics.mode(words) if words else "",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer examples and two seeds")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    densities = [
        measure_density(shape, 40 if options.quick or np.prod(shape) > 1e6 else 200)
        for shape in SHAPES
    ]
    print(
        f"{'shape':>18} {'distinct':>9} {'continuous':>11} {'ms':>7} {'cpu ms':>7} {'@given':>10}"
        f" | {'arrays(): distinct':>18} {'ms':>7}"
    )
    for row in densities:
        theirs = "-" if row.arrays_distinct is None else row.arrays_distinct
        print(
            f"{row.shape!s:>18} {row.recipe_distinct:>9} {row.continuous_distinct:>11.1%}"
            f" {row.recipe_median_ms:>7.2f} {row.recipe_median_cpu_ms:>7.2f}"
            f" {row.strategy_problem or 'healthy':>10}"
            f" | {theirs!s:>18} {row.arrays_median_ms or math.nan:>7.2f} {row.arrays_problem}"
        )
    faults = [measure_fault(fault, 2 if options.quick else 10) for fault in FAULTS]
    print(f"\n{'planted fault':38} {'found':>6} {'first':>6} {'shrunk':>7} {'tries':>6}  smallest")
    for row in faults:
        print(
            f"{row.name:38} {row.found:>3}/{row.seeds:<2} {row.median_first or 0:>6.0f}"
            f" {row.shrunk:>4}/{row.found:<2} {row.median_tries or 0:>6.0f}  {row.smallest}"
        )
    if options.json:
        content = {
            "density": [asdict(row) for row in densities],
            "faults": [asdict(row) for row in faults],
        }
        options.json.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
