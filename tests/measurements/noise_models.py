"""Small graphs saved as SavedModels, and opened; what they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfjs_verify.model import Model, open_model


def image(*shape: int | None) -> tf.TensorSpec:
    return tf.TensorSpec(shape, tf.float32, name="x")


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype(np.float32)


@contextmanager
def saved(
    directory: Path, function: Callable[..., Any], *specs: Any, variables: Any = ()
) -> Iterator[Model]:
    """The model whose signature is `function`; an output without a name is `y`."""

    def serve(*tensors: Any) -> Any:
        result = function(*tensors)
        return result if isinstance(result, dict) else {"y": result}

    module = tf.Module()
    module.serve = tf.function(serve, autograph=False, input_signature=list(specs))
    module.kept = list(variables)
    tf.saved_model.save(module, str(directory), signatures=module.serve)
    with open_model(str(directory)) as model:
        yield model
