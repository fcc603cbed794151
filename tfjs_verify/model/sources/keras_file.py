"""`.keras` and `.h5` files, of either Keras."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from tfjs_verify.errors import ModelError
from tfjs_verify.model.sources import keras3, keras_model, legacy_keras
from tfjs_verify.model.sources.base import first_line


@dataclass(frozen=True)
class KerasFile:
    """A `.keras` or `.h5` file."""

    SUFFIXES: ClassVar[frozenset[str]] = frozenset({".keras", ".h5", ".hdf5"})

    file: Path
    custom_objects: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.file.stem

    @property
    def path(self) -> str:
        """The file as the user wrote it."""
        return str(self.file)

    def save(self, directory: Path) -> Path:
        """The model loaded and saved to `directory`; ModelError if the file is damaged."""
        keras_model.save(self.keras_model, directory, shown=self.path)
        return directory

    @cached_property
    def keras_model(self) -> Any:
        """The model, loaded once; ModelError if the file is damaged."""
        return keras_model.load(self._generation(), self.file, self.custom_objects)

    def _generation(self) -> ModuleType:
        """The Keras that wrote the file. Each loads some of the other's files, and wrongly."""
        zipped = self.file.suffix.lower() == ".keras"
        version, config = self._read_zip() if zipped else self._read_hdf5()
        major = version.partition(".")[0]
        if major.isdigit():
            return legacy_keras if int(major) < 3 else keras3
        return legacy_keras if "batch_input_shape" in config else keras3

    def _read_zip(self) -> tuple[str, str]:
        try:
            with zipfile.ZipFile(self.file) as archive:
                config = archive.read("config.json").decode()
                metadata = json.loads(archive.read("metadata.json"))
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ModelError(
                f"{self.file} is truncated or corrupt: a .keras file is a zip archive and this one"
                " cannot be read as one. Save or copy the model again."
            ) from error
        except (KeyError, ValueError) as error:
            raise ModelError(
                f"{self.file} is a zip archive, but not of a Keras model: {first_line(error)}."
                " Expected a file written by model.save()."
            ) from error
        except OSError as error:
            raise ModelError(f"{self.file} cannot be read: {error.strerror or error}.") from error
        return str(metadata.get("keras_version", "")), config

    def _read_hdf5(self) -> tuple[str, str]:
        import h5py

        try:
            with h5py.File(self.file, "r") as file:
                attributes = {key: _text(value) for key, value in file.attrs.items()}
        except OSError as error:
            raise ModelError(
                f"{self.file} is truncated or corrupt: {first_line(error)}."
                " Save or copy the model again."
            ) from error
        if "model_config" not in attributes:
            raise ModelError(
                f"{self.file} holds weights but no model; expected a file written by model.save()."
            )
        return attributes.get("keras_version", ""), attributes["model_config"]


def _text(value: Any) -> str:
    """An attribute as text: older files hold bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
