from __future__ import annotations

import json

import numpy as np
import pytest

from tfjs_verify.artifact import load_artifact
from tfjs_verify.errors import ArtifactError
from tfjs_verify.tensors import Signature, TensorSpec


def tensor(name, dtype="DT_FLOAT", sizes=("-1", "2")):
    return {"name": name, "dtype": dtype, "tensorShape": {"dim": [{"size": s} for s in sizes]}}


def node(name, op="Identity", *inputs):
    return {"name": name, "op": op, "input": list(inputs)}


NODES = [
    node("x", "Placeholder"),
    node("z", "Placeholder"),
    node("Identity", "Neg", "x"),
    node("Identity_1", "Neg", "z"),
    node("Identity_2", "Neg", "z"),
]
REFERENCE = Signature(
    inputs=(TensorSpec("x", "float32", (None, 2)), TensorSpec("z", "float64", (None, 2))),
    outputs=(
        TensorSpec("apple", "float32", (None, 2)),
        TensorSpec("pear", "float32", (None, 2)),
        TensorSpec("zoo", "int64", (None,)),
    ),
)
INPUTS = {"x": tensor("x:0"), "z": tensor("z:0")}


@pytest.fixture
def write(tmp_path):
    def write(signature, nodes=NODES, **more):
        np.zeros(3, np.float32).tofile(tmp_path / "group1-shard1of1.bin")
        content = {
            "format": "graph-model",
            "modelTopology": {"node": nodes},
            "signature": signature,
            "weightsManifest": [
                {
                    "paths": ["group1-shard1of1.bin"],
                    "weights": [{"name": "w", "shape": [3], "dtype": "float32"}],
                }
            ],
            **more,
        }
        (tmp_path / "model.json").write_text(json.dumps(content))
        return tmp_path

    return write


def test_names_of_the_signature_come_first_whatever_their_order(write):
    outputs = {
        "zoo": tensor("Identity:0", "DT_INT64", ("-1",)),
        "apple": tensor("Identity_2:0"),
        "pear": tensor("Identity_1:1"),
    }
    artifact = load_artifact(write({"inputs": INPUTS, "outputs": outputs}), REFERENCE)
    assert artifact.outputs == {"apple": "Identity_2", "pear": "Identity_1:1", "zoo": "Identity"}
    assert artifact.signature.output("zoo") == TensorSpec("zoo", "int32", (None,))
    assert artifact.extra_outputs == ()
    assert artifact.bytes == 12 + (artifact.directory / "model.json").stat().st_size


def test_the_stock_converters_tensor_names_are_numbered_along_the_sorted_names(write):
    outputs = {
        "Identity_1:0": tensor("Identity_1:0"),
        "Identity:0": tensor("Identity:0"),
        "zoo": tensor("Identity_2:0", "DT_INT64", ("-1",)),
    }
    inputs = {"z:0": tensor("z:0"), "x:0": tensor("x:0")}
    artifact = load_artifact(write({"inputs": inputs, "outputs": outputs}), REFERENCE)
    assert artifact.inputs == {"x": "x", "z": "z"}
    assert artifact.outputs == {"apple": "Identity", "pear": "Identity_1", "zoo": "Identity_2"}


def test_an_output_whose_shape_cannot_be_the_references_is_not_taken_for_it(write):
    outputs = {"Identity:0": tensor("Identity:0", sizes=("-1", "7"))}
    artifact = load_artifact(write({"inputs": INPUTS, "outputs": outputs}), REFERENCE)
    assert artifact.outputs == {}
    assert artifact.extra_outputs == ("Identity:0",)


def test_a_dropped_output_stays_missing_although_its_node_is_there(write):
    outputs = {"apple": tensor("Identity:0"), "pear": tensor("Identity_1:0")}
    artifact = load_artifact(write({"inputs": INPUTS, "outputs": outputs}), REFERENCE)
    assert set(artifact.outputs) == {"apple", "pear"}


def test_an_empty_signature_gives_no_outputs(write):
    artifact = load_artifact(write({"inputs": INPUTS, "outputs": {}}), REFERENCE)
    assert artifact.outputs == {}


def test_an_output_that_names_no_node_is_missing(write):
    outputs = {"apple": tensor("gone:0"), "pear": tensor("Identity_1:0")}
    artifact = load_artifact(write({"inputs": INPUTS, "outputs": outputs}), REFERENCE)
    assert set(artifact.outputs) == {"pear"}


def test_a_renamed_output_is_missing_and_extra(write):
    outputs = {"apple": tensor("Identity:0"), "peach": tensor("Identity_1:0")}
    artifact = load_artifact(write({"inputs": INPUTS, "outputs": outputs}), REFERENCE)
    assert set(artifact.outputs) == {"apple"}
    assert artifact.extra_outputs == ("peach",)


def test_without_any_signature_placeholders_and_final_nodes_count(write):
    artifact = load_artifact(write(None), REFERENCE)
    assert artifact.inputs == {"x": "x", "z": "z"}
    assert artifact.outputs == {"apple": "Identity", "pear": "Identity_1", "zoo": "Identity_2"}


def test_resources_are_no_inputs(write):
    inputs = {**INPUTS, "table": {**tensor("table:0", "DT_RESOURCE"), "resourceId": 3}}
    artifact = load_artifact(write({"inputs": inputs, "outputs": {}}), REFERENCE)
    assert artifact.extra_inputs == ()


def test_a_layers_model_names_its_ends(write):
    config = {
        "input_layers": [["z", 0, 0], ["x", 0, 0]],
        "output_layers": [["b", 0, 0], ["a", 0, 0]],
    }
    topology = {"model_config": {"class_name": "Functional", "config": config}}
    reference = Signature(
        REFERENCE.inputs,
        (TensorSpec("output_0", "float32", None), TensorSpec("output_1", "float32", None)),
    )
    directory = write(None, format="layers-model", modelTopology=topology)
    artifact = load_artifact(directory, reference)
    assert artifact.format == "layers"
    assert artifact.inputs == {"x": "x", "z": "z"}
    assert artifact.outputs == {"output_0": "b", "output_1": "a"}


def test_damaged_artifacts_are_refused_with_the_reason(write, tmp_path):
    def reason():
        with pytest.raises(ArtifactError) as caught:
            load_artifact(tmp_path, REFERENCE)
        return caught.value.message

    assert "no model.json" in reason()
    write({"inputs": INPUTS, "outputs": {}})
    shard = tmp_path / "group1-shard1of1.bin"
    shard.write_bytes(b"\0" * 11)
    assert "hold 11 bytes, its model.json describes 12" in reason()
    shard.unlink()
    assert "lacks the weight shard" in reason()
    (tmp_path / "model.json").write_text('{"modelTopology": {"a": NaN}}')
    assert "NaN is no JSON number" in reason()
    (tmp_path / "model.json").write_text('{"modelTopology": {')
    assert "not valid JSON" in reason()
    (tmp_path / "model.json").write_text('{"name": "package"}')
    assert "no TensorFlow.js model" in reason()
    (tmp_path / "model.json").write_text('{"format": "x", "modelTopology": {}}')
    assert "format 'x'" in reason()
    (tmp_path / "model.json").write_text(
        '{"format": "layers-model", "modelTopology": {"class_name": "Functional"}}'
    )
    assert "malformed" in reason()
