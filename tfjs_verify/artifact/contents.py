"""What an artifact consists of, in memory: the document and the weights, to be changed and written.

Nothing here is changed in place: a change gives new contents, which share what it left alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from tfjs_verify.artifact.artifact import Artifact
from tfjs_verify.artifact.files import MODEL_JSON, read_model_json
from tfjs_verify.artifact.weights import read_weights, write_weights
from tfjs_verify.tensors import Array

Node: TypeAlias = Mapping[str, Any]
"""A NodeDef as `model.json` has it."""


@dataclass(frozen=True)
class Site:
    """Where a node is: its index in the graph, or in the function of that index."""

    index: int
    function: int | None = None


@dataclass(frozen=True)
class Contents:
    """`model.json`, and the weights as TensorFlow.js computes with them."""

    document: Mapping[str, Any]
    weights: Mapping[str, Array]

    def nodes(self) -> Iterator[tuple[Site, Node]]:
        """All nodes of a graph model, those of its functions after those of the graph."""
        topology = self.document["modelTopology"]
        for index, node in enumerate(topology.get("node", ())):
            yield Site(index), node
        for function, definition in enumerate(self.functions()):
            for index, node in enumerate(definition.get("nodeDef", ())):
                yield Site(index, function), node

    def functions(self) -> list[Any]:
        """The functions of a graph model."""
        library: list[Any] = self.document["modelTopology"].get("library", {}).get("function", [])
        return library

    def with_weight(self, name: str, values: Array) -> Contents:
        """These contents with other values of one weight."""
        return replace(self, weights={**self.weights, name: values})

    def with_node(self, site: Site, node: Node) -> Contents:
        """These contents with another node in the place of one."""
        path: list[str | int] = ["modelTopology"]
        if site.function is not None:
            path += ["library", "function", site.function, "nodeDef"]
        else:
            path += ["node"]
        return self.with_value([*path, site.index], node)

    def with_value(self, path: list[str | int], value: Any) -> Contents:
        """These contents with another value at `path` of the document."""
        return replace(self, document=_replaced(self.document, path, value))


def read_contents(artifact: Artifact) -> Contents:
    """What is in the artifact's files; raises ArtifactError."""
    document = read_model_json(artifact.directory)
    return Contents(document, read_weights(artifact.directory, document))


def write_contents(contents: Contents, directory: Path) -> None:
    """Writes an artifact that any TensorFlow.js loads; weights unquantised. Raises OSError."""
    manifest = write_weights(directory, contents.weights)
    document = {**contents.document, "weightsManifest": manifest}
    (directory / MODEL_JSON).write_text(json.dumps(document), encoding="utf-8")


def _replaced(value: Any, path: list[str | int], new: Any) -> Any:
    if not path:
        return new
    first, rest = path[0], path[1:]
    if isinstance(first, int):
        return [*value[:first], _replaced(value[first], rest, new), *value[first + 1 :]]
    return {**value, first: _replaced(value.get(first, {}), rest, new)}
