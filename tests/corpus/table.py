"""The results of the corpus as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.corpus.measuring import BACKENDS, ROUTES, Result

_SIGNS = {"usable": "✓", "refused": "–", "error": "✗", "wrong": "**W**"}
_TITLES = {"layer": "Layer models", "op": "Op graphs"}


def render(results: Sequence[Result]) -> str:
    """Totals, what is silently wrong, a row per model, and the reason for each unusable one."""
    return "\n".join(_lines(results)) + "\n"


def silently_wrong(results: Sequence[Result], route: str) -> list[str]:
    """What converts by this route, runs, and says something else."""
    return [
        f"{result.name} on {backend}: {outcome.reason}"
        for result in results
        for backend, outcome in result.outcomes.get(route, {}).items()
        if outcome.verdict == "wrong"
    ]


def _lines(results: Sequence[Result]) -> Iterator[str]:
    yield "# The corpus"
    yield ""
    yield "✓ usable, – refused by the conversion, ✗ fails to load or run, **W** runs and is wrong."
    yield ""
    yield from _totals(results)
    for route in ROUTES:
        wrong = silently_wrong(results, route)
        yield f"\n## Converts and is silently wrong: {route} ({len(wrong)})\n"
        yield from (f"- {line}" for line in wrong)
    for kind, title in _TITLES.items():
        of_kind = [result for result in results if result.kind == kind]
        if of_kind:
            yield f"\n## {title}\n"
            yield from _table(of_kind, _routes(of_kind))
    for route in ROUTES:
        yield f"\n## Why not usable: {route}\n"
        yield from _reasons(results, route)


def _totals(results: Sequence[Result]) -> Iterator[str]:
    yield "| | route | models | " + " | ".join(BACKENDS) + " | all three |"
    yield "|---|---|" + "---|" * (len(BACKENDS) + 2)
    for kind, title in _TITLES.items():
        of_kind = [result for result in results if result.kind == kind]
        for route in _routes(of_kind):
            usable = [
                {b for b, o in result.outcomes[route].items() if o.verdict == "usable"}
                for result in of_kind
            ]
            counts = [sum(backend in ok for ok in usable) for backend in BACKENDS]
            counts.append(sum(len(ok) == len(BACKENDS) for ok in usable))
            shares = [f"{count} ({count / len(of_kind):.1%})" for count in counts]
            yield f"| {title} | {route} | {len(of_kind)} | " + " | ".join(shares) + " |"


def _table(results: Sequence[Result], routes: Sequence[str]) -> Iterator[str]:
    columns = [f"{route} {backend}" for route in routes for backend in BACKENDS]
    yield "| model | " + " | ".join(columns) + " | repairs |"
    yield "|---|" + "---|" * (len(columns) + 1)
    for result in results:
        signs = [
            _SIGNS[result.outcomes[route][backend].verdict]
            for route in routes
            for backend in BACKENDS
        ]
        name = result.name.partition(":")[2]
        yield f"| {name} | " + " | ".join(signs) + f" | {', '.join(result.repairs)} |"


def _reasons(results: Sequence[Result], route: str) -> Iterator[str]:
    for result in results:
        by_reason: dict[str, list[str]] = {}
        for backend, outcome in result.outcomes.get(route, {}).items():
            if outcome.verdict != "usable":
                by_reason.setdefault(outcome.reason, []).append(backend)
        for reason, backends in by_reason.items():
            where = "" if len(backends) == len(BACKENDS) else f" ({', '.join(backends)})"
            yield f"- `{result.name}`{where}: {reason}"


def _routes(results: Sequence[Result]) -> list[str]:
    return [route for route in ROUTES if any(route in result.outcomes for result in results)]
