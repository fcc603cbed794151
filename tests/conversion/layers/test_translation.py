"""Keras models as layers models: each says the same in TensorFlow.js or is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.corpus.layer_models import LayerModel, layer_models, randomise
from tfjs_verify.artifact import Artifact
from tfjs_verify.conversion import convert
from tfjs_verify.errors import ConversionError
from tfjs_verify.model import open_model
from tfjs_verify.runtimes import TFJS, NodePool, TensorFlow
from tfjs_verify.tolerance import default_tolerance

CORPUS = {entry.name: entry for entry in layer_models()}

EQUAL = (
    "dense_gelu", "activation_hard_silu", "relu_all", "elu_alpha", "softmax_axis", "prelu_shared",
    "conv1d_causal_dilated", "conv1d_transpose_same", "depthwise_conv1d_multiplier",
    "separable_conv2d_same", "max_pooling3d_same", "global_average_pooling2d_keepdims",
    "batch_normalization_axis_1", "group_normalization", "normalization", "lstm_sequences",
    "gru_reset_before", "bidirectional_sum", "rnn_stacked", "time_distributed_conv2d",
    "conv_lstm1d", "multi_head_attention", "causal_attention", "subtract_operator",
    "up_sampling3d", "zero_padding3d", "cropping1d", "center_crop", "category_encoding_count",
    "lstm_initial_state", "lstm_return_state", "inputs_out_of_order", "outputs_as_dict",
    "shared_layer", "nested_models", "sequential", "transformer_block", "random_flip",
)  # fmt: skip
"""One of each kind of translation; `python -m tests.corpus.run --layers` runs them all."""

REFUSED = {
    "activation_exponential": ("activation", "activation='exponential'"),
    "lambda": ("lambda", "no equal"),
    "conv2d_groups": ("conv2d", "groups=2"),
    "conv2d_transpose_output_padding": ("conv2d_transpose", "output_padding=(0, 0)"),
    "depthwise_conv2d_dilated": ("depthwise_conv2d", "dilation_rate"),
    "conv3d_transpose": ("conv3d_transpose", "wasm"),
    "up_sampling2d_bilinear": ("up_sampling2d", "interpolation='bilinear'"),
    "resizing": ("resizing", "no equal"),
    "gru": ("gru", "reset_after=True"),
    "lstm_hard_sigmoid": ("lstm", "recurrent_activation='hard_sigmoid'"),
    "embedding_mask_zero_lstm": ("lstm", "mask"),
    "masking_gru": ("gru", "mask"),
    "softmax_masked": ("softmax", "mask"),
    "mixed_precision": ("dense", "float16"),
}


def converted(model: Any, directory: Path, **options: Any) -> Artifact:
    with open_model(model) as opened:
        return convert(opened, directory, format="layers", **options)


def assert_parity(
    model: Any, directory: Path, nodes: NodePool, *, integers: int = 10, **options: Any
) -> Artifact:
    """Converts and compares on every backend, with batches of one and of three."""
    with open_model(model) as opened:
        artifact = convert(opened, directory, format="layers", **options)
        with TensorFlow(opened) as reference:
            cases = []
            for batch in (1, 3):
                rng = np.random.default_rng(batch)
                inputs = {}
                for spec in opened.signature.inputs:
                    shape = [batch, *(4 if size is None else size for size in spec.shape[1:])]
                    whole = not spec.dtype.startswith("float")
                    drawn = rng.integers(0, integers, shape) if whole else rng.normal(0, 2, shape)
                    inputs[spec.name] = drawn.astype(spec.dtype)
                cases.append((inputs, reference.run(inputs)))
    assert set(artifact.outputs) == set(cases[0][1])
    for backend in ("cpu", "wasm", "node"):
        with TFJS(artifact, backend=backend, session=nodes.start(backend)) as runtime:
            for inputs, expected in cases:
                actual = runtime.run(inputs)
                for name, wanted in expected.items():
                    assert actual[name].shape == wanted.shape, (backend, name)
                    allowed = default_tolerance("float32").allowed(wanted)
                    assert (np.abs(actual[name] - wanted) <= allowed).all(), (backend, name)
    return artifact


@pytest.mark.parametrize("name", EQUAL)
def test_says_the_same(name: str, tmp_path: Path, nodes: NodePool) -> None:
    entry: LayerModel = CORPUS[name]
    assert_parity(entry.build(), tmp_path / "artifact", nodes, integers=7)


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_by_layer_and_option_before_anything_is_written(
    name: str, tmp_path: Path
) -> None:
    layer, reason = REFUSED[name]
    with pytest.raises(ConversionError) as caught:
        converted(CORPUS[name].build(), tmp_path / "artifact")
    message = caught.value.message
    assert message.startswith(f'layer "{layer}" (')
    assert reason in message
    assert "--format graph" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("nested", [False, True])
def test_training_mode_is_refused_where_it_outlives_training(
    nested: bool, tmp_path: Path, nodes: NodePool
) -> None:
    """tf_keras predicts with what a layer was called with, Keras 3 without."""
    import keras
    import tf_keras

    def trained(library: Any) -> Any:
        x = library.Input((3,))
        layer = library.layers.Dropout(0.5)
        if nested:
            layer = library.Sequential([library.Input((3,)), layer], name="inner")
        return library.Model(x, layer(x, training=True))

    with pytest.raises(ConversionError, match="training=True"):
        converted(trained(tf_keras), tmp_path / "legacy")
    assert_parity(trained(keras), tmp_path / "artifact", nodes)


def test_a_subclassed_model_is_refused(tmp_path: Path) -> None:
    import keras

    class Own(keras.Model):
        def call(self, x: Any) -> Any:
            return x * 2

    model = Own(name="own")
    model(np.ones((1, 3), np.float32))
    with pytest.raises(ConversionError, match=r'model "own" \(Own\) has no topology'):
        converted(model, tmp_path / "artifact")


def test_a_saved_model_is_refused(tmp_path: Path, models: Path) -> None:
    with pytest.raises(ConversionError, match="is no Keras model"):
        converted(models / "plain", tmp_path / "artifact")


def test_an_unknown_layer_is_refused(tmp_path: Path) -> None:
    import keras

    class Twice(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2

    x = keras.Input((3,))
    model = keras.Model(x, Twice(name="twice")(x))
    with pytest.raises(ConversionError, match=r'"twice" \(Twice\): it is a layer of your own'):
        converted(model, tmp_path / "artifact")


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_files_convert_like_models(ending: str, tmp_path: Path, nodes: NodePool) -> None:
    file = tmp_path / f"model{ending}"
    CORPUS["sequential"].build().save(file)
    artifact = assert_parity(file, tmp_path / "artifact", nodes)
    assert artifact.format == "layers"
    assert artifact.route == "keras → layers"


def test_names_are_the_signatures(tmp_path: Path, nodes: NodePool) -> None:
    artifact = assert_parity(CORPUS["outputs_as_dict"].build(), tmp_path / "artifact", nodes)
    assert artifact.inputs == {"x": "x"}
    assert artifact.outputs == {"beta": "to_beta", "mu": "to_mu", "zeta": "to_zeta"}


def test_an_input_without_a_name_is_found(tmp_path: Path, nodes: NodePool) -> None:
    import keras

    x = keras.Input((4,))
    artifact = assert_parity(
        keras.Model({"first": x}, keras.layers.Dense(2)(x)), tmp_path / "artifact", nodes
    )
    assert list(artifact.inputs) == [x.name]


def test_layers_keep_their_names_and_weights(tmp_path: Path) -> None:
    artifact = converted(CORPUS["up_sampling1d"].build(), tmp_path / "a")
    content = json.loads(artifact.model_json.read_text(encoding="utf-8"))
    layers = content["modelTopology"]["model_config"]["config"]["layers"]
    assert [layer["name"] for layer in layers] == ["x", "up_sampling1d"]
    assert [repair.name for repair in artifact.repairs] == ["composed-layers"]

    artifact = converted(CORPUS["batch_normalization_axis_1"].build(), tmp_path / "b")
    content = json.loads(artifact.model_json.read_text(encoding="utf-8"))
    weights = [weight["name"] for weight in content["weightsManifest"][0]["weights"]]
    names = ("beta", "gamma", "moving_mean", "moving_variance")
    assert sorted(weights) == [f"batch_normalization/{name}" for name in names]


def test_what_only_training_sees_is_said(tmp_path: Path) -> None:
    import keras

    x = keras.Input((4,))
    dense = keras.layers.Dense(3, kernel_regularizer="l2", kernel_constraint="max_norm", name="d")
    artifact = converted(keras.Model(x, dense(x)), tmp_path / "artifact")
    assert [(repair.name, repair.nodes) for repair in artifact.repairs] == [
        ("training-differs", ("d",))
    ]
    config = json.loads(artifact.model_json.read_text(encoding="utf-8"))["modelTopology"]
    options = config["model_config"]["config"]["layers"][1]["config"]
    assert options["kernel_regularizer"]["class_name"] == "L1L2"
    assert "kernel_constraint" not in options


def test_quantised_weights_load(tmp_path: Path, nodes: NodePool) -> None:
    artifact = converted(CORPUS["sequential"].build(), tmp_path / "artifact", quantization="uint8")
    assert artifact.quantization == "uint8"
    with TFJS(artifact, backend="cpu", session=nodes.start("cpu")) as runtime:
        answer = runtime.run({"image": np.ones((2, 8, 8, 1), np.float32)})
    assert answer["output_0"].shape == (2, 3)


def _legacy_conv(layers: Any) -> Any:
    return [layers.Conv2D(3, 3, activation="hard_sigmoid"), layers.BatchNormalization()]


def _legacy_recurrent(layers: Any) -> Any:
    lstm = layers.LSTM(3, recurrent_activation="hard_sigmoid", return_sequences=True)
    return [layers.TimeDistributed(layers.Flatten()), layers.Bidirectional(lstm)]


def _legacy_activations(layers: Any) -> Any:
    return [layers.LeakyReLU(alpha=0.15), layers.ThresholdedReLU(0.4), layers.UpSampling2D()]


@pytest.mark.parametrize("stack", [_legacy_conv, _legacy_recurrent, _legacy_activations])
def test_keras_2_says_the_same(
    stack: Callable[[Any], Any], tmp_path: Path, nodes: NodePool
) -> None:
    import tf_keras

    model = tf_keras.Sequential([tf_keras.Input((6, 7, 3), name="x"), *stack(tf_keras.layers)])
    rng = np.random.default_rng(0)
    for weight in model.weights:
        positive = "variance" in weight.name or "gamma" in weight.name
        shape = tuple(weight.shape)
        weight.assign(rng.uniform(0.5, 2, shape) if positive else rng.normal(0, 0.4, shape))
    assert_parity(model, tmp_path / "artifact", nodes)


def test_weights_that_are_randomised_matter() -> None:
    import keras

    x = keras.Input((4,))
    model = keras.Model(x, keras.layers.BatchNormalization()(x))
    randomise(model, seed=1)
    assert not np.allclose(model(np.ones((1, 4), np.float32)), 1.0, atol=1e-2)
