"""The way of one model into one directory."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfjs_verify.artifact import Artifact, load_artifact
from tfjs_verify.artifact.artifact import Format
from tfjs_verify.conversion.layers.route import convert_to_layers
from tfjs_verify.conversion.options import (
    DEFAULT_SHARD_BYTES,
    ControlFlow,
    ConversionOptions,
    Quantization,
    quantization_globs,
)
from tfjs_verify.conversion.process import ConversionWorker
from tfjs_verify.conversion.publishing import published
from tfjs_verify.errors import ArtifactError, ConversionError, RequestError
from tfjs_verify.model import Model

DEFAULT_TIMEOUT = 1800.0


def convert(
    model: Model,
    directory: Path,
    *,
    format: Format = "graph",
    quantization: Quantization | None = None,
    repair: bool = True,
    shard_bytes: int = DEFAULT_SHARD_BYTES,
    metadata: Mapping[str, Any] | None = None,
    control_flow: ControlFlow | None = None,
    skip_op_check: bool = False,
    strip_debug_ops: bool | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    worker: ConversionWorker | None = None,
) -> Artifact:
    """Writes the model to `directory` in TensorFlow.js's form, completely or not at all.

    `quantization` is a dtype for all weights ("float16", "uint16", "uint8"), or globs of weight
    names per dtype. With `repair=False` the result is the stock converter's, its signature's names
    corrected. `timeout` is in seconds. A `worker` that is given is reused, which saves its start of
    some ten seconds for every model after the first.

    An existing `directory` is replaced if it is empty or holds an earlier conversion of ours, and
    refused otherwise. Raises ConversionError, with the ops that stand in the way, where the model
    has no TensorFlow.js form; ArtifactError where the directory cannot be written.
    """
    if shard_bytes <= 0:
        raise RequestError(f"shard_bytes={shard_bytes}; expected a positive number of bytes.")
    options = ConversionOptions(
        format=format,
        repair=repair,
        quantization=quantization_globs(quantization),
        shard_bytes=shard_bytes,
        metadata=dict(metadata or {}),
        control_flow=control_flow,
        skip_op_check=skip_op_check,
        strip_debug_ops=strip_debug_ops,
    )
    directory = Path(directory)
    with contextlib.ExitStack() as stack:
        staging = stack.enter_context(published(directory))
        if format == "layers":
            convert_to_layers(model, staging, options)
        else:
            worker = worker or stack.enter_context(ConversionWorker())
            worker.convert(model, staging, options, timeout=timeout)
        _check(staging, model)
    return load_artifact(directory, model.signature)


def _check(staging: Path, model: Model) -> None:
    """What was written must be readable before it takes anybody's place."""
    try:
        load_artifact(staging, model.signature)
    except ArtifactError as error:
        raise ConversionError(
            f"{model.path}: the converter's files cannot be loaded: {error.message}",
            cause_type="InvalidArtifact",
        ) from error
