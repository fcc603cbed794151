"""The mutation score for a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tfjs_verify.report.json import plain
from tfjs_verify.report.report import MutantReport, MutationReport

SCHEMA = "tfjs-verify/mutation/1"
_NAMED = 3


def mutation_json(mutation: MutationReport, *, model: str) -> str:
    """The document as text: strict JSON, where a number that JSON cannot hold is null."""
    document = {"schema": SCHEMA, "model": model, **plain(mutation)}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def mutation_lines(mutation: MutationReport, *, model: str) -> Iterator[str]:
    """The outcome in words: a row per kind of fault, then every survivor and why."""
    cases = f"{mutation.cases} cases each"
    yield f"{model} on {mutation.backend}: faults planted in the artifact, {cases}"
    if mutation.score is None:
        yield summary(mutation)
        return
    yield ""
    yield from _table(mutation)
    for fate, head in (("survived", "survived:"), ("equivalent", "equivalent, so not counted:")):
        mutants = _of(mutation, fate)
        if mutants:
            yield ""
            yield head
            for mutant in mutants:
                yield f"  {mutant.operator}: {mutant.what}"
                yield f"    {mutant.why}"
    yield ""
    yield summary(mutation)


def summary(mutation: MutationReport) -> str:
    """The score in one sentence."""
    if mutation.score is None:
        return f"no mutation score: {mutation.reason or 'no mutation of it is a fault'}"
    counts = mutation.counts
    return (
        f"mutation score {mutation.score:.1%}: {_noticed(mutation)} ({counts['killed']} by a wrong"
        f" answer, {counts['stillborn']} because TensorFlow.js refused), {counts['survived']}"
        f" survived; {counts['equivalent']} mutants were equivalent  (seed {mutation.seed})"
    )


def line(mutation: MutationReport) -> str:
    """The score beside a verdict, with the first survivors by name."""
    if mutation.score is None:
        return summary(mutation)
    equivalent = mutation.counts["equivalent"]
    words = f"mutation score {mutation.score:.1%} on {mutation.backend}: {_noticed(mutation)}"
    if equivalent:
        words += f", {equivalent} more {'was' if equivalent == 1 else 'were'} equivalent"
    survivors = _of(mutation, "survived")
    if survivors:
        named = "; ".join(f"{each.operator}, {each.what}" for each in survivors[:_NAMED])
        more = f"; and {len(survivors) - _NAMED} more" if len(survivors) > _NAMED else ""
        words += f"; survived: {named}{more}"
    return words


def _noticed(mutation: MutationReport) -> str:
    counts = mutation.counts
    noticed = counts["killed"] + counts["stillborn"]
    return f"{noticed} of {noticed + counts['survived']} faults noticed"


def _of(mutation: MutationReport, fate: str) -> list[MutantReport]:
    return [mutant for mutant in mutation.mutants if mutant.fate == fate]


def _table(mutation: MutationReport) -> Iterator[str]:
    heads = ("killed", "stillborn", "survived", "equivalent")
    kinds: dict[str, list[MutantReport]] = {}
    for mutant in mutation.mutants:
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
