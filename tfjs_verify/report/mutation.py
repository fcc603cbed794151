"""The mutation score for a terminal, and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tfjs_verify.measurements.mutation import Mutant, MutationScore

SCHEMA = "tfjs-verify/mutation/1"


def mutation_json(score: MutationScore, *, model: str) -> str:
    """The document as text: strict JSON, where a number that JSON cannot hold is null."""
    document = {
        "schema": SCHEMA,
        "model": model,
        "score": score.score,
        "counts": score.counts,
        **asdict(score),
    }
    return json.dumps(_strict(document), indent=2, allow_nan=False) + "\n"


def mutation_lines(score: MutationScore, *, model: str) -> Iterator[str]:
    """The outcome in words: a row per kind of fault, then every survivor and why."""
    yield f"{model} on {score.backend}: faults planted in the artifact, {score.cases} cases each"
    if score.score is None:
        yield f"no mutation score: {score.reason or 'no mutation of it is a fault'}"
        return
    yield ""
    yield from _table(score)
    if score.survivors:
        yield ""
        yield "survived:"
        for mutant in score.survivors:
            yield f"  {mutant.operator}: {mutant.what}"
            yield f"    {mutant.why}"
    equivalent = [mutant for mutant in score.mutants if mutant.fate == "equivalent"]
    if equivalent:
        yield ""
        yield "equivalent, so not counted:"
        for mutant in equivalent:
            yield f"  {mutant.operator}: {mutant.what}"
            yield f"    {mutant.why}"
    yield ""
    yield summary(score)


def summary(score: MutationScore) -> str:
    """The score in one sentence."""
    if score.score is None:
        return f"no mutation score: {score.reason or 'no mutation of it is a fault'}"
    counts = score.counts
    noticed = counts["killed"] + counts["stillborn"]
    faults = len(score.mutants) - counts["equivalent"]
    return (
        f"mutation score {score.score:.1%}: {noticed} of {faults} faults noticed"
        f" ({counts['killed']} by a wrong answer, {counts['stillborn']} because TensorFlow.js"
        f" refused), {counts['survived']} survived; {counts['equivalent']} mutants were equivalent"
        f"  (seed {score.seed})"
    )


def _table(score: MutationScore) -> Iterator[str]:
    heads = ("killed", "stillborn", "survived", "equivalent")
    kinds: dict[str, list[Mutant]] = {}
    for mutant in score.mutants:
        kinds.setdefault(mutant.operator, []).append(mutant)
    width = max(map(len, kinds))
    yield "  ".join(["fault".ljust(width), *heads])
    for kind, mutants in kinds.items():
        counts = [sum(mutant.fate == head for mutant in mutants) for head in heads]
        cells = [
            (str(count) if count else "").rjust(len(head))
            for count, head in zip(counts, heads, strict=True)
        ]
        yield "  ".join([kind.ljust(width), *cells]).rstrip()


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
