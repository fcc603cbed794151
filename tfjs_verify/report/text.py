"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tfjs_verify.report import mutation
from tfjs_verify.report.explanation import explain_backend
from tfjs_verify.report.report import (
    POWERLESS,
    BackendReport,
    ModelReport,
    NoiseReport,
    OutputReport,
    QuantizationReport,
    Report,
)

_STYLES = {"pass": "bold green", "fail": "bold red", "error": "bold magenta"}
_ZEROS = ("signed_zero", "subnormal")
_MARKS = {"pass": "✓", "fail": "✗", "error": "!"}


def print_report(report: Report, console: Console) -> None:
    """Print the whole report, one section a model."""
    for model in report.models:
        console.print(_model(model))
    console.print(_summary(report))


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
    parts += [Padding(Text(line), (0, 0, 0, 2)) for line in _decisions(model)]
    for each in model.power:
        if each.powerless:
            words = f'POWERLESS  parity of output "{each.output}" proves nothing: {each.reason}'
            parts.append(Padding(Text(words, style="bold black on yellow"), (0, 0, 0, 2)))
    if model.mutation is not None:
        parts.append(Padding(Text(mutation.line(model.mutation)), (0, 0, 0, 2)))
    parts += [Padding(Text(line, style="yellow"), (0, 0, 0, 2)) for line in _notes(model)]
    return Group(*parts, Text())


def _decisions(model: ModelReport) -> Iterator[str]:
    """One line for all backends that say the same."""
    said: dict[str, list[str]] = {}
    for backend in model.backends:
        for each in backend.decisions:
            said.setdefault(each.words, []).append(backend.backend)
    for words, backends in said.items():
        yield f"decisions  {words}, on {', '.join(backends)}"


def _notes(model: ModelReport) -> Iterator[str]:
    """What a reader should know though it gates nothing, once for all backends that share it.

    Zeros of another kind are in many models: of each kind the first is shown.
    """
    said: dict[str, list[str]] = {}
    zeros: dict[str, list[str]] = {}
    for backend in model.backends:
        for finding in backend.findings:
            if finding.gates or finding.message.startswith(POWERLESS):
                continue
            words = finding.message.replace(f"tfjs:{backend.backend}", "TensorFlow.js")
            if finding.domain in _ZEROS:
                zeros.setdefault(finding.domain, []).append(f"{words} ({backend.backend})")
            else:
                said.setdefault(f"{finding.domain}: {words}", []).append(backend.backend)
    for domain, found in zeros.items():
        others = f", and {len(found) - 1} more like it (--json has them)" if found[1:] else ""
        yield f"note  {domain}: {found[0]}{others}"
    for words, backends in said.items():
        where = "" if len(backends) == len(model.backends) else f" ({', '.join(backends)})"
        yield f"note  {words}{where}"
    if model.rejected:
        first = model.rejected[0]
        yield (
            f"note  TensorFlow itself raised on {len(model.rejected)} cases, which were left out; "
            f"the first: {first.case}: {first.message}"
        )


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
    for domain in model.domains:
        why = f" ({domain.reason})" if domain.reason else ""
        yield f"{domain.input} is drawn from {domain.domain}, {domain.source}{why}"
    if model.noise is not None:
        yield _rounding(model.noise)
    if model.quantization is not None:
        yield from _quantization(model.quantization)
    for repair in conversion.repairs:
        yield f"repaired  {repair.name} × {len(repair.nodes)}: {repair.why}"


def _quantization(effect: QuantizationReport) -> Iterator[str]:
    budget = "" if effect.budget is None else f" (budget: {effect.budget})"
    for output in effect.outputs:
        yield (
            f"quantisation moves {output.name} by {output.scaled_error:.1e} of its scale{budget}; "
            "the backends are compared with the quantised graph"
        )
    for each in effect.decisions:
        yield f"by quantisation, {each.words}"


def _rounding(noise: NoiseReport) -> str:
    if noise.basis == "defaults":
        return f"judged by the table of default tolerances: {noise.reason}"
    worst = max((max(each.values()) for each in noise.outputs.values()), default=0.0)
    partly = f", in part: {noise.reason}" if noise.reason else ""
    return f"rounding noise measured on {noise.cases} cases: {worst:.1e} of the scale{partly}"


def _table(model: ModelReport) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    for column in ("backend", "output"):
        table.add_column(column, overflow="fold")
    for column in (
        "cases",
        "max abs",
        "max rel",
        "× noise",
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
    told = any(each.worst or each.structure for each in backend.outputs)
    if output is not None and verdict == "fail" and told:
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
        "" if output.noise_ratio is None else f"{output.noise_ratio:.2g}",
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
    words = f"{report.verdict}: {said or 'nothing ran'}  (seed {report.seed})"
    return Text(words, style=_STYLES[report.verdict])


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
