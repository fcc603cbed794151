"""The way of one model into one directory."""

from __future__ import annotations

import contextlib
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfjs_verify.artifact import Artifact, load_artifact
from tfjs_verify.artifact.artifact import Format
from tfjs_verify.conversion.layers.route import convert_to_layers
from tfjs_verify.conversion.metadata import check_metadata, name_outputs
from tfjs_verify.conversion.options import (
    DEFAULT_SHARD_BYTES,
    ControlFlow,
    ConversionOptions,
    Quantization,
    check_globs,
    quantization_globs,
)
from tfjs_verify.conversion.process import ConversionWorker
from tfjs_verify.conversion.publishing import published
from tfjs_verify.errors import ArtifactError, ConversionError, RequestError
from tfjs_verify.model import Model, open_model

DEFAULT_TIMEOUT = 1800.0


def convert(
    model: object,
    directory: str | Path | None = None,
    *,
    format: Format = "graph",
    quantization: Quantization | None = None,
    repair: bool = True,
    shard_bytes: int = DEFAULT_SHARD_BYTES,
    metadata: Mapping[str, Any] | None = None,
    structured_output_names: bool = False,
    control_flow: ControlFlow | None = None,
    skip_op_check: bool = False,
    strip_debug_ops: bool | None = None,
    js_modules: Sequence[str | Path] = (),
    signature: str | None = None,
    tags: Sequence[str] | None = None,
    outputs: Sequence[str] = (),
    custom_objects: Mapping[str, Any] | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    worker: ConversionWorker | None = None,
) -> Artifact:
    """Writes a model to `directory` in TensorFlow.js's form, completely or not at all.

    `model` is an opened `Model`, or anything that `open_model` takes, with its options `signature`,
    `tags`, `outputs` and `custom_objects`. Without a `directory` the files are temporary, and go
    when nothing refers to the artifact any more.

    `quantization` is a dtype for all weights ("float16", "uint16", "uint8"), or globs of weight
    names per dtype. With `repair=False` the result is the stock converter's, its signature's names
    corrected. With `structured_output_names`, `predict` in JavaScript gives an object keyed by
    output name. What TensorFlow.js lacks is let through where `js_modules` are to register it.
    `timeout` is in seconds. A `worker` that is given is reused, which saves its start of some ten
    seconds for every model after the first.

    An existing `directory` is replaced if it is empty or holds an earlier conversion of ours, and
    refused otherwise. Raises ConversionError, with the ops that stand in the way, where the model
    has no TensorFlow.js form; ArtifactError where the directory cannot be written.
    """
    if shard_bytes <= 0:
        raise RequestError(f"shard_bytes={shard_bytes}; expected a positive number of bytes.")
    if structured_output_names and format == "layers":
        raise RequestError("Structured output names exist in the graph format only.")
    check_metadata(metadata or {})
    options = ConversionOptions(
        format=format,
        repair=repair,
        quantization=quantization_globs(quantization),
        shard_bytes=shard_bytes,
        metadata=dict(metadata or {}),
        control_flow=control_flow,
        skip_op_check=skip_op_check or bool(js_modules),
        strip_debug_ops=strip_debug_ops,
    )
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(
            open_model(
                model,
                signature=signature,
                tags=tags,
                outputs=outputs,
                custom_objects=custom_objects,
            )
        )
        temporary = None
        if directory is None:
            temporary = tempfile.TemporaryDirectory(prefix="tfjs-verify-artifact-")
            directory = Path(temporary.name) / opened.name
        directory = Path(directory)
        with published(directory) as staging:
            if format == "layers":
                convert_to_layers(opened, staging, options, custom_layers=bool(js_modules))
            else:
                worker = worker or stack.enter_context(ConversionWorker())
                worker.convert(opened, staging, options, timeout=timeout)
            _check(staging, opened, options)
            if structured_output_names:
                name_outputs(staging)
        artifact = load_artifact(directory, opened.signature)
    if temporary is not None:
        weakref.finalize(artifact, temporary.cleanup)
    return artifact


def _check(staging: Path, model: Model, options: ConversionOptions) -> None:
    """What was written must be readable, and what was asked, before it takes anybody's place."""
    try:
        load_artifact(staging, model.signature)
    except ArtifactError as error:
        raise ConversionError(
            f"{model.path}: the converter's files cannot be loaded: {error.message}",
            cause_type="InvalidArtifact",
        ) from error
    check_globs(staging, options.quantization)
