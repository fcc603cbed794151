"""Weights into shards: what TensorFlow's own files raise, as the errors that files raise."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfjs_verify.tensors import Array


def write_shards(
    directory: Path,
    weights: Sequence[tuple[str, Array]],
    quantization: Mapping[str, Sequence[str]] | None,
    *,
    shard_bytes: int,
) -> Any:
    """Writes the shards; gives the manifest. Raises OSError where they cannot be written."""
    from tensorflow import errors
    from tensorflowjs import write_weights

    try:
        return write_weights.write_weights(
            [[{"name": name, "data": value} for name, value in weights]],
            str(directory),
            write_manifest=False,
            quantization_dtype_map=quantization,
            shard_size_bytes=shard_bytes,
        )
    except errors.ResourceExhaustedError as error:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
    except errors.OpError as error:
        raise OSError(errno.EIO, error.message) from error
