"""From a directory to an `Artifact`: ours, the stock converter's, or anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfjs_verify.artifact.artifact import Artifact, Format, Repair
from tfjs_verify.artifact.entries import Entry, signature_entries, topology_entries
from tfjs_verify.artifact.files import (
    MODEL_JSON,
    PROVENANCE_KEY,
    check_shards,
    read_model_json,
)
from tfjs_verify.artifact.layers import layers_entries
from tfjs_verify.artifact.matching import match
from tfjs_verify.artifact.weights import stored_quantization
from tfjs_verify.errors import ArtifactError
from tfjs_verify.tensors import Signature

_FORMATS: Mapping[str, Format] = {"graph-model": "graph", "layers-model": "layers"}


def load_artifact(directory: Path, reference: Signature) -> Artifact:
    """Describes the TensorFlow.js model in `directory` by the names of `reference`.

    Raises ArtifactError where the directory holds no TensorFlow.js model, its JSON is invalid, or a
    weight shard is missing or of the wrong length. Names that do not match are no error here: they
    are what verification reports.
    """
    directory = Path(directory)
    content = read_model_json(directory)
    files = check_shards(directory, content)
    form = _format(content, directory)
    inputs, outputs = _entries(content, form, str(directory / MODEL_JSON))
    matched_inputs = match(inputs, reference.inputs)
    matched_outputs = match(outputs, reference.outputs)
    provenance = content.get(PROVENANCE_KEY, {})
    return Artifact(
        directory=directory,
        format=form,
        signature=Signature(
            matched_inputs.specs(reference.inputs), matched_outputs.specs(reference.outputs)
        ),
        inputs=matched_inputs.nodes,
        outputs=matched_outputs.nodes,
        route=provenance.get("route", "existing artifact"),
        quantization=provenance.get("quantization") or stored_quantization(content),
        seconds=provenance.get("seconds", 0.0),
        repairs=tuple(
            Repair(repair["name"], tuple(repair["nodes"]), repair["why"])
            for repair in provenance.get("repairs", ())
        ),
        extra_inputs=matched_inputs.extra,
        extra_outputs=matched_outputs.extra,
        files=files,
    )


def _format(content: Mapping[str, Any], directory: Path) -> Format:
    stated: Any = content.get("format")
    if stated in _FORMATS:
        return _FORMATS[stated]
    if stated is None:  # artifacts from before 2019 do not say
        return "graph" if "node" in content["modelTopology"] else "layers"
    raise ArtifactError(
        f"{directory / MODEL_JSON} has the format {stated!r}; expected"
        f" {' or '.join(repr(name) for name in _FORMATS)}."
    )


def _entries(
    content: Mapping[str, Any], form: Format, where: str
) -> tuple[list[Entry], list[Entry]]:
    topology = content["modelTopology"]
    if form == "layers":
        return layers_entries(topology, content.get(PROVENANCE_KEY, {}), where)
    try:
        nodes = list(topology.get("node", ()))
        present = {node["name"] for node in nodes}
        signature = content.get("signature")
        if signature is None:
            signature = content.get("userDefinedMetadata", {}).get("signature")
        if signature is None:
            inputs = topology_entries(nodes, outputs=False)
            return inputs, topology_entries(nodes, outputs=True)
        return (
            [e for e in signature_entries(signature.get("inputs", {})) if _base(e) in present],
            [e for e in signature_entries(signature.get("outputs", {})) if _base(e) in present],
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ArtifactError(
            f"{where}: its topology or signature is malformed ({type(error).__name__}: {error})."
        ) from error


def _base(entry: Entry) -> str:
    """The node of an entry; one that names a node which is not there is none."""
    return entry.node.partition(":")[0]
