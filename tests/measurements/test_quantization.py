"""Quantised artifacts are judged in two steps."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tfjs_verify as tv
from tests.conftest import DIGITS
from tfjs_verify.errors import RequestError
from tfjs_verify.measurements.quantization import parse_budget

MODEL = DIGITS / "digits.keras"


@pytest.fixture(scope="module", params=["float16", "uint16", "uint8"])
def quantized(request, worker, tmp_path_factory):
    directory = tmp_path_factory.mktemp("quantized") / request.param
    with tv.open_model(MODEL) as model:
        return tv.convert(model, directory, quantization=request.param, worker=worker)


def test_a_healthy_one_is_not_failed_for_being_quantised(quantized, nodes):
    report = tv.verify(
        MODEL, artifact=quantized.directory, data=[DIGITS / "cases"], examples=10, nodes=nodes
    )
    assert report.verdict == "pass"
    (model,) = report.models
    effect = model.quantization
    assert effect.within
    assert effect.outputs[0].scaled_error > 1e-5 or "16" in quantized.quantization
    assert effect.decisions[0].kind == "top-1"
    for backend in model.backends:
        assert backend.outputs[0].scaled_error < 1e-5


def test_a_fault_does_not_hide_behind_quantisation(quantized, nodes, tmp_path):
    """The artifact that runs is not the one that is replayed: a kernel fault, as seen from here."""
    from tfjs_verify.cases import load_cases
    from tfjs_verify.measurements.parity import measure_parity
    from tfjs_verify.runtimes import TFJS
    from tfjs_verify.runtimes.replay import ArtifactReplay

    document = json.loads(quantized.model_json.read_text())
    bias = next(
        node
        for node in document["modelTopology"]["node"]
        if node["op"] == "DepthwiseConv2dNative" or node["op"] == "FusedDepthwiseConv2dNative"
    )
    bias["attr"]["strides"] = {"list": {"i": ["1", "2", "2", "1"]}}
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in quantized.files[1:]:
        (broken / name).write_bytes((quantized.directory / name).read_bytes())
    (broken / "model.json").write_text(json.dumps(document))
    with tv.open_model(MODEL) as model, ArtifactReplay(quantized) as replay:
        artifact = tv.load_artifact(broken, model.signature)
        with TFJS(artifact, session=nodes.start("cpu")) as candidate:
            data = load_cases([DIGITS / "cases"], model.signature)[:4]
            parity = measure_parity(replay, candidate, data=data, examples=0)
    assert not parity.candidates[0].agrees


def test_a_budget_that_is_exceeded_fails(quantized, nodes):
    options = {"artifact": quantized.directory, "backends": ["cpu"], "nodes": nodes}
    report = tv.verify(MODEL, examples=10, quantization_budget="1e-9", **options)
    assert report.verdict == "fail"
    assert any("budget is 1e-09" in f.message for f in report.models[0].backends[0].findings)
    assert not report.models[0].quantization.within


def test_a_destroyed_mask_is_named(nodes, worker, tmp_path):
    import tensorflow as tf

    class Masked(tf.Module):
        def __init__(self):
            super().__init__()
            self.mask = tf.Variable(np.array([0.0, -1e9, -1e9, 0.0], np.float32))

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
        def __call__(self, x):
            spread = tf.stack([x + self.mask, tf.zeros_like(x) + self.mask], axis=1)
            return {"y": spread - tf.reduce_max(self.mask) + 0.0 * tf.reduce_sum(x)}

    model = Masked()
    tf.saved_model.save(model, tmp_path / "masked", signatures=model.__call__)
    stock = tmp_path / "stock"
    with tv.open_model(tmp_path / "masked") as opened:
        tv.convert(opened, stock, quantization="float16", repair=False, worker=worker)
    report = tv.verify(
        tmp_path / "masked", artifact=stock, backends=["cpu"], examples=5, nodes=nodes
    )
    assert report.verdict == "fail"
    messages = [finding.message for finding in report.models[0].backends[0].findings]
    assert any("quantisation: output" in text and "destroyed" in text for text in messages)


@pytest.mark.parametrize("dtype", [None, "uint8"])
def test_a_weight_that_nobody_can_load_is_an_error_quantised_or_not(nodes, worker, tmp_path, dtype):
    import tensorflow as tf

    module = tf.Module()
    module.kernel = tf.Variable(np.ones((4, 3), np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def serve(x):
        small = tf.cast(tf.abs(x), tf.uint8) + tf.constant([1, 2, 3, 4], tf.uint8)
        return {"y": x @ module.kernel, "small": tf.cast(small, tf.float32)}

    tf.saved_model.save(module, tmp_path / "model", signatures=serve)
    words = {"backends": ["wasm"], "examples": 2, "nodes": nodes, "worker": worker}
    report = tv.verify(tmp_path / "model", quantize=dtype, repair=False, **words)
    (backend,) = report.models[0].backends
    assert (report.verdict, backend.stage) == ("error", "load")
    assert "Unsupported dtype in weight" in backend.message


@pytest.mark.parametrize("text", ["much", "-1", "120%", "nan", ""])
def test_a_budget_that_is_none_is_refused(text):
    with pytest.raises(RequestError, match="quantisation budget"):
        parse_budget(text)


def test_budgets_read_both_ways():
    assert str(parse_budget("0.01")) == "0.01 of the scale"
    assert str(parse_budget("1%")) == "1 % of the decisions"
