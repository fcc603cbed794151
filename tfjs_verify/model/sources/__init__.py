"""The kinds of things that can be verified, each of which can become a SavedModel."""

from __future__ import annotations

from pathlib import Path

from tfjs_verify.errors import ModelError
from tfjs_verify.model.sources.base import Source
from tfjs_verify.model.sources.directory import SavedModelDirectory
from tfjs_verify.model.sources.keras3 import KerasFile, KerasModel

__all__ = ["Source", "source_of"]

_EXPECTED = "a SavedModel directory, a .keras file, a .h5 file or a Keras model in memory"


def source_of(source: object) -> Source:
    """The source that `source` is; ModelError, with what was expected, where it is none."""
    if isinstance(source, (str, Path)):
        return _path_source(Path(source))
    if KerasModel.recognises(source):
        return KerasModel(source)
    raise ModelError(f"a {type(source).__name__} is no model; expected {_EXPECTED}.")


def _path_source(path: Path) -> Source:
    if path.is_dir():
        return SavedModelDirectory(path)
    if not path.exists():
        raise ModelError(f"{path} is not there; expected {_EXPECTED}.")
    if path.suffix.lower() in KerasFile.SUFFIXES:
        return KerasFile(path)
    raise ModelError(f"{path} has the ending {path.suffix or '(none)'!r}; expected {_EXPECTED}.")
