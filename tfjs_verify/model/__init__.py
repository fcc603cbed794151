"""What the user wants to ship: any TensorFlow model, made into a SavedModel with named tensors."""

from __future__ import annotations

from tfjs_verify.model.custom_objects import load_custom_objects
from tfjs_verify.model.model import Model
from tfjs_verify.model.opening import open_model

__all__ = ["Model", "load_custom_objects", "open_model"]
