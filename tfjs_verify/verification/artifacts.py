"""Which model is asked about, which TensorFlow.js files run, and where they lie meanwhile."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfjs_verify.artifact import Artifact, load_artifact
from tfjs_verify.conversion import ConversionWorker, convert
from tfjs_verify.errors import RequestError
from tfjs_verify.measurements.quantization import UNLIMITED
from tfjs_verify.model import Model, open_model
from tfjs_verify.verification.deciding import check_names
from tfjs_verify.verification.request import Request


@contextmanager
def open_requested(request: Request) -> Iterator[Model]:
    """The model of a request, which has what the request says of it; raises RequestError."""
    with open_model(
        request.model,
        signature=request.signature,
        tags=request.tags,
        outputs=request.outputs,
        custom_objects=request.custom_objects,
        name=request.name,
    ) as model:
        check_names(request, model)
        yield model


def obtain_artifact(
    request: Request, model: Model, directory: Path, worker: ConversionWorker
) -> Artifact:
    """The user's artifact as it is, or a new one in `directory`.

    Raises ConversionError, and RequestError for a quantisation budget that has nothing to limit.
    """
    if request.artifact is None:
        return convert(
            model,
            directory,
            format=request.format,
            quantization=request.quantize,
            repair=request.repair,
            js_modules=request.js_modules,
            worker=worker,
        )
    artifact = load_artifact(request.artifact, model.signature)
    if artifact.quantization is None and request.quantization_budget != UNLIMITED:
        raise RequestError(
            f"{request.artifact} is not quantised, so a quantisation budget has nothing to limit; "
            "leave it out, or name the artifact that is quantised"
        )
    if request.work_dir is not None:
        shutil.copytree(request.artifact, directory, dirs_exist_ok=True)
    return artifact


@contextmanager
def working_directory(request: Request, model: Model) -> Iterator[Path]:
    """Where the model's artifact lies while it runs: kept where the user named a directory."""
    if request.work_dir is None:
        with tempfile.TemporaryDirectory(prefix="tfjs-verify-") as temporary:
            yield Path(temporary)
        return
    directory = request.work_dir / model.name
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(
            f"the working directory {request.work_dir} cannot be written: {error.strerror}"
        ) from error
    yield directory
