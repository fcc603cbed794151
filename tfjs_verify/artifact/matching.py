"""Which input or output of an artifact is which of the reference: by name, never by position.

The order of a TensorFlow.js model's tensors is an accident of its conversion. Names are not: the
signature's keys, where the converter kept them; or else the names of the nodes. The stock
converter keeps a key only where dtype and shape are unique, and otherwise writes the tensor's own
name; its output nodes are then called `Identity`, `Identity_1`, …, numbered along the sorted names
of the outputs. A name that the artifact simply does not have is missing, and stays missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tfjs_verify.artifact.entries import Entry
from tfjs_verify.tensors import Shape, TensorSpec, tfjs_dtype


@dataclass(frozen=True)
class Match:
    """The correspondence of one side, inputs or outputs."""

    entries: Mapping[str, Entry]
    """By the reference's name."""
    extra: tuple[str, ...]
    """Keys of the artifact that the reference does not have."""

    @property
    def nodes(self) -> dict[str, str]:
        """From the reference's name to the node."""
        return {name: entry.node for name, entry in self.entries.items()}

    def specs(self, reference: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
        """The reference's specifications, as TensorFlow.js states them."""
        return tuple(
            TensorSpec(
                spec.name,
                entry.dtype or tfjs_dtype(spec.dtype),
                spec.shape if entry.shape is None else entry.shape,
            )
            for spec in reference
            if (entry := self.entries.get(spec.name)) is not None
        )


def match(entries: Sequence[Entry], reference: Sequence[TensorSpec]) -> Match:
    """Finds the reference's tensors among the entries of an artifact."""
    names = {spec.name for spec in reference}
    by_key = {entry.key: entry for entry in entries}
    found = {spec.name: by_key[spec.name] for spec in reference if spec.name in by_key}
    nameless = {
        entry.node: entry
        for entry in entries
        if entry.key not in names and (not entry.named or not found)
    }
    for index, spec in enumerate(sorted(reference, key=lambda spec: spec.name)):
        if spec.name in found:
            continue
        for node in _node_names(spec.name, index):
            entry = nameless.get(node)
            if entry is not None and _compatible(entry, spec):
                found[spec.name] = nameless.pop(node)
                break
    used = {entry.key for entry in found.values()}
    return Match(found, tuple(entry.key for entry in entries if entry.key not in used))


def _node_names(name: str, index: int) -> Iterator[str]:
    yield name
    yield f"serving_default_{name}"
    yield "Identity" if index == 0 else f"Identity_{index}"


def _compatible(entry: Entry, spec: TensorSpec) -> bool:
    return entry.dtype in (None, tfjs_dtype(spec.dtype)) and _fits(entry.shape, spec.shape)


def _fits(one: Shape | None, other: Shape | None) -> bool:
    if one is None or other is None:
        return True
    return len(one) == len(other) and all(
        a is None or b is None or a == b for a, b in zip(one, other, strict=True)
    )
