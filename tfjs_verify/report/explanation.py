"""Why a model is not in parity, in plain text: what a report shows, and what an error carries."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tfjs_verify.report.report import BackendReport, ModelReport, OutputReport, Report


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
    gating = [finding for finding in backend.findings if finding.gates]
    if not lines:
        lines += [f"tfjs:{backend.backend} is not in parity with {model.path}:", ""]
        lines += [f"  {finding.message}" for finding in gating]
    else:
        lines += [f"  precision         {f.message}" for f in gating if f.domain == "precision"]
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
    if backend.minimal_words is not None:
        yield f"  smallest case     {backend.minimal_words}"


def _noise(output: OutputReport) -> str:
    if output.noise_ratio is None:
        return ""
    return f", {output.noise_ratio:.3g} × the rounding noise of TensorFlow itself"


def _replay(model: ModelReport, backend: BackendReport) -> str:
    words = ["tfjs-verify", "verify", model.path, "-b", backend.backend]
    if model.conversion.artifact is not None:
        words += ["--artifact", model.conversion.artifact]
    return shlex.join([*words, "--data", str(backend.minimal_case), "-n", "0"])
