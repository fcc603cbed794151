"""Keras 3 models, in memory or in `.keras` and `.h5` files.

They become SavedModels by `model.export()`: of the ways from Keras 3 to TensorFlow.js it is the
one that works, since the converter's own Keras routes read the configurations of Keras 2 only.
"""

from __future__ import annotations

import contextlib
import io
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tfjs_verify.errors import ModelError

_FOREIGN_ERRORS = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    ImportError,
    NotImplementedError,
    RuntimeError,
    OSError,
    zipfile.BadZipFile,
)
"""What Keras raises for files and models that it cannot handle; mapped to ModelError here."""


@dataclass(frozen=True)
class KerasModel:
    """A Keras 3 model in memory."""

    model: Any

    @staticmethod
    def recognises(source: object) -> bool:
        """Whether this is one; Keras is not imported to find out."""
        keras = sys.modules.get("keras")
        return keras is not None and isinstance(source, keras.Model)

    @property
    def name(self) -> str:
        """The name that Keras gave the model, or the user did."""
        return str(self.model.name)

    @property
    def path(self) -> str:
        """A description, since there is no path."""
        return f"<keras model {self.model.name!r}>"

    def save(self, directory: Path) -> Path:
        """The model exported to `directory`; ModelError if it is not built or cannot be traced."""
        export(self.model, directory, shown=self.path)
        return directory


@dataclass(frozen=True)
class KerasFile:
    """A `.keras` or `.h5` file."""

    SUFFIXES: ClassVar[frozenset[str]] = frozenset({".keras", ".h5", ".hdf5"})

    file: Path

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.file.stem

    @property
    def path(self) -> str:
        """The file as the user wrote it."""
        return str(self.file)

    def save(self, directory: Path) -> Path:
        """The model loaded and exported to `directory`; ModelError if the file is damaged."""
        import keras

        self._check_container()
        try:
            with _quiet():
                model = keras.saving.load_model(self.file, compile=False)
        except _FOREIGN_ERRORS as error:
            raise ModelError(
                f"{self.file} cannot be loaded by Keras {keras.__version__}: {_first_line(error)}"
            ) from error
        export(model, directory, shown=self.path)
        return directory

    def _check_container(self) -> None:
        """Damage is told apart from content that Keras does not understand."""
        if self.file.suffix.lower() == ".keras":
            if not zipfile.is_zipfile(self.file):
                raise ModelError(
                    f"{self.file} is truncated or corrupt: a .keras file is a zip archive and this"
                    " one has no readable end. Save or copy the model again."
                )
            return
        import h5py

        try:
            with h5py.File(self.file, "r") as file:
                has_model = "model_config" in file.attrs
        except OSError as error:
            raise ModelError(
                f"{self.file} is truncated or corrupt: {_first_line(error)}."
                " Save or copy the model again."
            ) from error
        if not has_model:
            raise ModelError(
                f"{self.file} holds weights but no model; expected a file written by model.save()."
            )


def export(model: Any, directory: Path, *, shown: str) -> None:
    """Writes a Keras 3 model to `directory` as a SavedModel, without a word on stdout."""
    if not model.built:
        raise ModelError(
            f"{shown} is not built, so its inputs are unknown: call it once on data, or give it an"
            " Input layer, before verifying it."
        )
    try:
        with _quiet():
            model.export(str(directory), format="tf_saved_model", verbose=False)
    except _FOREIGN_ERRORS as error:
        raise ModelError(
            f"{shown} cannot be exported as a SavedModel: {_first_line(error)}"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keras prints progress; our stdout carries nothing but the report."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
