"""`userDefinedMetadata`: what its owner writes there, and the two keys that TensorFlow.js reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfjs_verify.artifact.files import MODEL_JSON, read_model_json
from tfjs_verify.conversion.usage import positional
from tfjs_verify.errors import ConversionError, RequestError

_KEY = "userDefinedMetadata"
_OUTPUT_KEYS = "structuredOutputKeys"
_RESERVED = ("signature", _OUTPUT_KEYS)


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """RequestError for metadata that is no JSON, or that TensorFlow.js would take for its own."""
    taken = [key for key in _RESERVED if key in metadata]
    if taken:
        raise RequestError(
            f"The metadata's key {taken[0]!r} would replace the model's own in TensorFlow.js;"
            " choose another one."
        )
    try:
        json.dumps(metadata, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RequestError(f"The metadata cannot be written as JSON: {error}.") from error


def name_outputs(directory: Path) -> None:
    """Lets `predict` of the graph model in `directory` give an object keyed by output name.

    TensorFlow.js pairs these keys with its outputs by position, so they stand in its order. Raises
    ConversionError where two outputs are one tensor, which TensorFlow.js then gives but once.
    """
    content = read_model_json(directory)
    entries = content["signature"]["outputs"]
    keys = positional(entries)
    tensors = {entries[key]["name"] for key in keys}
    if len(tensors) < len(keys):
        raise ConversionError(
            f"Outputs of the model ({', '.join(keys)}) share a tensor, so predict cannot give each"
            " by its name. Convert with repairs, which give each its own."
        )
    content[_KEY] = {**(content.get(_KEY) or {}), _OUTPUT_KEYS: keys}
    (directory / MODEL_JSON).write_text(json.dumps(content), encoding="utf-8")
