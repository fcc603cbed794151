"""tfjs-verify doctor: what is installed, what is wrong with it, and the cure."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="doctor")
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the diagnosis as JSON.",
)
def command(json_file: Path | None) -> int:
    """Print every version and path that matters, what is wrong, and the cure.

    Exit status: 0 where nothing is wrong, else 3. Changes nothing.
    """
    import json

    from rich.console import Console
    from rich.text import Text

    from tfjs_verify.bridge.installation import diagnose
    from tfjs_verify.cli.output import check_writable, write_text

    check_writable(json_file)
    diagnosis = diagnose()
    width = max(len(fact.name) for fact in diagnosis.facts)
    console = Console(soft_wrap=True)  # a path stays in one piece, to be copied
    for fact in diagnosis.facts:
        mark = ("✗", "red") if fact.problem else ("✓", "green")
        console.print(Text.assemble(mark, f"  {fact.name.ljust(width)}  {fact.value}"))
    for fact in diagnosis.problems:
        console.print()
        console.print(Text(f"{fact.name}: {fact.problem}.", "red"))
        if fact.cure:
            console.print(Text(f"  {fact.cure}"))
    if json_file is not None:
        write_text(json_file, json.dumps(diagnosis.to_json(), indent=2) + "\n")
    return 3 if diagnosis.problems else 0
