"""The one form in which the rest of the package knows a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfjs_verify.tensors import Signature


@dataclass(frozen=True)
class Model:
    """A model as a SavedModel directory, so that every source takes the same way from here on."""

    name: str
    """For display and for directories: letters, digits, `.`, `_` and `-` only."""
    path: str
    """What the user named; for a model in memory e.g. "<keras model 'digits'>"."""
    saved_model: Path
    """A directory with `saved_model.pb`: the user's own, or a temporary one."""
    signature_key: str
    tags: tuple[str, ...]
    signature: Signature
    """The named inputs and outputs of that signature; unknown dimensions are `None`."""
    keras_model: Any = None
    """The Keras model itself where the source was one: the layers format is made from it."""

    def __str__(self) -> str:
        return self.path
