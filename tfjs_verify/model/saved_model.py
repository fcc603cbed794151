"""The signatures of a SavedModel, read from its protocol buffer without loading the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfjs_verify.errors import ModelError
from tfjs_verify.tensors import Shape, Signature, TensorSpec

DEFAULT_SIGNATURE = "serving_default"
DEFAULT_TAGS = frozenset({"serve"})
FILES = ("saved_model.pb", "saved_model.pbtxt")
_INTERNAL = frozenset({"__saved_model_init_op", "__saved_model_train_op"})


@dataclass(frozen=True)
class Signatures:
    """The signatures under one tag set of a SavedModel."""

    shown: str
    tags: tuple[str, ...]
    by_key: Mapping[str, Signature]

    def choose(self, key: str | None) -> tuple[str, Signature]:
        """The signature of that key; without one, the default, or the only one there is."""
        existing = ", ".join(repr(k) for k in sorted(self.by_key)) or "none"
        if key is not None:
            if key not in self.by_key:
                raise ModelError(
                    f"{self.shown} has no signature {key!r}; those it has: {existing}."
                )
            return key, self.by_key[key]
        if DEFAULT_SIGNATURE in self.by_key:
            return DEFAULT_SIGNATURE, self.by_key[DEFAULT_SIGNATURE]
        if len(self.by_key) == 1:
            return next(iter(self.by_key.items()))
        if not self.by_key:
            raise ModelError(
                f"{self.shown} has no signature, so nothing names its inputs and outputs; save it"
                " with tf.saved_model.save(model, directory, signatures=...)."
            )
        raise ModelError(
            f"{self.shown} has several signatures and no {DEFAULT_SIGNATURE!r}: name one of"
            f" {existing} with --signature."
        )


def is_saved_model(directory: Path) -> bool:
    """Whether TensorFlow would take this directory for a SavedModel."""
    return any((directory / name).is_file() for name in FILES)


def read_signatures(directory: Path, *, tags: Sequence[str] | None, shown: str) -> Signatures:
    """The signatures of the meta graph with these tags; ModelError where there is no such graph."""
    graphs = {tuple(sorted(g.meta_info_def.tags)): g for g in _parse(directory, shown).meta_graphs}
    chosen = _choose_tags(list(graphs), tags, shown)
    signatures = {
        key: _signature(definition, f"signature {key!r} of {shown}")
        for key, definition in graphs[chosen].signature_def.items()
        if key not in _INTERNAL
    }
    return Signatures(shown, chosen, signatures)


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
    for tags in existing:
        if set(tags) == DEFAULT_TAGS:
            return tags
    if len(existing) == 1:
        return existing[0]
    raise ModelError(f"{shown} has several tag sets and no 'serve': name one of {listing}.")


def _signature(definition: Any, where: str) -> Signature:
    return Signature(
        inputs=_specs(definition.inputs, "input", where),
        outputs=_specs(definition.outputs, "output", where),
    )


def _specs(tensors: Mapping[str, Any], side: str, where: str) -> tuple[TensorSpec, ...]:
    from tensorflow import dtypes

    specs = []
    for name in sorted(tensors):
        info = tensors[name]
        if info.WhichOneof("encoding") not in ("name", None):
            raise ModelError(
                f"{where}: {side} {name!r} is a composite tensor (sparse or ragged);"
                " TensorFlow.js has dense tensors only. Export a signature with dense ones."
            )
        specs.append(TensorSpec(name, dtypes.as_dtype(info.dtype).name, _shape(info.tensor_shape)))
    return tuple(specs)


def _shape(proto: Any) -> Shape | None:
    if proto.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else int(dim.size) for dim in proto.dim)
