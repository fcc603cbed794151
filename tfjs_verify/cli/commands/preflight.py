"""tfjs-verify preflight: what stands in the way, before anything is converted or run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tfjs_verify.cli import options

if TYPE_CHECKING:
    from rich.text import Text

    from tfjs_verify.conversion.preflight import Finding, Preflight
    from tfjs_verify.runtimes.base import Backend

_NODES_SHOWN = 3
_FINDINGS_SHOWN = 40


@click.command(name="preflight")
@click.argument("source", metavar="MODEL")
@options.backends
@click.option(
    "--quantize",
    type=click.Choice(("float16", "uint8", "uint16")),
    help="Count what this would do to the weights; without, it is noted for each.",
)
@click.option(
    "--no-repair",
    "repair",
    is_flag=True,
    default=True,
    flag_value=False,
    help="What stands in the way of the stock converter.",
)
@click.option("--signature", metavar="NAME", help="Which signature of the model.")
@options.opening
@options.js_modules
@options.reports
def command(
    source: str,
    backends: tuple[Backend, ...],
    quantize: str | None,
    repair: bool,
    signature: str | None,
    tags: str | None,
    outputs: tuple[str, ...],
    custom_objects: Path | None,
    js_modules: tuple[Path, ...],
    json_file: Path | None,
) -> int:
    """Say what keeps MODEL from running in TensorFlow.js, or from being right there.

    Exit status: 0 nothing stands in the way; 1 something does. What a repair takes care of does
    not.
    """
    import json

    from rich.console import Console

    from tfjs_verify.bridge.installation import provision
    from tfjs_verify.cli.output import check_writable, reporting, write_text
    from tfjs_verify.conversion.preflight import preflight
    from tfjs_verify.model import load_custom_objects, open_model
    from tfjs_verify.runtimes import NodePool

    check_writable(json_file)
    with reporting() as output:
        output.progress.stage(f"opening {source}")
        with (
            open_model(
                source,
                signature=signature,
                tags=None if tags is None else [tag for tag in tags.split(",") if tag],
                outputs=outputs,
                custom_objects=load_custom_objects(custom_objects) if custom_objects else None,
            ) as model,
            NodePool(extensions=js_modules, progress=output.progress.stage) as nodes,
        ):
            kernels: dict[str, tuple[str, ...]] = {
                backend: nodes.start(backend).kernels() for backend in backends
            }
            output.progress.stage(f"inspecting {model.name}")
            found = preflight(
                model,
                kernels,
                provision(backends=backends).modules,
                quantize=(quantize,) if quantize else (),
                repair=repair,
                custom=bool(js_modules),
            )
    console = Console(soft_wrap=True)
    for line in _lines(source, found):
        console.print(line)
    if json_file is not None:
        write_text(json_file, json.dumps(found.as_json(), indent=2) + "\n")
    return 0 if found.clear else 1


def _lines(source: str, found: Preflight) -> Iterator[Text | str]:
    from rich.text import Text

    shown = found.findings[:_FINDINGS_SHOWN]
    for finding in shown:
        yield from _finding(finding, found.backends)
    if len(found.findings) > len(shown):
        yield f"  and {len(found.findings) - len(shown)} more; --json has them all"
    standing = sum(finding.stands for finding in found.findings)
    repaired = sum(bool(finding.repairs) for finding in found.findings)
    verdict = f"{standing} stand in the way" if standing else "nothing stands in the way"
    style = "bold red" if standing else "bold green"
    yield Text.assemble(
        (verdict, style),
        f" of {source} ({found.nodes} nodes) on {', '.join(found.backends)};"
        f" {repaired} taken care of",
    )


def _finding(finding: Finding, backends: tuple[str, ...]) -> Iterator[Text]:
    from rich.text import Text

    if finding.stands:
        mark = ("✗", "red")
    elif finding.repairs:
        mark = ("✓", "green")
    else:
        mark = ("!", "yellow") if finding.level == "risk" else ("·", "dim")
    where = ""
    if finding.backends and set(finding.backends) != set(backends):
        where = f" on {' and '.join(finding.backends)}"
    cure = f"; taken care of by {', '.join(finding.repairs)}" if finding.repairs else ""
    yield Text.assemble(mark, f"  {finding.subject}: {finding.message}{where}{cure}")
    if finding.nodes:
        more = len(finding.nodes) - _NODES_SHOWN
        names = ", ".join(finding.nodes[:_NODES_SHOWN])
        yield Text(f"     at {names}{f' and {more} more' if more > 0 else ''}", "dim")
