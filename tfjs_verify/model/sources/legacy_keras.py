"""tf_keras, the Keras 2 that lives on: how its files are loaded and its models saved.

Its own SavedModels name inputs and outputs by layer, which is what its users know them by.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfjs_verify.errors import EnvironmentProblem

NAME = "Keras 2"


def owns(model: object) -> bool:
    """Whether this is a tf_keras model; tf_keras is not imported to find out."""
    tf_keras = sys.modules.get("tf_keras")
    return tf_keras is not None and isinstance(model, tf_keras.Model)


def load(file: Path, custom_objects: Mapping[str, Any]) -> Any:
    """The model in a file, not compiled; raises what tf_keras raises."""
    try:
        import tf_keras
    except ImportError as error:
        raise EnvironmentProblem(
            f"{file} was written by Keras 2, which the package tf_keras reads; install it with"
            " `pip install tf_keras`."
        ) from error
    return tf_keras.models.load_model(file, custom_objects=dict(custom_objects), compile=False)


def save(model: Any, directory: Path) -> None:
    """Saves a model that knows its inputs; raises what tf_keras raises."""
    model.save(str(directory), save_format="tf", include_optimizer=False)
