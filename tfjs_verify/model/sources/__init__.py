"""The kinds of things that can be verified, each of which can become a SavedModel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfjs_verify.errors import ModelError
from tfjs_verify.model.model import Model
from tfjs_verify.model.sources.base import Source
from tfjs_verify.model.sources.directory import SavedModelDirectory
from tfjs_verify.model.sources.frozen import FrozenGraph
from tfjs_verify.model.sources.functions import FunctionInMemory, ModuleInMemory
from tfjs_verify.model.sources.hub import HubHandle
from tfjs_verify.model.sources.keras_file import KerasFile
from tfjs_verify.model.sources.keras_model import KerasModel
from tfjs_verify.model.sources.opened import OpenedModel

__all__ = ["Source", "source_of"]

_IN_MEMORY = (KerasModel, FunctionInMemory, ModuleInMemory)
"""In this order: a tf_keras model is a tf.Module too."""
_EXPECTED = (
    "a SavedModel or TF-Hub module directory, a .keras or .h5 file, a frozen .pb graph, a TF-Hub"
    " address, or in memory a Keras model, a tf.function or a tf.Module"
)


def source_of(
    source: object,
    *,
    outputs: Sequence[str] = (),
    custom_objects: Mapping[str, Any] | None = None,
) -> Source:
    """The source that `source` is; ModelError, with what was expected, where it is none."""
    found = _recognised(source, tuple(outputs), custom_objects or {})
    if outputs and not isinstance(found, FrozenGraph):
        raise ModelError(
            f"{found.path} is no frozen graph, and only these have outputs that are named as nodes;"
            " the outputs of all others are those of their signature."
        )
    return found


def _recognised(
    source: object, outputs: tuple[str, ...], custom_objects: Mapping[str, Any]
) -> Source:
    if isinstance(source, str) and HubHandle.recognises(source):
        return HubHandle(source)
    if isinstance(source, (str, Path)):
        return _path_source(Path(source), outputs, custom_objects)
    if isinstance(source, Model):
        return OpenedModel(source)
    for kind in _IN_MEMORY:
        if kind.recognises(source):
            return kind(source)
    hint = " Make it a tf.function first." if callable(source) else ""
    raise ModelError(f"a {type(source).__name__} is no model; expected {_EXPECTED}.{hint}")


def _path_source(path: Path, outputs: tuple[str, ...], custom_objects: Mapping[str, Any]) -> Source:
    if path.is_dir():
        return SavedModelDirectory(path)
    if not path.exists():
        raise ModelError(f"{path} is not there; expected {_EXPECTED}.")
    if path.suffix.lower() in KerasFile.SUFFIXES:
        return KerasFile(path, custom_objects)
    if path.suffix.lower() in FrozenGraph.SUFFIXES:
        return FrozenGraph(path, outputs)
    raise ModelError(f"{path} has the ending {path.suffix or '(none)'!r}; expected {_EXPECTED}.")
