"""The signatures of a SavedModel, read from its protocol buffer without loading the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfjs_verify.errors import ModelError
from tfjs_verify.tensors import Shape, Signature, TensorSpec, natural_order

DEFAULT_SIGNATURES = ("serving_default", "default")
"""The second one is that of TensorFlow Hub's own format."""
DEFAULT_TAGS = (frozenset({"serve"}), frozenset[str]())
"""Modules in TensorFlow Hub's own format have no tags for inference."""
FILES = ("saved_model.pb", "saved_model.pbtxt")
_INTERNAL = frozenset({"__saved_model_init_op", "__saved_model_train_op"})


@dataclass(frozen=True)
class Signatures:
    """The signatures under one tag set of a SavedModel."""

    shown: str
    tags: tuple[str, ...]
    by_key: Mapping[str, Signature]
    composite: Mapping[str, str]
    """Signatures with sparse or ragged tensors, and which these are: "input 'x'"."""

    def choose(self, key: str | None) -> tuple[str, Signature]:
        """The signature of that key; without one, the default, or the only one there is."""
        keys = sorted([*self.by_key, *self.composite])
        existing = ", ".join(map(repr, keys)) or "none"
        if key is None:
            default = next((k for k in DEFAULT_SIGNATURES if k in keys), None)
            key = default or (keys[0] if len(keys) == 1 else None)
        elif key not in keys:
            raise ModelError(f"{self.shown} has no signature {key!r}; those it has: {existing}.")
        if not keys:
            raise ModelError(
                f"{self.shown} has no signature, so nothing names its inputs and outputs; save it"
                " with tf.saved_model.save(model, directory, signatures=...)."
            )
        if key is None:
            raise ModelError(
                f"{self.shown} has several signatures and no {DEFAULT_SIGNATURES[0]!r}: name one"
                f" of {existing} with --signature."
            )
        if key in self.composite:
            raise ModelError(
                f"signature {key!r} of {self.shown}: {self.composite[key]} is a composite tensor"
                " (sparse or ragged); TensorFlow.js has dense tensors only. Export a signature"
                " with dense ones."
            )
        return key, self.by_key[key]


def is_saved_model(directory: Path) -> bool:
    """Whether TensorFlow would take this directory for a SavedModel."""
    return any((directory / name).is_file() for name in FILES)


def read_signatures(directory: Path, *, tags: Sequence[str] | None, shown: str) -> Signatures:
    """The signatures of the meta graph with these tags; ModelError where there is no such graph."""
    graphs = {tuple(sorted(g.meta_info_def.tags)): g for g in _parse(directory, shown).meta_graphs}
    chosen = _choose_tags(list(graphs), tags, shown)
    signatures: dict[str, Signature] = {}
    composite: dict[str, str] = {}
    for key, definition in graphs[chosen].signature_def.items():
        if key in _INTERNAL:
            continue
        tensor = _composite(definition)
        if tensor is not None:
            composite[key] = tensor
        else:
            signatures[key] = Signature(_specs(definition.inputs), _specs(definition.outputs))
    return Signatures(shown, chosen, signatures, composite)


def lacks_signatures(directory: Path, *, shown: str) -> bool:
    """Whether there is but one graph, written by TensorFlow 2, and no signature for its functions.

    Modules of TensorFlow Hub may be so: they are meant to be called from Python.
    """
    graphs = _parse(directory, shown).meta_graphs
    return (
        len(graphs) == 1
        and graphs[0].HasField("object_graph_def")
        and not set(graphs[0].signature_def) - _INTERNAL
    )


def is_tensorflow_1(directory: Path, tags: Sequence[str]) -> bool:
    """Whether the meta graph with these tags was written by TensorFlow 1 (it holds no objects)."""
    for graph in _parse(directory, str(directory)).meta_graphs:
        if sorted(graph.meta_info_def.tags) == sorted(tags):
            return not graph.HasField("object_graph_def")
    return False


def _parse(directory: Path, shown: str) -> Any:
    from google.protobuf import message, text_format
    from tensorflow.core.protobuf import saved_model_pb2

    result = saved_model_pb2.SavedModel()
    try:
        binary, text = (directory / name for name in FILES)
        if binary.is_file():
            result.ParseFromString(binary.read_bytes())
        else:
            text_format.Parse(text.read_text(encoding="utf-8"), result)
    except (message.DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{shown}: its saved_model.pb is truncated or corrupt ({error}); save the model again."
        ) from error
    except OSError as error:
        raise ModelError(f"{shown} cannot be read: {error.strerror or error}.") from error
    if not result.meta_graphs:
        raise ModelError(
            f"{shown}: its saved_model.pb holds no graph, so it is truncated; save the model again."
        )
    return result


def _choose_tags(
    existing: list[tuple[str, ...]], wanted: Sequence[str] | None, shown: str
) -> tuple[str, ...]:
    listing = "; ".join(",".join(tags) or "(no tags)" for tags in existing)
    if wanted is not None:
        for tags in existing:
            if set(tags) == set(wanted):
                return tags
        raise ModelError(
            f"{shown} has no graph with the tags {','.join(wanted)!r}; those it has: {listing}."
        )
    for default in DEFAULT_TAGS:
        for tags in existing:
            if set(tags) == default:
                return tags
    if len(existing) == 1:
        return existing[0]
    raise ModelError(f"{shown} has several tag sets and no 'serve': name one of {listing}.")


def _composite(definition: Any) -> str | None:
    for side, tensors in (("input", definition.inputs), ("output", definition.outputs)):
        for name, info in tensors.items():
            if info.WhichOneof("encoding") not in ("name", None):
                return f"{side} {name!r}"
    return None


def _specs(tensors: Mapping[str, Any]) -> tuple[TensorSpec, ...]:
    from tensorflow import dtypes

    specs = []
    for name in sorted(tensors, key=natural_order):
        info = tensors[name]
        specs.append(TensorSpec(name, dtypes.as_dtype(info.dtype).name, _shape(info.tensor_shape)))
    return tuple(specs)


def _shape(proto: Any) -> Shape | None:
    if proto.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else int(dim.size) for dim in proto.dim)
