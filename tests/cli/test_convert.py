"""tfjs-verify convert: what it writes, says and refuses, and what JavaScript then sees."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tfjs_verify.bridge.installation import find_node, provision

PREDICT = """
import { createRequire } from 'node:module';
const require = createRequire(process.argv[2] + '/');
const tf = require('@tensorflow/tfjs');
const { readFileSync } = require('node:fs');
const directory = process.argv[3];
const { modelTopology, weightsManifest, format, ...rest } = JSON.parse(
  readFileSync(directory + '/model.json'));
const weightSpecs = weightsManifest.flatMap((group) => group.weights);
const bytes = Buffer.concat(weightsManifest.flatMap((group) => group.paths).map(
  (name) => readFileSync(directory + '/' + name)));
const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
const model = await tf.loadGraphModel(
  { load: async () => ({ modelTopology, weightSpecs, weightData, ...rest }) });
const feeds = Object.fromEntries(Object.entries(JSON.parse(process.argv[4])).map(
  ([name, values]) => [name, tf.tensor(values)]));
const order = model.inputNodes.map((name) => feeds[name]);
const keyed = model.predict(feeds);
const listed = model.predict(order);
console.log(JSON.stringify({
  inputs: model.inputNodes,
  keyed: Object.fromEntries(Object.entries(keyed).map(([name, t]) => [name, t.arraySync()])),
  listed: Object.fromEntries(Object.entries(listed).map(([name, t]) => [name, t.arraySync()])),
}));
"""


def predict(directory: Path, script: Path, feeds: dict[str, object]) -> dict[str, object]:
    script.write_text(PREDICT)
    done = subprocess.run(
        [find_node().path, script, provision().modules, directory, json.dumps(feeds)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def order(tmp_path_factory) -> Path:
    """Names whose order is not that of the model, nor the alphabet's in JavaScript."""
    import tensorflow as tf

    class Module(tf.Module):
        @tf.function(
            input_signature=[tf.TensorSpec([None], name="z"), tf.TensorSpec([None], name="a")]
        )
        def serve(self, z, a):
            return {"zoo": z - a, "apple": 2 * a, "10": 10 * z, "9": 9 * z}

    directory = tmp_path_factory.mktemp("order") / "order"
    tf.saved_model.save(Module(), str(directory), signatures=Module().serve)
    return directory


@pytest.mark.parametrize("words", [[], ["--no-repair"]])
def test_predict_in_javascript_gives_every_output_by_its_name(run, order, tmp_path, words):
    answer = run("convert", order, "out", "--structured-output-names", *words)
    assert answer.status == 0, answer.err
    seen = predict(tmp_path / "out", tmp_path / "predict.mjs", {"z": [1.0], "a": [3.0]})
    expected = {"zoo": [-2.0], "apple": [6.0], "10": [10.0], "9": [9.0]}
    assert seen["keyed"] == seen["listed"] == expected
    listed = [line.split() for line in answer.out.splitlines() if line.startswith("  input")]
    assert [words[1] for words in listed] == seen["inputs"]
    outputs = [line.split()[1] for line in answer.out.splitlines() if line.startswith("  output")]
    assert outputs == ["9", "10", "apple", "zoo"]


def test_options_reach_the_files_and_what_was_written_is_said(run, tmp_path):
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self):
            self.w = tf.Variable(tf.random.uniform([4, 4]), name="dense/kernel")

        @tf.function(input_signature=[tf.TensorSpec([4, 4], name="x")])
        def __call__(self, x):
            masked = tf.linalg.band_part(x, -1, 0, name="mask")
            return {"first": tf.matmul(masked, self.w), "second": tf.matmul(x, [[1.0]] * 4)}

    module = Module()
    tf.saved_model.save(module, str(tmp_path / "causal"), signatures=module.__call__)
    (tmp_path / "owner.json").write_text('{"owner": "me"}')
    answer = run(
        *("convert", "causal", "out", "--metadata", "owner.json", "--shard-bytes", 40),
        *("--quantize", "uint8", "--quantize-weights", "float16=*/kernel"),
    )
    assert answer.status == 0, answer.err
    content = json.loads((tmp_path / "out" / "model.json").read_text())
    assert content["userDefinedMetadata"] == {"owner": "me"}
    (group,) = content["weightsManifest"]
    assert len(group["paths"]) > 1
    quantized = {
        weight["name"] == "dense/kernel": weight["quantization"]["dtype"]
        for weight in group["weights"]
        if "quantization" in weight
    }
    assert quantized == {True: "float16", False: "uint8"}
    files = list((tmp_path / "out").iterdir())
    assert f"{sum(file.stat().st_size for file in files):,} bytes in {len(files)} files" in (
        answer.out
    )
    assert "matrix-band-part" in answer.out and "mask" in answer.out
    assert "const model = await tf.loadGraphModel('out/model.json');" in answer.out
    assert "const [first, second] = model.execute({ x: tf.zeros([4, 4])" in answer.out


