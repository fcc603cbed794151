"""What JavaScript code that uses an artifact sees: names, their order, and how to call it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfjs_verify.artifact import Artifact
from tfjs_verify.artifact.entries import topology_entries
from tfjs_verify.artifact.files import PROVENANCE_KEY, read_model_json
from tfjs_verify.artifact.layers import layers_entries
from tfjs_verify.tensors import TensorSpec

_ASYNCHRONOUS = frozenset(
    {
        *("If", "StatelessIf", "While", "StatelessWhile"),
        *("Switch", "Merge", "Enter", "Exit", "NextIteration"),
        *("Where", "NonMaxSuppressionV2", "NonMaxSuppressionV3", "NonMaxSuppressionV5"),
        *("HashTable", "HashTableV2", "LookupTableImport", "LookupTableImportV2"),
        *("LookupTableFind", "LookupTableFindV2", "LookupTableSize", "LookupTableSizeV2"),
    }
)
"""Ops with which TensorFlow.js has no `execute`, only `executeAsync`."""
_LARGEST_INDEX = 2**32 - 2
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_WORDS = frozenset(
    {
        *("arguments", "await", "break", "case", "catch", "class", "const", "continue", "debugger"),
        *("default", "delete", "do", "else", "enum", "eval", "export", "extends", "false"),
        *("finally", "for", "function", "if", "implements", "import", "in", "instanceof"),
        *("interface", "let", "model", "new", "null", "package", "private", "protected", "public"),
        *("return", "static", "super", "switch", "tf", "this", "throw", "true", "try", "typeof"),
        *("var", "void", "while", "with", "yield"),
    }
)
"""What no variable of the printed code may be called."""


@dataclass(frozen=True)
class Usage:
    """An artifact as JavaScript sees it."""

    inputs: tuple[str, ...]
    """Names in the order in which `predict` takes a list."""
    outputs: tuple[str, ...]
    """Names in the order in which `predict` gives a list."""
    code: tuple[str, ...]
    """Lines that load the artifact and call it by names."""


def usage_of(artifact: Artifact, *, js_modules: Sequence[str] = ()) -> Usage:
    """Reads it from the artifact's own files; raises ArtifactError where they are damaged."""
    content = read_model_json(artifact.directory)
    if artifact.format == "layers":
        sides = layers_entries(
            content["modelTopology"], content.get(PROVENANCE_KEY, {}), str(artifact.model_json)
        )
        inputs, outputs = (tuple(entry.key for entry in side) for side in sides)
        call = _layers_call(artifact, inputs)
    else:
        inputs, outputs = (_graph_names(content, side) for side in ("inputs", "outputs"))
        call = _graph_call(artifact, outputs, content)
    load = "loadLayersModel" if artifact.format == "layers" else "loadGraphModel"
    return Usage(
        inputs,
        outputs,
        (
            "import * as tf from '@tensorflow/tfjs';",
            *_registrations(js_modules),
            f"const model = await tf.{load}({_text(artifact.model_json.as_posix())});",
            call,
        ),
    )


def positional(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The keys of a signature's side in the order that TensorFlow.js goes through them.

    That is JavaScript's order of an object's keys: what reads as an index comes first, by number,
    then the rest as written. Resources are not among what a caller sees.
    """
    keys = [key for key, info in entries.items() if info.get("resourceId") is None]
    return sorted(keys, key=lambda key: (0, int(key)) if _is_index(key) else (1, 0))


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdigit() and str(int(key)) == key and int(key) <= _LARGEST_INDEX


def _graph_names(content: Mapping[str, Any], side: str) -> tuple[str, ...]:
    entries = (content.get("signature") or {}).get(side) or {}
    if entries:
        return tuple(positional(entries))
    nodes = content["modelTopology"].get("node", ())
    return tuple(entry.node for entry in topology_entries(nodes, outputs=side == "outputs"))


def _graph_call(artifact: Artifact, outputs: Sequence[str], content: Mapping[str, Any]) -> str:
    feeds = ", ".join(f"{_key(s.name)}: {_tensor(s)}" for s in artifact.signature.inputs)
    names = ", ".join(map(_text, outputs))
    ops = {node["op"] for node in _nodes(content["modelTopology"])}
    call = "await model.executeAsync" if ops & _ASYNCHRONOUS else "model.execute"
    return f"const {_target(outputs)} = {call}({{ {feeds} }}, [{names}]);"


def _layers_call(artifact: Artifact, inputs: Sequence[str]) -> str:
    specs = {spec.name: spec for spec in artifact.signature.inputs}
    tensors = [_tensor(specs[name]) if name in specs else "…" for name in inputs]
    fed = tensors[0] if len(tensors) == 1 else f"[{', '.join(tensors)}]"
    return f"const outputs = model.predict({fed});"


def _registrations(js_modules: Sequence[str]) -> Iterator[str]:
    for number, module in enumerate(js_modules):
        name = "register" if number == 0 else f"register{number + 1}"
        imported = name if number == 0 else f"register as {name}"
        yield f"import {{ {imported} }} from {_text(module)}; {name}(tf);"


def _nodes(topology: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    yield from topology.get("node", ())
    for function in (topology.get("library") or {}).get("function", ()):
        yield from function.get("nodeDef", ())


def _target(outputs: Sequence[str]) -> str:
    if not all(_IDENTIFIER.fullmatch(name) and name not in _WORDS for name in outputs):
        return "output" if len(outputs) == 1 else "outputs"
    return outputs[0] if len(outputs) == 1 else f"[{', '.join(outputs)}]"


def _tensor(spec: TensorSpec) -> str:
    if spec.shape is None:
        return "tf.tensor(…)"
    shape = f"[{', '.join('1' if size is None else str(size) for size in spec.shape)}]"
    if spec.dtype == "string":
        return f"tf.fill({shape}, 'text')"
    return f"tf.zeros({shape})" if spec.dtype == "float32" else f"tf.zeros({shape}, '{spec.dtype}')"


def _key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    return "'" + json.dumps(value, ensure_ascii=False)[1:-1].replace("'", "\\'") + "'"
