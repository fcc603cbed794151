"""The mutation score: how many of the faults planted in an artifact parity notices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from tfjs_verify.artifact import Artifact
from tfjs_verify.artifact.contents import Contents, read_contents
from tfjs_verify.cases import CasePlan, sample_cases
from tfjs_verify.errors import ArtifactError, RuntimeFailure
from tfjs_verify.measurements.judging import Judge
from tfjs_verify.measurements.mutation.answers import Answers, Detection, detects
from tfjs_verify.measurements.mutation.inquest import Finding, Inquest
from tfjs_verify.measurements.mutation.operators import Mutation, draw_mutations
from tfjs_verify.measurements.mutation.planting import Nursery
from tfjs_verify.measurements.mutation.score import Mutant, MutationScore
from tfjs_verify.measurements.order import Unordered
from tfjs_verify.runtimes import Backend, Runtime


def measure_mutation(
    artifact: Artifact,
    reference: Runtime,
    plan: CasePlan,
    judge: Judge,
    *,
    backend: Backend = "wasm",
    mutants: int = 100,
    examples: int = 100,
    seed: int = 0,
    order_free: Collection[Unordered] = (),
    extensions: Sequence[Path] = (),
    timeout: float = 30.0,
    on_mutant: Callable[[int, int], None] | None = None,
) -> MutationScore:
    """Plant `mutants` faults, one at a time, and compare each mutant with `reference`.

    The cases are the plan's samples and `examples` generated ones, as in `measure_parity`; a mutant
    is shown them until one tells. `order_free` are outputs that are sets. `timeout` is in seconds
    and holds for every call. `on_mutant` is told how many are done, of how many. Nothing is planted
    where the artifact itself disagrees, or where there is no case; then the score says why. Raises
    ArtifactError, EnvironmentProblem.
    """
    contents = read_contents(artifact)
    answers = Answers(reference, plan, examples=examples, seed=seed, order_free=order_free)
    if not answers.cases:
        return MutationScore(backend, seed, 0, reason="there is no case to show to mutants")
    with Nursery(
        reference.signature, backend=backend, extensions=extensions, timeout=timeout
    ) as nursery:
        reason = _health(nursery, contents, answers, judge)
        if reason:
            return MutationScore(backend, seed, len(answers.cases), reason=reason)
        inquest = Inquest(
            artifact,
            contents,
            reference.signature,
            judge,
            nursery,
            shown=answers.cases,
            others=sample_cases(plan, count=examples, seed=seed + 1) if examples else (),
        )
        mutations = draw_mutations(contents, count=mutants, seed=seed)
        results = []
        for number, mutation in enumerate(mutations, 1):
            results.append(_try(mutation, contents, nursery, answers, judge, inquest))
            if on_mutant:
                on_mutant(number, len(mutations))
    return MutationScore(backend, seed, len(answers.cases), tuple(results))


def _health(nursery: Nursery, contents: Contents, answers: Answers, judge: Judge) -> str:
    """What is wrong with the artifact itself; faults in what is faulty prove nothing."""
    try:
        with nursery.planted(contents) as candidate:
            found = detects(answers, candidate, judge)
    except RuntimeFailure as failure:
        return f"the artifact itself does not load: {failure.message}"
    return "" if found is None else f"the artifact itself disagrees: {_told(found)}"


def _try(
    mutation: Mutation,
    contents: Contents,
    nursery: Nursery,
    answers: Answers,
    judge: Judge,
    inquest: Inquest,
) -> Mutant:
    operator, what = mutation.operator, mutation.fault.what
    mutated = mutation.fault.plant(contents)
    try:
        with nursery.planted(mutated) as candidate:
            found = detects(answers, candidate, judge)
            if found is None:
                finding: Finding = inquest.examine(candidate, mutated)
                return Mutant(
                    operator, what, finding.fate, finding.why, len(answers.cases), finding.effect
                )
    except (RuntimeFailure, ArtifactError) as failure:
        nursery.renew()
        return Mutant(operator, what, "stillborn", _first_line(failure.message), 0)
    if found.failure is not None:
        nursery.renew()
        return Mutant(operator, what, "stillborn", _told(found), found.cases)
    return Mutant(operator, what, "killed", _told(found), found.cases)


def _told(found: Detection) -> str:
    if found.failure is not None:
        return _first_line(found.failure.message)
    assert found.disagreement is not None
    case, comparison = found.disagreement.case, found.disagreement.comparison
    worst = found.disagreement.mismatch
    if worst is None:
        return f"{case.name}: {comparison.name}: {comparison.structure}"
    return (
        f"{case.name}: {comparison.name}{list(worst.index)}: expected {worst.expected},"
        f" got {worst.actual}"
    )


def _first_line(message: str) -> str:
    return message.strip().splitlines()[0] if message.strip() else ""
