"""Keras 3: how its files are loaded, and how its models become SavedModels.

They are exported by `model.export()`: of the ways from Keras 3 to TensorFlow.js it is the one that
works, since the converter's own Keras routes read the configurations of Keras 2 only.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "Keras 3"


def owns(model: object) -> bool:
    """Whether this is a Keras 3 model; Keras is not imported to find out."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)


def load(file: Path, custom_objects: Mapping[str, Any]) -> Any:
    """The model in a file, not compiled; raises what Keras raises."""
    import keras

    return keras.saving.load_model(file, custom_objects=dict(custom_objects), compile=False)


def save(model: Any, directory: Path) -> None:
    """Exports a model that knows its inputs; raises what Keras raises."""
    model.export(str(directory), format="tf_saved_model", verbose=False)
