"""Small graphs saved as SavedModels, and opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfjs_verify.model import Model, open_model


@contextmanager
def saved(
    directory: Path, function: Callable[..., Any], *specs: Any, variables: Any = ()
) -> Iterator[Model]:
    """The model whose signature is `function`; an output without a name is `y`."""
    import tensorflow as tf

    def serve(*tensors: Any) -> Any:
        result = function(*tensors)
        return result if isinstance(result, dict) else {"y": result}

    module = tf.Module()
    module.serve = tf.function(serve, autograph=False, input_signature=list(specs))
    module.kept = list(variables)
    tf.saved_model.save(module, str(directory), signatures=module.serve)
    with open_model(str(directory)) as model:
        yield model
