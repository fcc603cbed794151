from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import tfjs_verify as tv
from tfjs_verify.artifact.files import read_model_json
from tfjs_verify.artifact.weights import read_weights, write_weights
from tfjs_verify.conversion import convert
from tfjs_verify.errors import ExecutionError, LoadError
from tfjs_verify.runtimes import TFJS, TensorFlow
from tfjs_verify.runtimes.replay import ArtifactReplay


def cases(model, batches=(2, 1)):
    rng = np.random.default_rng(3)
    for batch in batches:
        yield {
            spec.name: rng.normal(size=[size or batch for size in spec.shape]).astype(spec.dtype)
            for spec in model.signature.inputs
        }


def assert_replays(model, artifact):
    with TensorFlow(model) as reference, ArtifactReplay(artifact) as replay:
        for case in cases(model):
            expected, actual = reference.run(case), replay.run(case)
            assert expected.keys() == actual.keys()
            for name, array in expected.items():
                np.testing.assert_allclose(actual[name], array, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def convolutional():
    """A graph whose contractions are all fused, with an activation of every kind."""
    import keras

    keras.utils.set_random_seed(5)
    layers = keras.layers
    x = image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(6, 3, bias_initializer="normal", activation="relu6", strides=2)(x)
    x = layers.DepthwiseConv2D(3, bias_initializer="normal", activation="elu", padding="same")(x)
    x = layers.LeakyReLU(negative_slope=0.3)(layers.Conv2D(4, 1, bias_initializer="normal")(x))
    x = layers.Dense(5, activation="sigmoid", bias_initializer="normal")(layers.Flatten()(x))
    return keras.Model(image, {"scores": layers.Dense(3, bias_initializer="normal")(x)})


@pytest.fixture(scope="module")
def converted(convolutional, tmp_path_factory, worker):
    with tv.open_model(convolutional) as model:
        yield model, convert(model, tmp_path_factory.mktemp("replay") / "artifact", worker=worker)


def test_fused_ops_are_computed_as_what_they_are_fused_of(converted):
    model, artifact = converted
    nodes = read_model_json(artifact.directory)["modelTopology"]["node"]
    ops = {node["op"] for node in nodes}
    assert {"_FusedConv2D", "FusedDepthwiseConv2dNative", "_FusedMatMul"} <= ops
    assert_replays(model, artifact)


def test_any_node_can_be_asked_for_and_fed(converted):
    model, artifact = converted
    case = next(cases(model))
    nodes = read_model_json(artifact.directory)["modelTopology"]["node"]
    middle = next(node["name"] for node in nodes if node["op"] == "FusedDepthwiseConv2dNative")
    with ArtifactReplay(artifact) as replay:
        both = replay.run(case, outputs=["scores", middle])
        again = replay.run({middle: both[middle]}, outputs=["scores"])
        np.testing.assert_allclose(again["scores"], both["scores"], rtol=1e-6)
        with pytest.raises(ExecutionError, match="no such node"):
            replay.run(case, outputs=["no such node"])
        assert len(replay.time(case, warmup=0, repetitions=2).samples_ms) == 2


@pytest.mark.parametrize("quantization", ["float16", "uint16", "uint8"])
def test_quantised_weights_are_those_that_tensorflow_js_computes_with(
    convolutional, quantization, nodes, worker, tmp_path
):
    with tv.open_model(convolutional) as model:
        artifact = convert(model, tmp_path / "q", quantization=quantization, worker=worker)
        with (
            TFJS(artifact, session=nodes.start("cpu")) as candidate,
            ArtifactReplay(artifact) as replay,
            TensorFlow(model) as reference,
        ):
            case = next(cases(model))
            actual, expected = candidate.run(case)["scores"], replay.run(case)["scores"]
            np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=2e-6)
            assert np.abs(reference.run(case)["scores"] - expected).max() > 1e-5


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_loops_in_functions(kind, worker, tmp_path):
    import keras

    keras.utils.set_random_seed(6)
    x = keras.Input((5, 3), name="x")
    layer = getattr(keras.layers, kind)(4, bias_initializer="normal", return_sequences=True)
    with tv.open_model(keras.Model(x, layer(x))) as model:
        artifact = convert(model, tmp_path / "artifact", worker=worker)
        assert_replays(model, artifact)
        with ArtifactReplay(artifact), ArtifactReplay(artifact):
            pass  # two graphs whose functions have the same names


def test_later_outputs_in_functions_are_found_by_their_number(worker, tmp_path):
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None, 4], name="x")], autograph=False)
    def ranked(x):
        def largest(v):
            return tf.cast(tf.math.top_k(v, 2)[1], tf.float32)

        return {"y": tf.cond(tf.reduce_sum(x) > 0, lambda: largest(x), lambda: largest(-x))}

    with tv.open_model(ranked) as model:
        artifact = convert(model, tmp_path / "artifact", worker=worker)
        assert "numbered-outputs" in [repair.name for repair in artifact.repairs]
        assert_replays(model, artifact)


def test_lookup_tables_are_filled(worker, tmp_path):
    import tensorflow as tf

    class Lookup(tf.Module):
        def __init__(self):
            fill = tf.lookup.KeyValueTensorInitializer(["a", "b"], [1.5, 2.5])
            self.table = tf.lookup.StaticHashTable(fill, -1.0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
        def serve(self, word):
            return {"y": 2 * self.table.lookup(word)}

    module = Lookup()
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.serve)
    with tv.open_model(str(tmp_path / "saved")) as model:
        artifact = convert(model, tmp_path / "artifact", worker=worker)
        with ArtifactReplay(artifact) as replay:
            for _ in range(2):
                answer = replay.run({"word": np.array([b"b", b"?", b"a"], dtype=object)})
                assert answer["y"].tolist() == [5.0, -2.0, 3.0]


def test_a_changed_topology_is_what_runs(converted, tmp_path):
    model, artifact = converted
    content = read_model_json(artifact.directory)
    for node in content["modelTopology"]["node"]:
        if node["op"] == "_FusedMatMul" and len(node["attr"]["fused_ops"]["list"]["s"]) == 2:
            node["attr"]["fused_ops"]["list"]["s"][1] = [84, 97, 110, 104]  # as older converters do
    for node in content["modelTopology"]["node"]:
        node["attr"]["empty"] = {}  # left by tools that only looked whether it is there
    weights = read_weights(artifact.directory, content)
    content["weightsManifest"] = write_weights(tmp_path, weights)
    (tmp_path / "model.json").write_text(json.dumps(content))
    changed = dataclasses.replace(artifact, directory=tmp_path)
    case = next(cases(model))
    with ArtifactReplay(artifact) as before, ArtifactReplay(changed) as after:
        assert np.abs(before.run(case)["scores"] - after.run(case)["scores"]).max() > 1e-3


def test_what_tensorflow_cannot_replay_is_refused(converted, tmp_path):
    _, artifact = converted
    content = read_model_json(artifact.directory)
    content["weightsManifest"] = write_weights(tmp_path, read_weights(artifact.directory, content))
    content["modelTopology"]["node"][-1]["op"] = "NobodysOp"
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(LoadError, match="NobodysOp"):
        ArtifactReplay(dataclasses.replace(artifact, directory=tmp_path))
    content["weightsManifest"][0]["weights"][0] |= {"name": "odd", "dtype": "uint8"}
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(LoadError, match="'odd' is uint8, which TensorFlow"):
        ArtifactReplay(dataclasses.replace(artifact, directory=tmp_path))
    with pytest.raises(LoadError, match="layers model"):
        ArtifactReplay(dataclasses.replace(artifact, format="layers"))
