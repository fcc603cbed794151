"""The report for a terminal, and the explanation that an error carries."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tfjs_verify.report.report import BackendReport, ModelReport, OutputReport, Report

_STYLES = {"pass": "bold green", "fail": "bold red", "error": "bold magenta"}
_MARKS = {"pass": "✓", "fail": "✗", "error": "!"}


def print_report(report: Report, console: Console) -> None:
    """Print the whole report, one section a model."""
    for model in report.models:
        console.print(_model(model))
    console.print(_summary(report))


def explain_failures(report: Report) -> str:
    """Every backend that is not in parity, explained in plain text."""
    parts = [
        explain_backend(model, backend)
        for model in report.models
        for backend in model.backends
        if backend.verdict != "pass"
    ]
    for model in report.models:
        if model.conversion.error is not None:
            parts.insert(0, f"{model.path} was not converted: {model.conversion.error.message}")
    return "\n\n".join(parts)


def explain_backend(model: ModelReport, backend: BackendReport) -> str:
    """Why one backend is not in parity: what, where, how much, why not allowed, what next."""
    if backend.verdict == "error":
        stage = f" ({backend.stage})" if backend.stage else ""
        return f"tfjs:{backend.backend} could not run {model.path}{stage}: {backend.message}"
    lines: list[str] = []
    for output in backend.outputs:
        if output.worst is None and output.structure is None:
            continue
        if lines:
            lines.append("")
        lines += _explain_output(model, backend, output)
    lines += [f"  {finding.message}" for finding in backend.findings if finding.gates and not lines]
    if backend.minimal_case is not None:
        lines.append(f"  replay            {_replay(model, backend)}")
    return "\n".join(lines)


def _explain_output(
    model: ModelReport, backend: BackendReport, output: OutputReport
) -> Iterator[str]:
    who = f"tfjs:{backend.backend}"
    spec = next((s for s in model.signature.outputs if s.name == output.name), None)
    yield f'{who} disagrees with tensorflow on output "{output.name}" ({spec or output.dtype}).'
    yield ""
    if output.structure is not None:
        yield f"  structure         {output.structure}"
    worst = output.worst
    if worst is None:
        return
    yield (
        f"  worst element     {list(worst.index)}: tensorflow {worst.expected}, "
        f"{who} {worst.actual}"
    )
    yield f"  error             {worst.error:.2g}{_noise(output)}"
    yield f"  allowed           {worst.allowed:.2g} = {worst.rule}"
    if backend.blame is not None:
        for node in backend.blame["nodes"]:
            yield f'  first divergence  "{node["name"]}" ({node["op"]}); its inputs agree'
    yield f"  case              {worst.case}"


def _noise(output: OutputReport) -> str:
    if output.noise_ratio is None:
        return ""
    return f", {output.noise_ratio:.3g} × the rounding noise of TensorFlow itself"


def _replay(model: ModelReport, backend: BackendReport) -> str:
    words = ["tfjs-verify", "verify", model.path, "-b", backend.backend]
    if model.conversion.artifact is not None:
        words += ["--artifact", model.conversion.artifact]
    return shlex.join([*words, "--data", str(backend.minimal_case), "-n", "0"])


def _model(model: ModelReport) -> RenderableType:
    parts: list[RenderableType] = [
        Text.assemble(
            (f"{_MARKS[model.verdict]} {model.name}", _STYLES[model.verdict]), f"  {model.path}"
        )
    ]
    parts += [Padding(Text(line, style="dim"), (0, 0, 0, 2)) for line in _facts(model)]
    if model.conversion.error is not None:
        parts.append(Padding(Text(model.conversion.error.message, style="red"), (0, 0, 0, 2)))
    else:
        parts.append(Padding(_table(model), (1, 0, 1, 2)))
    for backend in model.backends:
        if backend.verdict != "pass" and model.conversion.error is None:
            parts.append(Padding(Text(explain_backend(model, backend)), (0, 0, 1, 2)))
        for finding in backend.findings:
            if not finding.gates:
                parts.append(
                    Padding(
                        Text(f"note  tfjs:{backend.backend}: {finding.message}", style="yellow"),
                        (0, 0, 0, 2),
                    )
                )
    if model.rejected:
        first = model.rejected[0]
        parts.append(
            Padding(
                Text(
                    f"note  TensorFlow itself raised on {len(model.rejected)} cases, which were "
                    f"left out; the first: {first.case}: {first.message}",
                    style="yellow",
                ),
                (0, 0, 1, 2),
            )
        )
    return Group(*parts)


def _facts(model: ModelReport) -> Iterator[str]:
    inputs = ", ".join(f"{spec.name}: {spec}" for spec in model.signature.inputs)
    outputs = ", ".join(f"{spec.name}: {spec}" for spec in model.signature.outputs)
    yield f"{inputs}  →  {outputs}"
    conversion = model.conversion
    if conversion.error is None:
        quantized = f", {conversion.quantization}" if conversion.quantization else ""
        yield (
            f"{conversion.format} model by {conversion.route}{quantized}, "
            f"{_size(conversion.bytes)}, {conversion.seconds:.1f} s"
        )
    for repair in conversion.repairs:
        yield f"repaired  {repair.name} × {len(repair.nodes)}: {repair.why}"


def _table(model: ModelReport) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    for column in ("backend", "output"):
        table.add_column(column, overflow="fold")
    for column in (
        "cases",
        "max abs",
        "max rel",
        "scaled",
        "load ms",
        "first ms",
        "p50 ms",
        "p99 ms",
        "TF p50",
    ):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for backend in model.backends:
        for row, output in enumerate(backend.outputs or (None,)):
            _add_row(table, backend, output, first=row == 0)
    return table


def _add_row(
    table: Table, backend: BackendReport, output: OutputReport | None, *, first: bool
) -> None:
    verdict = backend.verdict
    if output is not None and verdict == "fail":
        verdict = "fail" if output.worst or output.structure else "pass"
    table.add_row(
        backend.backend if first else "",
        output.name if output else "",
        str(backend.cases) if first else "",
        *(_errors(output) if output else ("", "", "")),
        *(_latency(backend) if first else ("",) * 5),
        Text(f"{_MARKS[verdict]} {verdict}", style=_STYLES[verdict]),
    )


def _errors(output: OutputReport) -> tuple[str, str, str]:
    return (
        f"{output.max_abs_error:.1e}",
        f"{output.max_rel_error:.1e}",
        f"{output.scaled_error:.1e}",
    )


def _latency(backend: BackendReport) -> tuple[str, ...]:
    latency = backend.latency
    if latency is None:
        return ("",) * 5
    figures = (
        latency.load_ms,
        latency.first_ms,
        latency.p50_ms,
        latency.p99_ms,
        latency.reference_p50_ms,
    )
    return tuple("" if figure is None else f"{figure:.3g}" for figure in figures)


def _summary(report: Report) -> Text:
    counts = dict.fromkeys(_STYLES, 0)
    for model in report.models:
        for backend in model.backends:
            counts[backend.verdict] += 1
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    return Text(f"{report.verdict}: {said or 'nothing ran'}", style=_STYLES[report.verdict])


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
