"""What TensorFlow.js cannot hold: large integers, other floats, and quantised weights."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfjs_verify.conversion import convert
from tfjs_verify.conversion.quantizing import plan_quantization
from tfjs_verify.errors import ConversionError
from tfjs_verify.model import open_model
from tfjs_verify.runtimes.tfjs import TFJS


@pytest.fixture
def converted(tmp_path, worker):
    """Converts a function of one input `x` of shape [3, 4]."""

    def converted(function, dtype=tf.float32, **options):
        module = tf.Module()
        module.serve = tf.function(
            lambda x: {"y": function(x)}, input_signature=[tf.TensorSpec([3, 4], dtype, "x")]
        )
        concrete = module.serve.get_concrete_function()
        tf.saved_model.save(module, str(tmp_path / "model"), signatures=concrete)
        with open_model(tmp_path / "model") as model:
            return convert(model, tmp_path / "out", worker=worker, **options)

    return converted


def test_computing_with_integers_beyond_int32_is_refused_by_node(converted):
    with pytest.raises(ConversionError, match="no integers beyond int32") as caught:
        converted(lambda x: (x + 5_000_000_000) % 1000, tf.int64)
    assert all(op.startswith("Const (") for op in caught.value.ops)


def test_a_limit_beyond_int32_stops_at_its_end_and_is_told(converted):
    artifact = converted(lambda x: tf.minimum(x, 5_000_000_000)[: 2**62], tf.int64)
    assert "saturated-constants" in [repair.name for repair in artifact.repairs]


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_computing_in_other_floats_is_told(converted, dtype):
    artifact = converted(lambda x: tf.cast(tf.tanh(tf.cast(x, dtype)), tf.float32))
    (repair,) = (r for r in artifact.repairs if r.name == f"{dtype}-as-float32")
    assert len(repair.nodes) == 1


def test_brain_floats_are_computed_as_float32(converted, nodes):
    kernel = np.arange(8, dtype=np.float32).reshape(4, 2)

    def mixed(x):
        product = tf.cast(x, tf.bfloat16) @ tf.cast(kernel, tf.bfloat16)
        return tf.cast(tf.cond(product[0, 0] > 0, lambda: product, lambda: -product), tf.float32)

    artifact = converted(mixed)
    (repair,) = (r for r in artifact.repairs if r.name == "bfloat16-as-float32")
    assert any("MatMul" in node or "matmul" in node for node in repair.nodes)
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    for backend in ("node", "wasm", "cpu"):
        with TFJS(artifact, session=nodes.start(backend)) as runtime:
            np.testing.assert_array_equal(runtime.run({"x": values})["y"], values @ kernel)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint32"])
def test_other_integers_are_int32_to_javascript(converted, nodes, dtype):
    artifact = converted(lambda x: tf.cast(tf.cast(x, dtype), tf.float32) * 2)
    values = np.arange(12, dtype=np.float32).reshape(3, 4) + 0.5
    with TFJS(artifact, session=nodes.start("cpu")) as runtime:
        np.testing.assert_array_equal(runtime.run({"x": values})["y"], np.floor(values) * 2)


def test_moving_other_floats_about_is_nothing_to_tell(converted):
    artifact = converted(lambda x: tf.cast(tf.reshape(tf.cast(x, tf.float64), [4, 3]), tf.float32))
    assert artifact.repairs == ()


def test_weights_that_quantisation_would_spoil_stay_and_are_named(converted):
    kernel = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    large = np.full([8], 70000, np.float32)
    large[0] = 1.0
    artifact = converted(lambda x: (x @ kernel + large) * -1e9, quantization="float16")
    (repair,) = (r for r in artifact.repairs if r.name == "quantization-exemption")
    assert len(repair.nodes) == 2


FINE = np.linspace(-1, 1, 6, dtype=np.float32)


@pytest.mark.parametrize(
    ("value", "float16", "uint8"),
    [
        (FINE, True, True),
        (np.zeros(6, np.float32), True, True),
        (FINE * 70000, False, True),
        (FINE * 1e-6, False, True),
        (np.float32(0.5), False, False),
        (np.array([1, np.inf], np.float32), False, False),
        (np.array([1, np.nan], np.float32), False, False),
    ],
)
def test_what_survives_depends_on_the_dtype(value, float16, uint8):
    for dtype, survives in (("float16", float16), ("uint8", uint8)):
        plan = plan_quantization([("w", np.asarray(value))], {dtype: ["*"]})
        assert plan.by_dtype == ({dtype: ["w"]} if survives else {})
        assert (plan.exempt is None) == survives


def test_globs_choose_among_floats_and_the_first_that_fits_wins():
    weights = [("a/kernel", FINE), ("b/kernel", FINE), ("steps", np.arange(3, dtype=np.int32))]
    plan = plan_quantization(weights, {"uint8": ["a/*"], "float16": ["*"]})
    assert plan.by_dtype == {"uint8": ["a/kernel"], "float16": ["b/kernel"]}
    assert plan_quantization(weights, {}).by_dtype is None
