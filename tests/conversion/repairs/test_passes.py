"""Folding, fusing and loops: on the backend where the stock converter's result fails."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest
import tensorflow as tf

from tests.conversion.repairs.needed import (
    BIAS,
    DEPTHWISE,
    IMAGE,
    KERNEL,
    PASSES,
    ROWS,
    convolved,
    floats,
    mapped,
    normalized,
)
from tfjs_verify.conversion import convert
from tfjs_verify.errors import TfjsVerifyError
from tfjs_verify.model import open_model
from tfjs_verify.runtimes.tfjs import TFJS


@pytest.fixture(scope="module")
def repaired(together):
    runs = {}
    for backend in ("cpu", "wasm"):
        group = {n: (f, (a,), True) for n, (_, b, f, a) in PASSES.items() if b == backend}
        runs |= together(backend, group).runs
    return runs


@pytest.mark.parametrize("name", PASSES)
def test_what_the_stock_passes_spoil_is_right(name, repaired):
    assert PASSES[name][0] in repaired[name].repairs
    assert repaired[name].agrees


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSES)
def test_the_stock_passes_spoil_it(name, run_on):
    _, backend, function, argument = PASSES[name]
    with suppress(TfjsVerifyError):  # refused by the converter, or by the backend; or else wrong:
        assert not run_on(backend, function, argument, repair=False, control_flow="v2").agrees


FUSED = {
    "vector bias": (lambda x: tf.nn.bias_add(convolved(x), BIAS), IMAGE),
    "normalisation": (lambda x: tf.nn.relu(normalized(convolved(x))), IMAGE),
    "normalisation of biased": (lambda x: normalized(tf.nn.bias_add(convolved(x), BIAS)), IMAGE),
    "depthwise": (
        lambda x: tf.nn.relu6(
            tf.nn.bias_add(tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, 2, 2, 1], "SAME"), BIAS[:4])
        ),
        IMAGE,
    ),
    "leaky": (lambda x: tf.nn.leaky_relu(tf.nn.bias_add(x @ KERNEL[0, 0], BIAS), 0.1), ROWS),
    "elu": (lambda x: tf.nn.elu(tf.nn.bias_add(convolved(x), BIAS)), IMAGE),
    "sigmoid": (lambda x: tf.sigmoid(tf.nn.bias_add(x @ KERNEL[0, 0], BIAS)), ROWS),
}


def test_what_every_backend_can_is_one_op_and_no_repair(together):
    fused = together("wasm", {n: (f, (a,), True) for n, (f, a) in FUSED.items()})
    assert all(run.repairs == () and run.agrees for run in fused.runs.values())
    content = json.loads((fused.directory / "out" / "model.json").read_text())
    ops = [node["op"] for node in content["modelTopology"]["node"]]
    assert sorted(set(ops) - {"Const", "Placeholder", "Identity"}) == [
        "FusedDepthwiseConv2dNative",
        "_FusedConv2D",
        "_FusedMatMul",
    ]
    assert len([op for op in ops if "Fused" in op]) == len(FUSED)


def test_a_slope_is_not_lost_in_a_depthwise_convolution(together):
    def leaky(x):
        y = tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, 1, 1, 1], "SAME")
        return tf.nn.leaky_relu(tf.nn.bias_add(y, BIAS[:4]), 0.3)

    (run,) = together("cpu", {"leaky": (leaky, (IMAGE,), True)}).runs.values()
    assert run.agrees
    assert {"FusedDepthwiseConv2dNative", "LeakyRelu"} <= run.operations


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory, worker):
    """A model of recurrent layers, converted; its input, and what Keras answers."""
    import keras

    sequence = keras.Input((6, 4))
    hidden = keras.layers.LSTM(5, return_sequences=True)(sequence)
    hidden = keras.layers.GRU(4, return_sequences=True)(hidden)
    model = keras.Model(sequence, keras.layers.SimpleRNN(3)(hidden))
    values = floats(3, 6, 4)
    with open_model(model) as opened:
        artifact = convert(opened, tmp_path_factory.mktemp("recurrent") / "out", worker=worker)
    return artifact, values, model(values).numpy()


@pytest.mark.parametrize("backend", ["node", "wasm", "cpu"])
def test_recurrent_layers_run_everywhere(backend, recurrent, sessions):
    artifact, values, expected = recurrent
    assert "control-flow" in [repair.name for repair in artifact.repairs]
    (name,) = artifact.inputs
    with TFJS(artifact, session=sessions(backend)) as runtime:
        (given,) = runtime.run({name: values}).values()
    np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("backend", ["node", "wasm", "cpu"])
def test_what_a_loop_writes_to_a_list_is_still_there_behind_it(backend, run_on):
    run = run_on(backend, mapped, ROWS)
    assert run.repairs == ("loop-list-items", "control-flow")
    assert run.agrees
