"""tfjs-verify convert: a TensorFlow.js model, repaired, and verified where asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tfjs_verify.cli import options

if TYPE_CHECKING:
    from tfjs_verify.artifact import Artifact
    from tfjs_verify.cli.output import Output
    from tfjs_verify.model import Model
    from tfjs_verify.report import Report

_FILE = click.Path(path_type=Path)
_OF_CONVERSION = ("format", "quantize", "repair", "signature", "js_modules")
_NODES_SHOWN = 4


@click.command(name="convert")
@click.argument("source", metavar="MODEL")
@click.argument("directory", metavar="OUTPUT_DIR", type=_FILE)
@options.conversion
@click.option(
    "--quantize-weights",
    "globs",
    multiple=True,
    metavar="DTYPE=GLOB",
    help="Store the weights of these names in fewer bytes, e.g. 'uint8=*/kernel*'; repeatable.",
)
@click.option(
    "--shard-bytes",
    type=click.IntRange(min=1),
    metavar="N",
    help="The size of a weight file.  [default: 4194304]",
)
@click.option(
    "--metadata", type=_FILE, metavar="FILE.json", help="Written into model.json for your code."
)
@click.option(
    "--structured-output-names",
    is_flag=True,
    help="Let predict() in JavaScript give an object keyed by output name.",
)
@click.option(
    "--control-flow",
    type=click.Choice(("v1", "v2")),
    help="Loops and branches as nodes (v1) or as functions (v2, the default with repairs).",
)
@click.option("--skip-op-check", is_flag=True, help="Write ops that TensorFlow.js lacks.")
@click.option(
    "--strip-debug-ops/--keep-debug-ops",
    default=None,
    help="Remove assertions and prints (the default with repairs), or keep them.",
)
@options.opening
@options.js_modules
@click.option(
    "--verify", "verified", is_flag=True, help="Then run it on every backend and compare."
)
@options.backends
@options.cases
@options.tolerances
@options.timeout
@options.reports
@click.pass_context
def command(
    context: click.Context,
    /,
    source: str,
    directory: Path,
    verified: bool,
    signature: str | None,
    tags: str | None,
    outputs: tuple[str, ...],
    custom_objects: Path | None,
    **words: Any,
) -> int:
    """Convert MODEL to TensorFlow.js in OUTPUT_DIR, repairing what does not work there.

    MODEL is a SavedModel or TF-Hub module directory, a .keras or .h5 file, a frozen .pb graph, or
    the address of a TF-Hub module. The options from --backend on are those of --verify.
    """
    from tfjs_verify.cli.output import check_writable, reporting, write_text
    from tfjs_verify.errors import RequestError
    from tfjs_verify.model import load_custom_objects, open_model
    from tfjs_verify.report.json import render_json

    of_verification = _of_verification(words)
    given = [word for word in (*of_verification, "json_file") if _was_given(context, word)]
    if given and not verified:
        raise RequestError(f"{_spelling(context, given[0])} is an option of --verify; add that")
    check_writable(words["json_file"])
    asked = _asked(words)
    if "quantization_budget" in given and asked["quantization"] is None:
        raise RequestError(
            "--quantization-budget is for what is quantised: add --quantize or --quantize-weights"
        )
    report = None
    with reporting() as output, ExitStack() as stack:
        if words["js_modules"]:
            output.progress.stage("loading JavaScript modules")
            _check_modules(words["js_modules"])
        output.progress.stage(f"opening {source}")
        model = stack.enter_context(
            open_model(
                source,
                signature=signature,
                tags=None if tags is None else [tag for tag in tags.split(",") if tag],
                outputs=outputs,
                custom_objects=load_custom_objects(custom_objects) if custom_objects else None,
            )
        )
        output.progress.stage(f"converting {model.name}")
        artifact = _convert(model, directory, asked)
        if verified:
            output.progress.stage(f"verifying {model.name}")
            shared = {word: words[word] for word in _OF_CONVERSION if word in words}
            report = _verify(model, artifact, {**of_verification, **shared}, output)
    click.echo("\n".join(_written(artifact, words["js_modules"])))
    if report is None:
        return 0
    click.echo()
    output.show(report)
    if words["json_file"] is not None:
        write_text(words["json_file"], render_json(report))
    return 0 if report.verdict == "pass" else 1


def _was_given(context: click.Context, word: str) -> bool:
    return context.get_parameter_source(word) is click.core.ParameterSource.COMMANDLINE


def _spelling(context: click.Context, word: str) -> str:
    return next(each.opts[-1] for each in context.command.params if each.name == word)


def _asked(words: dict[str, Any]) -> dict[str, Any]:
    """The options of `convert`, in its own words."""
    return {
        "format": words["format"],
        "repair": words["repair"],
        "quantization": _quantization(words["quantize"], words["globs"]),
        **({} if words["shard_bytes"] is None else {"shard_bytes": words["shard_bytes"]}),
        "metadata": _metadata(words["metadata"]),
        "structured_output_names": words["structured_output_names"],
        "control_flow": words["control_flow"],
        "skip_op_check": words["skip_op_check"],
        "strip_debug_ops": words["strip_debug_ops"],
        "js_modules": words["js_modules"],
    }


def _quantization(whole: str | None, globs: tuple[str, ...]) -> dict[str, list[str]] | None:
    """The globs per dtype, the one for all other weights last: a weight takes the first match."""
    from tfjs_verify.errors import RequestError

    result: dict[str, list[str]] = {}
    for text in globs:
        dtype, equals, glob = text.partition("=")
        if not equals or not glob:
            raise RequestError(
                f"--quantize-weights wants DTYPE=GLOB, e.g. 'uint8=*/kernel*', not {text!r}"
            )
        result.setdefault(dtype, []).append(glob)
    if whole in result:
        raise RequestError(f"--quantize {whole} is for all weights: leave out its globs")
    if whole is not None:
        result[whole] = ["*"]
    return result or None


def _metadata(file: Path | None) -> dict[str, Any]:
    import json

    from tfjs_verify.errors import RequestError

    if file is None:
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"the metadata {file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RequestError(f"the metadata {file} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise RequestError(f"the metadata {file} is no JSON object")
    return content


def _check_modules(js_modules: tuple[Path, ...]) -> None:
    """What throws or registers nothing is refused before anything is written."""
    from tfjs_verify.runtimes import NodePool

    with NodePool(extensions=js_modules) as nodes:
        nodes.start("cpu")


def _convert(model: Model, directory: Path, asked: dict[str, Any]) -> Artifact:
    from tfjs_verify.conversion import convert

    return convert(model, directory, **asked)


def _of_verification(words: dict[str, Any]) -> dict[str, Any]:
    """The options that only `--verify` takes, in the words of a request."""
    from dataclasses import fields

    from tfjs_verify.cli import parsing
    from tfjs_verify.verification import Request

    known = {item.name for item in fields(Request)} - set(_OF_CONVERSION)
    return {word: value for word, value in parsing.parsed(words).items() if word in known}


def _verify(model: Model, artifact: Artifact, words: dict[str, Any], output: Output) -> Report:
    from tfjs_verify.verification import Request, verify_all

    request = Request(model=model, artifact=artifact.directory, **words)
    return verify_all([request], progress=output.progress)


def _written(artifact: Artifact, js_modules: tuple[Path, ...]) -> Iterator[str]:
    from tfjs_verify.conversion import usage_of

    usage = usage_of(artifact, js_modules=[_module(path) for path in js_modules])
    yield f"{artifact.directory}  {artifact.bytes:,} bytes in {len(artifact.files)} files"
    yield f"  format   {artifact.format}, by {artifact.route}"
    if artifact.quantization is not None:
        yield f"  weights  {artifact.quantization}"
    for side, names, specs in (
        ("input", usage.inputs, artifact.signature.inputs),
        ("output", usage.outputs, artifact.signature.outputs),
    ):
        yield from _tensors(side, names, {spec.name: str(spec) for spec in specs})
    for repair in artifact.repairs:
        more = len(repair.nodes) - _NODES_SHOWN
        nodes = ", ".join(repair.nodes[:_NODES_SHOWN]) + (f" and {more} more" if more > 0 else "")
        yield f"  repair   {repair.name}: {repair.why}"
        yield f"           at {nodes}"
    yield ""
    yield from usage.code


def _tensors(side: str, names: tuple[str, ...], specs: dict[str, str]) -> Iterator[str]:
    """In the order of JavaScript's lists, which is not the model's own."""
    width = max(map(len, names), default=0)
    for position, name in enumerate(names):
        place = f"  [{position}]" if len(names) > 1 else ""
        yield f"  {side:<7}  {name.ljust(width)}  {specs.get(name, '')}{place}".rstrip()


def _module(path: Path) -> str:
    return path.as_posix() if path.is_absolute() else f"./{path.as_posix()}"
