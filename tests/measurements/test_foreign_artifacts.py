"""Quantised artifacts that somebody else made: nothing but the manifest says so."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tfjs_verify as tv
from tests.conftest import DIGITS, ROOT
from tfjs_verify.artifact.files import PROVENANCE_KEY
from tfjs_verify.measurements.parity import measure_parity
from tfjs_verify.runtimes import TFJS
from tfjs_verify.runtimes.replay import ArtifactReplay

MODEL = DIGITS / "digits.keras"
DTYPES = ("float16", "uint16", "uint8")
CUSTOM = ROOT / "examples" / "custom_layer"


def made_by_a_stranger(artifact: Path) -> Path:
    """The artifact as the stock converter leaves it, without our notes."""
    file = artifact / "model.json"
    document = json.loads(file.read_text())
    assert document.pop(PROVENANCE_KEY)
    file.write_text(json.dumps(document))
    return artifact


def stock_graph(directory: Path, worker, quantization) -> Path:
    with tv.open_model(MODEL) as model:
        tv.convert(model, directory, quantization=quantization, repair=False, worker=worker)
    return made_by_a_stranger(directory)


def recurrent():
    """A tf_keras model whose weights have names that only Keras gives them."""
    import tf_keras

    tf_keras.utils.set_random_seed(4)
    layers = tf_keras.layers
    x = tf_keras.Input((3, 2), name="x")
    y = layers.Bidirectional(layers.LSTM(3, bias_initializer="normal"))(x)
    return tf_keras.Model(x, layers.Dense(3, activation="softmax", name="scores")(y))


CONVERT = """
import sys, tf_keras
from tensorflowjs.converters import save_keras_model
model = tf_keras.models.load_model(sys.argv[1], compile=False)
for dtype in sys.argv[3:]:
    save_keras_model(model, sys.argv[2] + "/" + dtype, quantization_dtype_map={dtype: "*"})
"""


@pytest.fixture(scope="module")
def stock_layers(tmp_path_factory) -> tuple[object, Path]:
    """The model, and a directory with what the stock converter makes of it per dtype."""
    directory = tmp_path_factory.mktemp("layers")
    model = recurrent()
    model.save(directory / "model.h5")
    subprocess.run(
        [sys.executable, "-c", CONVERT, directory / "model.h5", directory, *DTYPES],
        check=True,
        capture_output=True,
    )
    return model, directory


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_graph_is_judged_in_two_steps(nodes, worker, tmp_path, dtype):
    artifact = stock_graph(tmp_path / "stock", worker, dtype)
    report = tv.verify(
        MODEL,
        artifact=artifact,
        examples=5,
        special_values="off",
        backends=["cpu", "node"],
        nodes=nodes,
    )
    (model,) = report.models
    assert report.verdict == "pass"
    assert (model.conversion.route, model.conversion.quantization) == ("existing artifact", dtype)
    assert model.quantization.outputs[0].scaled_error > 1e-6
    for backend in model.backends:
        assert backend.outputs[0].scaled_error < 1e-5


@pytest.mark.parametrize("dtype", DTYPES)
def test_layers_are_judged_in_two_steps(nodes, stock_layers, dtype):
    keras_model, directory = stock_layers
    words = {"examples": 5, "special_values": "off", "backends": ["cpu", "wasm"], "nodes": nodes}
    report = tv.verify(keras_model, artifact=directory / dtype, **words)
    (model,) = report.models
    assert report.verdict == "pass"
    assert (model.conversion.format, model.conversion.quantization) == ("layers", dtype)
    assert model.quantization.outputs[0].scaled_error > 1e-6
    for backend in model.backends:
        assert backend.outputs[0].scaled_error < 1e-5


def test_a_fault_in_layers_does_not_hide_behind_quantisation(nodes, stock_layers, tmp_path):
    """What runs is not what is replayed: a fault of a kernel, as seen from here."""
    keras_model, directory = stock_layers
    right = directory / "uint8"
    wrong = Path(shutil.copytree(right, tmp_path / "wrong"))
    document = json.loads((wrong / "model.json").read_text())
    (layer,) = [
        each
        for each in document["modelTopology"]["model_config"]["config"]["layers"]
        if each["class_name"] == "Bidirectional"
    ]
    layer["config"]["layer"]["config"]["recurrent_activation"] = "hard_sigmoid"
    (wrong / "model.json").write_text(json.dumps(document))
    with (
        tv.open_model(keras_model) as model,
        ArtifactReplay(tv.load_artifact(right, model.signature)) as replay,
        TFJS(tv.load_artifact(wrong, model.signature), session=nodes.start("cpu")) as candidate,
    ):
        assert not measure_parity(replay, candidate, examples=5).candidates[0].agrees


@pytest.mark.parametrize(
    ("globs", "found"),
    [
        ({"uint8": ["*/merged_input"]}, "uint8 (3 of {} weights)"),
        (
            {"float16": ["*/merged_input"], "uint16": ["*/batchnorm/sub"]},
            "float16 (3 of {0} weights), uint16 (4 of {0} weights)",
        ),
    ],
)
def test_some_weights_alone(nodes, worker, tmp_path, globs, found):
    artifact = stock_graph(tmp_path / "stock", worker, globs)
    content = json.loads((artifact / "model.json").read_text())
    entries = [each for group in content["weightsManifest"] for each in group["weights"]]
    count = sum(each["dtype"] == "float32" for each in entries)
    with tv.open_model(MODEL) as model:
        loaded = tv.load_artifact(artifact, model.signature)
    assert loaded.quantization == found.format(count)
    words = {"artifact": artifact, "examples": 5, "backends": ["cpu"], "nodes": nodes}
    report = tv.verify(MODEL, **words)
    assert report.verdict == "pass"
    assert report.models[0].quantization.outputs[0].scaled_error > 1e-6


def test_what_is_stored_whole_is_not_quantised(worker, tmp_path):
    artifact = stock_graph(tmp_path / "stock", worker, None)
    with tv.open_model(MODEL) as model:
        assert tv.load_artifact(artifact, model.signature).quantization is None


def test_what_tensorflow_cannot_replay_is_compared_with_the_model_and_said(run, tmp_path):
    words = (
        *("verify", CUSTOM / "daylight.keras", "--format", "layers", "--quantize", "uint8"),
        *("--custom-objects", CUSTOM / "layers.py", "--js-module", CUSTOM / "layers.mjs"),
        *("--input", "day=float 0..365", "-n", 10, "-b", "cpu"),
    )
    answer = run(*words)
    assert answer.status == 1
    assert "cpu disagrees with tensorflow" in answer.out
    assert "could not be told apart" in answer.out and "Snake" in answer.out
    allowed = run(*words, "--atol", 1.0, "--json", "r.json")
    assert allowed.status == 0
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["models"][0]["quantization"] is None
    assert np.isfinite(document["models"][0]["backends"][0]["outputs"][0]["max_abs_error"])
