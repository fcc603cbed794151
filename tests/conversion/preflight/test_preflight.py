"""What keeps models from TensorFlow.js, and what takes care of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.conftest import DIGITS
from tfjs_verify.bridge.installation import provision
from tfjs_verify.conversion import op_list
from tfjs_verify.conversion.preflight import preflight
from tfjs_verify.conversion.preflight.audit import audit
from tfjs_verify.conversion.preflight.executors import Executors
from tfjs_verify.errors import EnvironmentProblem
from tfjs_verify.model import open_model


@pytest.fixture(scope="module")
def executors():
    return Executors(provision().modules)


@pytest.fixture(scope="session")
def kernels(nodes):
    return {backend: nodes.start(backend).kernels() for backend in ("node", "wasm", "cpu")}


@pytest.fixture(scope="module")
def check(kernels, worker):
    def check(source, **options):
        with open_model(source) as model:
            found = preflight(model, kernels, provision().modules, worker=worker, **options)
        json.dumps(found.as_json(), allow_nan=False)
        return found

    return check


def module(function, *specs):
    import tensorflow as tf

    return tf.function(function, input_signature=[tf.TensorSpec(*spec) for spec in specs])


def about(found, subject):
    return [finding for finding in found.findings if finding.subject == subject]


def test_the_sources_say_which_kernels_an_op_needs(executors):
    needed = {op: execution.kernels for op, execution in executors.by_op.items()}
    assert needed["Einsum"] == {"Einsum"}
    assert needed["_FusedConv2D"] == {"FusedConv2D"}
    assert needed["Abs"] == {"Abs"}
    assert needed["RealDiv"] == {"RealDiv"}
    assert {"FFT", "Real", "Imag"} <= needed["RFFT"]
    assert needed["Shape"] == needed["While"] == frozenset()


def test_the_sources_say_which_ops_a_model_may_hold(executors):
    assert len(executors.registered) > 200
    assert "RaggedGather" not in executors.registered
    assert "RaggedGather" in executors.by_op
    assert op_list.executable_ops() - executors.registered <= {
        "SimpleMLCreateModelResource",
        "SimpleMLInferenceOpWithHandle",
        "SimpleMLLoadModelFromPathWithHandle",
    }


def test_every_op_that_may_be_held_is_understood(executors):
    unknown = executors.registered - executors.by_op.keys()
    assert unknown == set()


def test_sources_that_are_not_there(tmp_path):
    with pytest.raises(EnvironmentProblem, match="tfjs-verify setup"):
        Executors(tmp_path)


def test_the_audit_finds_what_is_known_to_be_wrong(executors):
    from tensorflow.python.framework import op_def_registry

    flaws = {
        op: audit(entry, op_def_registry.get(op), executors.by_op.get(op))
        for op, entry in op_list.entries().items()
    }
    assert {op for op, each in flaws.items() if each.always} == {
        "BitwiseAnd",
        "EnsureShape",
        "FakeQuantWithMinMaxVars",
        "MatrixBandPart",
        "RandomUniformInt",
    }
    assert {op for op, each in flaws.items() if each.possibly} == {"RFFT", "IRFFT"}
    ignored = {(op, each.attribute): each.assumed for op in flaws for each in flaws[op].ignored}
    assert ignored["OneHot", "axis"] == -1
    assert ignored["FusedBatchNormV3", "is_training"] is False
    assert ignored["Conv2DBackpropInput", "dilations"] == [1, 1, 1, 1]


def test_what_repairs_take_care_of_does_not_stand_in_the_way(check):
    import tensorflow as tf

    @tf.function(
        input_signature=[
            tf.TensorSpec([4, 4], name="x"),
            tf.TensorSpec([3], tf.int64, name="i"),
        ]
    )
    def serve(x, i):
        masked = tf.linalg.band_part(x, -1, 0, name="mask")
        return {"y": tf.einsum("ij,jk->ik", masked, x), "z": tf.one_hot(i, 4, axis=0)}

    found = check(serve)
    assert found.clear
    (band,), (einsum,), (one_hot,) = (
        about(found, op) for op in ("MatrixBandPart", "Einsum", "OneHot")
    )
    assert band.repairs == ("matrix-band-part",)
    assert any("mask" in node for node in band.nodes)
    assert (einsum.backends, einsum.repairs) == (("wasm",), ("einsum",))
    assert "axis=0" in one_hot.message and one_hot.repairs
    assert any("'i' is int32" in finding.message for finding in about(found, "int64"))
    stock = check(serve, repair=False)
    assert {finding.subject for finding in stock.findings if finding.stands} == {
        "MatrixBandPart",
        "Einsum",
        "OneHot",
    }


def test_an_op_that_nothing_has_stands_in_the_way_unless_javascript_registers_it(check):
    import tensorflow as tf

    serve = module(lambda x: {"y": tf.linalg.svd(x, compute_uv=False, name="mine")}, ([2, 2],))
    (svd,) = about(check(serve), "Svd")
    assert svd.stands and "mine" in svd.nodes[0]
    found = check(serve, custom=True)
    assert found.clear
    assert about(found, "Svd")[0].level == "note"


def test_kernels_that_differ_are_named_per_backend(check):
    import tensorflow as tf

    text = ([None], tf.string, "x")
    (equal,) = about(check(module(lambda x: {"y": tf.equal(x, "yes")}, text)), "Equal")
    assert equal.stands and equal.backends == ("wasm",)
    assert not about(check(module(lambda x: {"y": tf.equal(x, 1)}, ([3], tf.int32, "x"))), "Equal")
    labels = module(lambda i: {"y": tf.gather(["a", "b"], i)}, ([3], tf.int32, "i"))
    (gather,) = about(check(labels, repair=False), "GatherV2")
    assert gather.stands and gather.backends == ("node", "wasm", "cpu")
    (guard,) = (finding for finding in check(labels).findings if finding.stands)
    assert guard.subject == "StaticRegexReplace" and guard.backends == ("wasm",)
    assert not about(
        check(module(lambda x: {"y": tf.gather(x, 1)}, ([3], tf.float32, "x"))), "GatherV2"
    )
    replaced = check(module(lambda x: {"y": tf.strings.regex_replace(x, "a", "b")}, text))
    hashed = check(module(lambda x: {"y": tf.strings.to_hash_bucket_fast(x, 9)}, text))
    for found, op, backends in (
        (replaced, "StaticRegexReplace", ("wasm",)),
        (hashed, "StringToHashBucketFast", ("node",)),
    ):
        (kernel,) = about(found, op)
        assert kernel.stands and kernel.backends == backends

    def serve(x):
        boxes = tf.image.crop_and_resize(x, [[0, 0, 1, 1]], [0], [5, 5])
        fused = tf.nn.relu(
            tf.nn.bias_add(tf.nn.conv2d(x, tf.ones([1, 1, 3, 2]), 1, "SAME"), [0, 1])
        )
        return {"crops": tf.nn.relu6(boxes), "fused": fused, "alone": tf.nn.relu(x)}

    found = check(module(serve, ([1, 8, 8, 3], tf.float32, "x")))
    assert found.clear
    (crop,), (relu6,), (relu,) = (about(found, op) for op in ("CropAndResize", "Relu6", "Relu"))
    assert (crop.level, crop.backends) == ("risk", ("cpu",)) and "float64" in crop.message
    assert (relu6.level, relu6.backends) == ("note", ("wasm",)) and "NaN" in relu6.message
    assert relu.backends == ("wasm",) and len(relu.nodes) == 1


def test_models_that_run_have_a_clear_way(check):
    import keras

    assert check(DIGITS / "digits.keras").clear
    x = keras.Input((6, 4))
    y = keras.layers.MultiHeadAttention(2, 2)(x, x, use_causal_mask=True)
    y = keras.layers.LSTM(3)(keras.layers.LayerNormalization()(y))
    assert check(keras.Model(x, y)).clear


def test_what_a_quantisation_would_break(check):
    import tensorflow as tf

    generator = np.random.default_rng(0)
    kernel = generator.normal(size=(64, 8)).astype(np.float32)
    outlier, overflow, infinite = kernel.copy(), kernel.copy(), kernel.copy()
    outlier[0, 0], overflow[0, 0], infinite[0, 0] = 1e4, 1e5, np.inf
    variables = {
        name: tf.Variable(value, name=name)
        for name, value in (
            ("fine", kernel),
            ("outlier", outlier),
            ("overflow", overflow),
            ("infinite", infinite),
        )
    }

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.variables_of_mine = list(variables.values())

        @tf.function(input_signature=[tf.TensorSpec([1, 64], name="x")])
        def __call__(self, x):
            masked = tf.where(x > 0, x, tf.constant([[-1e9]]))
            logits = {name: tf.matmul(masked, value) for name, value in variables.items()}
            return {**logits, "normal": x / (tf.abs(x) + 1e-12)}

    found = check(Module())
    assert found.clear
    harm = {
        (finding.subject, finding.message.split(":")[0]): finding
        for finding in found.findings
        if finding.kind == "weight"
    }
    assert not any(subject == "fine" for subject, _ in harm)
    assert ("outlier", "as uint8") in harm and ("outlier", "as float16") not in harm
    assert "infinite" in harm["overflow", "as float16"].message
    assert "not finite" in harm["infinite", "as uint16"].message
    assert any("become 0" in f.message for (_, d), f in harm.items() if d == "as float16")
    asked = check(Module(), quantize=("float16",))
    assert asked.clear
    assert all(f.repairs for f in asked.findings if f.subject in ("overflow", "infinite"))
    assert not check(Module(), quantize=("float16",), repair=False).clear