def test_a_frozen_graph_is_converted_and_verified(run, tmp_path):
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [None, 2], name="in/x")
        tf.nn.relu(tf.matmul(x, tf.constant([[1.0], [2.0]])), name="out/y")
        tf.negative(x, name="other")
    (tmp_path / "net.pb").write_bytes(graph.as_graph_def().SerializeToString())
    answer = run("convert", "net.pb", "out", "--output", "out/y", "--output", "nope")
    assert answer.status == 2
    assert "'nope'" in answer.err and "'out/y', 'other'" in answer.err
    answer = run(
        *("convert", "net.pb", "out", "--output", "out/y", "--verify", "-b", "cpu", "-n", 5),
        *("--json", "report.json"),
    )
    assert answer.status == 0, answer
    assert "const output = model.execute({ 'in/x': tf.zeros([1, 2]) }, ['out/y']);" in answer.out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["models"][0]["backends"][0]["verdict"] == "pass"


def test_custom_layers_are_read_from_a_python_file(run, tmp_path):
    from tfjs_verify.model import load_custom_objects

    (tmp_path / "layers.py").write_text(
        "import keras\n"
        "class Doubling(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2.0 * x\n"
    )
    import keras

    doubling = load_custom_objects(tmp_path / "layers.py")["Doubling"]
    keras.Sequential([keras.Input((3,)), doubling()]).save(tmp_path / "m.keras")
    answer = run("convert", "m.keras", "out")
    assert answer.status == 2 and "--custom-objects" in answer.err
    assert run("convert", "m.keras", "out", "--custom-objects", "layers.py").status == 0


def test_a_layer_of_ones_own_is_converted_and_then_verified(run):
    example = ROOT / "examples" / "custom_layer"
    model = (example / "daylight.keras", "--custom-objects", example / "layers.py")
    module = ("--js-module", example / "layers.mjs")
    cases = ("-b", "cpu", "-n", 5, "--input", "day=float 0..365")
    answer = run("convert", *model, "out", "--format", "layers")
    assert answer.status == 1
    assert "Snake" in answer.err and "--js-module" in answer.err
    answer = run("convert", *model, "out", "--format", "layers", *module)
    assert answer.status == 0, answer
    assert "import { register } from" in answer.out
    assert run("verify", *model, "--artifact", "out", *module, *cases).status == 0
    wrong = ("--js-module", example / "wrong.mjs")
    assert run("verify", *model, "--artifact", "out", *wrong, *cases).status == 1
    assert run("verify", *model, "--format", "layers", *module, *cases).status == 0


def test_the_users_files_stay(run, models, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for directory in ("thesis", "file", "file/below"):
        answer = run("convert", models / "plain", directory)
        assert answer.status == 2, answer
        assert directory.partition("/")[0] in answer.err
        assert answer.out == ""
    assert (tmp_path / "thesis" / "thesis.txt").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["file", "thesis"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["-n", 3], "--verify"),
        (["--json", "r.json"], "--verify"),
        (["--quantize-weights", "uint8"], "DTYPE=GLOB"),
        (["--quantize-weights", "int4=*"], "float16, uint16, uint8"),
        (["--quantize-weights", "uint8=*nothing*"], "No weight is called '*nothing*'"),
        (["--quantize", "uint8", "--quantize-weights", "uint8=*"], "leave out its globs"),
        (["--verify", "--quantization-budget", "1%"], "add --quantize or --quantize-weights"),
        (["--metadata", "no.json"], "no.json"),
        (["--metadata", "list.json"], "no JSON object"),
        (["--metadata", "taken.json"], "'signature'"),
        (["--output", "y"], "no frozen graph"),
        (["--tags", "train,gpu"], "those it has: serve"),
        (["--signature", "nope"], "serving_default"),
        (["--structured-output-names", "--format", "layers"], "graph format only"),
        (["--shard-bytes", 0], "shard-bytes"),
        (["--js-module", "none.mjs"], "none.mjs"),
        (["--js-module", "throws.mjs"], "register(tf) threw: no luck"),
        (["--js-module", "nothing.mjs"], "registered no op"),
    ],
)
def test_what_cannot_be_asked(run, models, tmp_path, words, part):
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "taken.json").write_text('{"signature": {}}')
    (tmp_path / "throws.mjs").write_text("export function register() { throw Error('no luck'); }")
    (tmp_path / "nothing.mjs").write_text("export function register() {}")
    answer = run("convert", models / "plain", "out", *words)
    assert answer.status == 2, answer
    assert part in answer.err
    assert not (tmp_path / "out").exists()


def test_an_artifact_without_a_directory_lives_as_long_as_it_is_referred_to():
    import gc

    import tensorflow as tf

    import tfjs_verify as tv

    @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
    def doubled(x):
        return {"y": 2.0 * x}

    artifact = tv.convert(doubled)
    with tv.TFJS(artifact, backend="cpu") as candidate:
        y = candidate.run({"x": np.ones((1, 2), np.float32)})["y"]
    assert y.tolist() == [[2.0, 2.0]]
    directory = artifact.directory
    assert directory.is_dir()
    del artifact, candidate
    gc.collect()
    assert not directory.parent.exists()
