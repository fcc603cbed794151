"""tfjs-verify verify: convert, run, compare, report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tfjs_verify.cli import options


@click.command(name="verify")
@click.argument("models", nargs=-1, metavar="MODEL...")
@click.option(
    "--suite", type=click.Path(path_type=Path), metavar="FILE", help="A suite of models, as TOML."
)
@options.backends
@options.cases
@options.conversion
@options.opening
@options.running
@options.reports
@click.pass_context
def command(
    context: click.Context,
    /,
    models: tuple[str, ...],
    suite: Path | None,
    json_file: Path | None,
    **words: Any,
) -> int:
    """Convert models, run them on TensorFlow.js, and compare with TensorFlow.

    MODEL is a SavedModel or TF-Hub module directory, a .keras or .h5 file, a frozen .pb graph, or
    the address of a TF-Hub module.
    """
    from tfjs_verify.cli import parsing
    from tfjs_verify.cli.output import check_writable, reporting, write_text
    from tfjs_verify.errors import RequestError
    from tfjs_verify.report.json import render_json
    from tfjs_verify.suite import read_suite, verify_suite
    from tfjs_verify.verification import Request, verify_all

    if bool(models) == (suite is not None):
        raise RequestError("name the models to verify, or a --suite file, and not both")
    check_writable(json_file)
    words = parsing.parsed(words)
    given = {
        word
        for word in words
        if context.get_parameter_source(word) is click.core.ParameterSource.COMMANDLINE
    }
    with reporting() as output:
        if suite is not None:
            overrides = {word: words[word] for word in given}
            report = verify_suite(read_suite(suite, overrides), progress=output.progress)
        else:
            requests = [
                Request(model=path, name=name, **words)
                for path, name in zip(models, parsing.names(models), strict=True)
            ]
            report = verify_all(requests, progress=output.progress)
    output.show(report)
    if json_file is not None:
        write_text(json_file, render_json(report))
    return 0 if report.verdict == "pass" else 1
