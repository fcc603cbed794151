"""Keras 3: how its files are loaded, and how its models become SavedModels.

They are exported much as `model.export()` does: of the ways from Keras 3 to TensorFlow.js it is the
one that works, since the converter's own Keras routes read the configurations of Keras 2 only.
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
    """Exports what a model that knows its inputs predicts; raises what Keras raises.

    `model.export()` leaves open whether it is trained, and then a Resizing or a RandomFlip, whose
    default is that it is, decides for all layers behind it.
    """
    import keras
    from keras.src.export.export_utils import get_input_signature

    def serve(*args: Any) -> Any:  # Keras names nameless inputs so: "args_0".
        return model(*args, training=False)

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serve, get_input_signature(model))
    archive.write_out(str(directory), verbose=False)
