"""The weights of an artifact: read as TensorFlow.js would compute with them, and written.

Quantised weights come back as the float32 (or int32) numbers that TensorFlow.js makes of them when
it loads the model, computed as it does: in double precision, rounded once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfjs_verify.artifact.files import MODEL_JSON
from tfjs_verify.errors import ArtifactError, LoadError
from tfjs_verify.tensors import WIRE_DTYPES, Array, decode, encode

_CODES: Mapping[str, np.dtype[Any]] = {
    "float16": np.dtype("<f2"),
    "uint16": np.dtype("<u2"),
    "uint8": np.dtype("u1"),
}
_STRING_PREFIX = 4


def read_weights(directory: Path, content: Mapping[str, Any]) -> dict[str, Array]:
    """Every weight of the `weightsManifest` of `content` by its name, as TensorFlow.js has it.

    The shards are read from `directory`. String weights are object arrays of bytes. Raises
    ArtifactError where a shard cannot be read or holds less than the manifest says, LoadError for
    a dtype that TensorFlow.js refuses to load.
    """
    weights: dict[str, Array] = {}
    for group in content.get("weightsManifest") or ():
        try:
            data = b"".join((directory / str(path)).read_bytes() for path in group["paths"])
        except OSError as error:
            raise ArtifactError(
                f"a weight shard of {directory} cannot be read: {error}; convert the model again."
            ) from error
        rest = memoryview(data)
        for entry in group["weights"]:
            try:
                used, weights[str(entry["name"])] = _weight(entry, rest)
            except (KeyError, TypeError, ValueError) as error:
                raise ArtifactError(
                    f"{directory / MODEL_JSON}: its weightsManifest describes"
                    f" {entry.get('name')!r} as no shard holds it"
                    f" ({type(error).__name__}: {error})."
                ) from error
            rest = rest[used:]
    return weights


def stored_quantization(content: Mapping[str, Any]) -> str | None:
    """The dtypes that weights of `content` are quantised to; None where all are stored whole.

    "uint8" where every float weight is; "uint8 (3 of 5 weights)" where some are not, or by another.
    """
    entries = [
        entry for group in content.get("weightsManifest") or () for entry in group["weights"]
    ]
    counted = Counter(
        str(entry["quantization"]["dtype"]) for entry in entries if entry.get("quantization")
    )
    whole = sum(entry["dtype"] == "float32" and not entry.get("quantization") for entry in entries)
    of = whole + counted.total()
    return (
        ", ".join(
            dtype if count == of else f"{dtype} ({count} of {of} weights)"
            for dtype, count in sorted(counted.items())
        )
        or None
    )


def quantized_entries(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The quantised weights of `content` by name: their dtype and, where affine, scale and min."""
    return {
        str(entry["name"]): entry["quantization"]
        for group in content.get("weightsManifest") or ()
        for entry in group["weights"]
        if entry.get("quantization")
    }


def write_weights(directory: Path, weights: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Writes all weights into one shard of `directory`, unquantised; the manifest of it.

    Dtypes are those of TensorFlow.js. Raises OSError.
    """
    shard = "weights.bin"
    manifest = []
    with (directory / shard).open("wb") as file:
        for name, values in weights.items():
            descriptors, chunks = encode({name: values})
            descriptor = descriptors[name]
            file.write(chunks[0])
            manifest.append(
                {"name": name, "shape": descriptor["shape"], "dtype": descriptor["dtype"]}
            )
    return [{"paths": [shard], "weights": manifest}]


def _weight(entry: Mapping[str, Any], data: memoryview) -> tuple[int, Array]:
    """How many bytes at the front of `data` are this entry's, and its values."""
    shape = tuple(int(size) for size in entry["shape"])
    dtype, size = str(entry["dtype"]), math.prod(shape)
    if dtype not in WIRE_DTYPES:
        raise LoadError(
            f"the weight {entry['name']!r} is {dtype}, which TensorFlow.js does not load; it has"
            f" {', '.join(WIRE_DTYPES)}"
        )
    quantization = entry.get("quantization")
    if quantization is not None:
        code = _CODES[quantization["dtype"]]
        codes = np.frombuffer(data, code, size).reshape(shape)
        return size * code.itemsize, _dequantised(codes, quantization, WIRE_DTYPES[dtype])
    used = _string_bytes(data, size) if dtype == "string" else size * WIRE_DTYPES[dtype].itemsize
    descriptor = {"dtype": dtype, "shape": shape, "offset": 0, "byteLength": used}
    return used, decode(descriptor, data)


def _dequantised(codes: Array, quantization: Mapping[str, Any], dtype: np.dtype[Any]) -> Array:
    values: Array = codes
    if codes.dtype.kind != "f":
        values = codes.astype(np.float64) * quantization["scale"] + quantization["min"]
    if dtype.kind == "i":
        values = np.floor(values + 0.5)  # Math.round
    return values.astype(dtype)


def _string_bytes(data: memoryview, count: int) -> int:
    position = 0
    for _ in range(count):
        length = int.from_bytes(data[position : position + _STRING_PREFIX], "little")
        position += _STRING_PREFIX + length
    return position
