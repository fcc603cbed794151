"""Faults in quantised artifacts themselves: in their weights, their graph, or all of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import tfjs_verify as tv
from tests.conftest import DIGITS
from tfjs_verify.artifact.contents import Contents
from tfjs_verify.measurements.fidelity import unfaithful_weights
from tfjs_verify.report import BackendReport

MODEL = DIGITS / "digits.keras"
DTYPES = ("float16", "uint16", "uint8")


@pytest.fixture(scope="module", params=DTYPES)
def healthy(request, worker, tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("healthy") / request.param
    tv.convert(MODEL, directory, quantization=request.param, worker=worker)
    return directory


@pytest.fixture
def verified(healthy, tmp_path, nodes, worker):
    """What verification says of the artifact once `damage` has changed a copy of it."""

    def verified(damage: Callable[[Path, Any], None]) -> BackendReport:
        copy = Path(shutil.copytree(healthy, tmp_path / "copy"))
        document = json.loads((copy / "model.json").read_text())
        damage(copy, document)
        (copy / "model.json").write_text(json.dumps(document))
        report = tv.verify(
            MODEL,
            artifact=copy,
            backends=["cpu"],
            inputs={"image": "float 0..1"},
            examples=10,
            special_values="off",
            shrink_seconds=0,
            remember=False,
            work_dir=tmp_path / "work",
            nodes=nodes,
            worker=worker,
        )
        (backend,) = report.models[0].backends
        return backend

    return verified


def largest(document: Any) -> Any:
    """The entry of the manifest that is quantised and has the most numbers."""
    (group,) = document["weightsManifest"]
    entries = [entry for entry in group["weights"] if entry.get("quantization")]
    return max(entries, key=lambda entry: np.prod(entry["shape"]))


def reverse_codes(copy: Path, document: Any) -> None:
    (group,) = document["weightsManifest"]
    (shard,) = group["paths"]
    data, wanted, position = bytearray((copy / shard).read_bytes()), largest(document), 0
    sizes = {"float16": 2, "uint16": 2, "uint8": 1, "float32": 4, "int32": 4}
    for entry in group["weights"]:
        size = sizes[entry.get("quantization", entry)["dtype"]]
        length = int(np.prod(entry["shape"])) * size
        if entry is wanted:
            codes = np.frombuffer(bytes(data[position : position + length]), f"V{size}")
            data[position : position + length] = codes[::-1].tobytes()
        position += length
    (copy / shard).write_bytes(data)


def other_activation(copy: Path, document: Any) -> None:
    changed = 0
    for node in document["modelTopology"]["node"]:
        fused = node.get("attr", {}).get("fused_ops", {}).get("list", {}).get("s", [])
        for index, name in enumerate(fused):
            if name == "UmVsdQ==":  # Relu
                fused[index] = "RWx1"  # Elu
                changed += 1
    assert changed


def missing_output(copy: Path, document: Any) -> None:
    document["signature"]["outputs"].clear()
    document["signature"]["outputs"]["other"] = {"name": "nothing:0"}


def test_a_healthy_artifact_passes(verified):
    backend = verified(lambda copy, document: None)
    assert backend.verdict == "pass"
    assert not any("its graph is not" in each.message for each in backend.findings)


def test_weights_of_another_model_are_named(verified):
    backend = verified(reverse_codes)
    assert backend.verdict == "fail"
    (finding,) = [each for each in backend.findings if each.gates]
    assert "more than the" in finding.message and "quantisation may move it by" in finding.message


@pytest.mark.parametrize("damage", [other_activation, missing_output])
def test_a_graph_that_is_not_the_models_fails(damage, verified):
    assert verified(damage).verdict == "fail"


def renamed(copy: Path, document: Any) -> None:
    """Another converter calls its nodes otherwise."""
    text = json.dumps(document).replace("/convolution", "/folded")
    document.clear()
    document.update(json.loads(text))


def test_a_graph_of_others_may_move_what_rounding_its_weights_moves(verified):
    backend = verified(renamed)
    assert backend.verdict == "pass"
    assert any("its graph is not" in each.message for each in backend.findings)


def test_a_graph_of_others_may_not_move_more(verified):
    def damage(copy: Path, document: Any) -> None:
        reverse_codes(copy, document)
        renamed(copy, document)

    backend = verified(damage)
    assert backend.verdict == "fail"
    (finding,) = [each for each in backend.findings if each.gates]
    assert "rounding the weights moves it by" in finding.message


def saturating() -> Any:
    """Large weights: quantised, a row cancels that saturates in the model itself."""
    weights = np.random.default_rng(100).normal(size=(6, 5)).astype(np.float32)
    module = tf.Module()
    module.kept = tf.Variable(weights)
    module.serve = tf.function(
        lambda x: {"r": tf.tanh(x @ module.kept)},
        input_signature=[tf.TensorSpec([None, 6], tf.float32, name="x")],
    )
    return module


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_quantised_graph_is_judged_by_its_own_noise(dtype, tmp_path, nodes, worker):
    module = saturating()
    tf.saved_model.save(module, tmp_path / "model", signatures=module.serve)
    report = tv.verify(
        tmp_path / "model",
        quantize=dtype,
        backends=["wasm", "cpu"],
        remember=False,
        nodes=nodes,
        worker=worker,
    )
    assert report.verdict == "pass"


def contents(values: Any, how: dict[str, Any] | None) -> Contents:
    entry = {"name": "w", "shape": [len(values)], "dtype": "float32"}
    if how:
        entry["quantization"] = how
    document = {"modelTopology": {}, "weightsManifest": [{"paths": [], "weights": [entry]}]}
    return Contents(document, {"w": np.array(values, np.float32)})


@pytest.mark.parametrize(
    ("how", "within", "beyond"),
    [
        (None, 1.0, 1.001),
        ({"dtype": "float16"}, 1.0004, 1.0015),
        ({"dtype": "uint8", "scale": 0.01, "min": 0.0}, 1.005, 1.007),
        ({"dtype": "float16"}, 1.0, np.inf),
        ({"dtype": "uint8", "scale": 0.01, "min": 0.0}, 1.0, np.nan),
    ],
)
def test_a_weight_may_be_half_a_step_off(how, within, beyond):
    whole = contents([1.0, 0.5], None)
    assert unfaithful_weights(whole, contents([within, 0.5], how)) == ()
    (found,) = unfaithful_weights(whole, contents([beyond, 0.5], how))
    assert (found.name, found.index) == ("w", (0,))


def test_what_float16_cannot_hold_is_no_damage():
    whole = contents([1e9, 1.0], None)
    assert unfaithful_weights(whole, contents([np.inf, 1.0], {"dtype": "float16"})) == ()
