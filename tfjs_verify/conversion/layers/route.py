"""A Keras model into a directory, in the layers format.

It happens in the calling process, unlike the graph format: nothing but Python reads the model, and
a layer of the user's own exists in that process only.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfjs_verify.artifact.files import MODEL_JSON, PROVENANCE_KEY
from tfjs_verify.conversion.layers.translate import Translation, as_float32, translate
from tfjs_verify.conversion.options import ConversionOptions
from tfjs_verify.conversion.reasons import Reason
from tfjs_verify.conversion.shards import write_shards
from tfjs_verify.errors import ConversionError
from tfjs_verify.model import Model

ROUTE = "keras → layers"
_COMPOSED = Reason(
    "composed-layers",
    "TF.js has no equal of these as one layer ({}); each became a nested model of several layers"
    " that computes the same.",
)
_TRAINING = Reason("training-differs", "Predictions agree, but {}.")


def convert_to_layers(
    model: Model, directory: Path, options: ConversionOptions, *, custom_layers: bool = False
) -> None:
    """Fills `directory`; ConversionError, before anything is written, for what has no equal."""
    started = time.perf_counter()
    if model.keras_model is None:
        raise ConversionError(
            f"{model.path} is no Keras model, and the layers format holds nothing else; use"
            " --format graph, or name the .keras or .h5 file that it was exported from."
        )
    translation = translate(model.keras_model, custom_layers=custom_layers)
    write_layers_model(directory, translation, options, seconds=time.perf_counter() - started)


def write_layers_model(
    directory: Path, translation: Translation, options: ConversionOptions, *, seconds: float
) -> None:
    """Writes `model.json` and its shards."""
    with _quiet():
        from tensorflowjs.converters import common

    from tfjs_verify.conversion.quantizing import plan_quantization

    weights = list(as_float32(translation.weights).items())
    quantization = plan_quantization(weights, options.quantization)
    repairs = _repairs(translation)
    if quantization.exempt is not None:
        repairs.append(quantization.exempt)
    content: dict[str, Any] = {
        common.FORMAT_KEY: common.TFJS_LAYERS_MODEL_FORMAT,
        common.GENERATED_BY_KEY: f"keras v{translation.topology['keras_version']}",
        common.CONVERTED_BY_KEY: common.get_converted_by(),
        common.ARTIFACT_MODEL_TOPOLOGY_KEY: translation.topology,
        PROVENANCE_KEY: {
            "route": ROUTE,
            "quantization": options.quantization_label,
            "seconds": round(seconds, 3),
            "repairs": repairs,
            "inputs": dict(translation.inputs),
            "outputs": dict(translation.outputs),
        },
    }
    if options.metadata:
        content[common.USER_DEFINED_METADATA_KEY] = dict(options.metadata)
    content[common.ARTIFACT_WEIGHTS_MANIFEST_KEY] = write_shards(
        directory, weights, quantization.by_dtype, shard_bytes=options.shard_bytes
    )
    text = json.dumps(content, allow_nan=False)
    (directory / MODEL_JSON).write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """A package that comes with tensorflowjs advertises on stdout, which carries the report."""
    os.environ.setdefault("TFDF_DISABLE_WELCOME_MESSAGE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _repairs(translation: Translation) -> list[dict[str, Any]]:
    repairs = []
    if translation.composed:
        kinds = ", ".join(sorted(set(translation.composed.values())))
        repairs.append(
            replace(_COMPOSED, why=_COMPOSED.why.format(kinds)).as_json(
                sorted(translation.composed)
            )
        )
    by_note: dict[str, list[str]] = {}
    for name, note in translation.notes:
        by_note.setdefault(note, []).append(name)
    repairs += [
        replace(_TRAINING, why=_TRAINING.why.format(note)).as_json(sorted(set(nodes)))
        for note, nodes in sorted(by_note.items())
    ]
    return repairs
