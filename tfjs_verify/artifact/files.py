"""Reading `model.json` and finding its shards, with clear errors for damaged directories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfjs_verify.errors import ArtifactError

MODEL_JSON = "model.json"
PROVENANCE_KEY = "tfjsVerify"
"""The entry of `model.json` in which our conversions say how they came to be."""

_DTYPE_BYTES = {"float32": 4, "int32": 4, "bool": 1, "complex64": 8}
_QUANTIZED_BYTES = {"float16": 2, "uint16": 2, "uint8": 1}


def read_model_json(directory: Path) -> dict[str, Any]:
    """The parsed `model.json` of a directory; ArtifactError where there is none to be read."""
    path = directory / MODEL_JSON
    if not directory.is_dir():
        raise ArtifactError(f"{directory} is not there; expected a directory with a model.json.")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{directory} is no TensorFlow.js model: it has no model.json."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}.") from error
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise ArtifactError(
            f"{path} is not valid JSON ({error}), so no JavaScript can read it; convert the model"
            " again."
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("modelTopology"), dict):
        raise ArtifactError(
            f"{path} is no TensorFlow.js model: expected a JSON object with a modelTopology."
        )
    return content


def check_shards(directory: Path, content: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of all files of the model; ArtifactError if a shard is missing or cut short."""
    names = [MODEL_JSON]
    manifest = content.get("weightsManifest") or []
    try:
        for group in manifest:
            paths = [str(path) for path in group["paths"]]
            _check_group(directory, paths, group["weights"])
            names.extend(paths)
    except (TypeError, KeyError) as error:
        raise ArtifactError(
            f"{directory / MODEL_JSON}: its weightsManifest is malformed"
            f" ({type(error).__name__}: {error})."
        ) from error
    return tuple(names)


def _check_group(directory: Path, paths: list[str], weights: list[dict[str, Any]]) -> None:
    missing = [name for name in paths if not (directory / name).is_file()]
    if missing:
        raise ArtifactError(
            f"{directory} lacks the weight shard {missing[0]!r} that its model.json names"
            f" ({len(missing)} of {len(paths)} missing); copy or convert the model again."
        )
    expected = _expected_bytes(weights)
    found = sum((directory / name).stat().st_size for name in paths)
    if expected is not None and expected != found:
        raise ArtifactError(
            f"{directory}: its weight shards hold {found} bytes, its model.json describes"
            f" {expected}; the files are truncated or belong to another conversion."
        )


def _expected_bytes(weights: list[dict[str, Any]]) -> int | None:
    total = 0
    for weight in weights:
        quantization = weight.get("quantization")
        size = (
            _QUANTIZED_BYTES.get(quantization["dtype"])
            if quantization
            else _DTYPE_BYTES.get(weight["dtype"])
        )
        if size is None:  # strings: their length is only known from the data
            return None
        for dim in weight["shape"]:
            size *= int(dim)
        total += size
    return total


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON number")
