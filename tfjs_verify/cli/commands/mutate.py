"""tfjs-verify mutate: plants faults, and says whether verify would have noticed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tfjs_verify.cli import options

if TYPE_CHECKING:
    from tfjs_verify.runtimes import Backend


def _a_number(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """A range lets NaN pass, and no score would ever reach it."""
    if math.isnan(value):
        raise click.BadParameter("nan is no number from 0 to 1.")
    return value


@click.command(name="mutate")
@click.argument("model", metavar="MODEL")
@click.option(
    "--mutants",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="How many faults to plant, one at a time.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    callback=_a_number,
    default=0.98,
    show_default=True,
    metavar="X",
    help="The part of the faults that has to be noticed.",
)
@click.option(
    "-b",
    "--backend",
    type=click.Choice(options.BACKEND_NAMES),
    default="wasm",
    show_default=True,
    help="The TensorFlow.js backend that runs the mutants.",
)
@options.drawing
@options.conversion
@options.artifact
@options.errors
@options.js_modules
@options.timeout
@options.reports
def command(
    model: str,
    mutants: int,
    min_score: float,
    backend: Backend,
    json_file: Path | None,
    inputs: tuple[str, ...],
    **words: Any,
) -> int:
    """Plant faults in MODEL's artifact, and count those that verify would have noticed.

    A weight scaled, an activation or a stride changed, two outputs exchanged: one at a time, each
    mutant is compared with TensorFlow as verify does it. Mutants that change nothing beyond
    rounding are not counted.

    Exit status: 0 where at least --min-score of the faults were noticed, else 1.
    """
    from tfjs_verify.cli import parsing
    from tfjs_verify.cli.output import check_writable, reporting, write_text
    from tfjs_verify.report import assembly
    from tfjs_verify.report.mutation import mutation_json, mutation_lines
    from tfjs_verify.verification import Request
    from tfjs_verify.verification.mutating import mutate

    check_writable(json_file)
    request = Request(model=model, backends=(backend,), inputs=parsing.domains(inputs), **words)
    with reporting() as output:
        score = mutate(request, mutants=mutants, progress=output.progress)
    report = assembly.mutation(score)
    click.echo("\n".join(mutation_lines(report, model=model)))
    if json_file is not None:
        write_text(json_file, mutation_json(report, model=model))
    return 0 if score.score is not None and score.score >= min_score else 1
