"""Keras models in memory, of either Keras."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tfjs_verify.errors import ModelError
from tfjs_verify.model.sources import keras3, legacy_keras
from tfjs_verify.model.sources.base import first_line, quiet

FOREIGN_ERRORS = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    ImportError,
    NotImplementedError,
    RuntimeError,
    OSError,
)
"""What Keras raises for files and models that it cannot handle."""

_NEVER_CALLED = re.compile(r"never called|not (?:yet )?been built|input shape is not available")
_MISSING = re.compile(r"(?:Could not locate (?:class|function)|Unknown [\w ]+?):? '([^']+)'")
_UNSAFE = "safe_mode=False"


@dataclass(frozen=True)
class KerasModel:
    """A Keras model in memory."""

    model: Any

    @staticmethod
    def recognises(source: object) -> bool:
        """Whether this is one; no Keras is imported to find out."""
        return keras3.owns(source) or legacy_keras.owns(source)

    @property
    def name(self) -> str:
        """The name that Keras gave the model, or the user did."""
        return str(self.model.name)

    @property
    def path(self) -> str:
        """A description, since there is no path."""
        return f"<keras model {self.model.name!r}>"

    @property
    def keras_model(self) -> Any:
        """The model itself."""
        return self.model

    def save(self, directory: Path) -> Path:
        """The model saved to `directory`; ModelError if it is not built or cannot be traced."""
        save(self.model, directory, shown=self.path)
        return directory


def save(model: Any, directory: Path, *, shown: str) -> None:
    """Writes a Keras model to `directory` as a SavedModel, without a word on stdout."""
    generation = keras3 if keras3.owns(model) else legacy_keras
    if not model.built:
        raise ModelError(_not_built(shown))
    try:
        with quiet():
            generation.save(model, directory)
    except FOREIGN_ERRORS as error:
        if _NEVER_CALLED.search(str(error)):
            raise ModelError(_not_built(shown)) from error
        raise ModelError(
            f"{shown} cannot be exported as a SavedModel: {first_line(error)}"
        ) from error


def load(generation: ModuleType, file: Path, custom_objects: Mapping[str, Any]) -> Any:
    """The model in a file; ModelError that names what the file needs and does not hold."""
    read: Callable[..., Any] = generation.load
    try:
        with quiet():
            return read(file, custom_objects)
    except FOREIGN_ERRORS as error:
        missing = _MISSING.search(str(error))
        if missing:
            raise ModelError(
                f"{file} uses {missing[1]!r}, which {generation.NAME} does not have. Name the"
                " Python file that defines it with --custom-objects FILE.py (in Python:"
                f" custom_objects={{{missing[1]!r}: {missing[1].rpartition('>')[2]}}}), or verify"
                " the model in memory."
            ) from error
        if _UNSAFE in str(error):
            raise ModelError(
                f"{file} holds Python code in a Lambda layer, which is not run unasked. If you"
                " trust it, load it with keras.saving.load_model(..., safe_mode=False), and verify"
                " the model in memory."
            ) from error
        raise ModelError(
            f"{file} cannot be loaded by {generation.NAME}: {first_line(error)}"
        ) from error


def _not_built(shown: str) -> str:
    return (
        f"{shown} is not built, so its inputs are unknown: call it once on data, or give it an"
        " Input layer, before verifying it."
    )
