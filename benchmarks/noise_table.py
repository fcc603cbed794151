"""The results of `noise.py` as Markdown, and the fixed rules that k is compared with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfjs_verify.tensors import Array
from tfjs_verify.tolerance import default_tolerance

FACTORS = (1, 2, 3, 5, 8, 10, 16, 32, 64)
APART = 1000.0
"""Who needs more than this is no matter of rounding, whatever k is."""


def _close(atol: float, rtol: float) -> Callable[[Array, Array], bool]:
    return lambda actual, expected: np.allclose(
        actual, expected, atol=atol, rtol=rtol, equal_nan=True
    )


def _similar(actual: Array, expected: Array) -> bool:
    a, b = (each.astype(np.float64).ravel() for each in (actual, expected))
    norm = math.sqrt(float(a @ a) * float(b @ b))
    return not norm or not math.isfinite(norm) or float(a @ b) / norm >= 0.997


def _default(actual: Array, expected: Array) -> bool:
    with np.errstate(invalid="ignore"):
        error = np.abs(actual.astype(np.float64) - expected)
    return not np.any(error > default_tolerance("float32").allowed(expected))


FIXED_RULES: Mapping[str, Callable[[Array, Array], bool]] = {
    "the table of defaults": _default,
    "allclose 1e-4, 1e-5": _close(1e-5, 1e-4),
    "allclose 1e-3": _close(1e-3, 1e-3),
    "cosine 0.997": _similar,
}


def render(records: Sequence[Mapping[str, Any]]) -> str:
    """The curve, what it rests on, and who disagrees at any k."""
    return "\n".join(_lines(records))


def _lines(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    apart = _apart(records)
    cases = [
        (record["model"], need)
        for record in records
        for backend, needs in record["needs"].items()
        if (record["model"], backend) not in apart
        for need in needs
    ]
    faults = [fault for record in records for fault in record["faults"]]
    kinds = list(dict.fromkeys(fault["kind"] for fault in faults))
    models = {record["model"] for record in records}
    seeds = {record["seed"] for record in records}
    yield (
        f"{len(models)} models, {len(seeds)} seeds, {len(cases)} answers of backends that are right"
        f" and {len(faults)} faults with an effect."
    )
    yield ""
    yield "| rule | false alarms | models with one | " + " | ".join(kinds) + " | all faults |"
    yield "|---|---|---|" + "---|" * (len(kinds) + 1)
    for factor in FACTORS:
        alarms = [model for model, need in cases if need > factor]
        yield _row(
            f"k = {factor}", alarms, len(cases), faults, kinds,
            lambda fault, factor=factor: fault["need"] > factor,
        )  # fmt: skip
    for rule in dict.fromkeys(r for record in records for f in record["fixed"].values() for r in f):
        alarms = [
            record["model"]
            for record in records
            for backend, fixed in record["fixed"].items()
            if (record["model"], backend) not in apart
            for _ in range(fixed[rule])
        ]
        yield _row(
            rule, alarms, len(cases), faults, kinds, lambda fault, rule=rule: rule in fault["fixed"]
        )
    yield ""
    yield "| k needed by what is right | median | 90 % | 99 % | 99.9 % | largest |"
    yield "|---|---|---|---|---|---|"
    for kind in ("op", "layer", "app"):
        needs = np.array([need for model, need in cases if model.startswith(kind)])
        if needs.size:
            figures = np.quantile(needs, [0.5, 0.9, 0.99, 0.999, 1])
            yield f"| {kind} ({needs.size}) | " + " | ".join(f"{f:.2f}" for f in figures) + " |"
    yield ""
    largest: dict[str, float] = {}
    for model, need in cases:
        largest[model] = max(need, largest.get(model, 0.0))
    ranked = sorted(largest.items(), key=lambda each: -each[1])[:12]
    yield "Most needed: " + ", ".join(f"{model} {need:.2f}" for model, need in ranked) + "."
    yield ""
    yield f"Apart from the rest (more than {APART:g} ×, or not comparable):"
    yield from (f"- {model} on {backend}: {n} cases" for (model, backend), n in apart.items())


def _row(
    title: str,
    alarms: Sequence[str],
    cases: int,
    faults: Sequence[Mapping[str, Any]],
    kinds: Sequence[str],
    notices: Callable[[Mapping[str, Any]], bool],
) -> str:
    shares = []
    for kind in (*kinds, None):
        of_kind = [fault for fault in faults if kind in (None, fault["kind"])]
        shares.append(f"{sum(map(notices, of_kind)) / max(1, len(of_kind)):.1%}")
    return (
        f"| {title} | {len(alarms)} of {cases} ({len(alarms) / max(1, cases):.2%}) |"
        f" {len(set(alarms))} | " + " | ".join(shares) + " |"
    )


def _apart(records: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for record in records:
        for backend, needs in record["needs"].items():
            beyond = sum(need > APART for need in needs)
            if beyond:
                key = record["model"], backend
                found[key] = found.get(key, 0) + beyond
    return found
