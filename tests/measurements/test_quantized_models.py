"""Three trained models in float16, uint16 and uint8: healthy ones pass, and faults do not hide."""

from __future__ import annotations

from contextlib import ExitStack
from random import Random

import numpy as np
import pytest

import tfjs_verify as tv
from tests.conftest import DIGITS
from tests.corpus.trained_models import trained_model
from tfjs_verify.artifact.contents import read_contents
from tfjs_verify.cases import parse_domain
from tfjs_verify.measurements.mutation import OPERATORS
from tfjs_verify.measurements.mutation.answers import Answers, detects
from tfjs_verify.measurements.mutation.planting import Nursery
from tfjs_verify.measurements.quantization import measure_quantization
from tfjs_verify.runtimes.replay import ArtifactReplay
from tfjs_verify.verification import Request
from tfjs_verify.verification.knowledge import get_to_know

DTYPES = ("float16", "uint16", "uint8")
WORDS, LENGTH, WIDTH = 20, 8, 8


def transformer(activation="elu"):
    """Attention with a mask of -1e9 and a norm with an epsilon of 1e-12; token 0 is padding."""
    import keras
    from keras import layers, ops

    keras.utils.set_random_seed(6)
    tokens = keras.Input((LENGTH,), dtype="int32", name="tokens")
    there = ops.cast(ops.not_equal(tokens, 0), "float32")
    x = layers.Embedding(WORDS, WIDTH)(tokens) * ops.expand_dims(there, -1)
    mean, variance = ops.moments(x, -1, keepdims=True)
    x = (x - mean) * ops.rsqrt(variance + 1e-12)
    query, key, value = (layers.Dense(WIDTH, name=name)(x) for name in ("query", "key", "value"))
    likeness = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / np.sqrt(WIDTH)
    masked = likeness + ops.expand_dims(1.0 - there, 1) * -1e9
    x = x + ops.matmul(ops.softmax(masked), value)
    x = layers.Dense(WIDTH, activation=activation)(layers.Flatten()(x))
    model = keras.Model(tokens, layers.Dense(3, activation="softmax", name="kind")(x))
    drawn = np.random.default_rng(6).integers(0, WORDS, (256, LENGTH)).astype(np.int32)
    drawn[:, 0] = np.maximum(drawn[:, 0], 1)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(drawn, drawn.sum(1) % 3, epochs=3, verbose=0)
    return model


TOKENS = {"tokens": f"int 0..{WORDS - 1}"}
MODELS = {
    "digits": (lambda: DIGITS / "digits.keras", {"image": "float 0..1"}, "stride"),
    "tabular": (trained_model("tabular").build, trained_model("tabular").domains, "activation"),
    "transformer": (transformer, TOKENS, "axis"),
}


@pytest.fixture(scope="module", params=list(MODELS))
def trained(request):
    """A model, what `verify` knows of it, and a kind of fault that it can have."""
    build, domains, operator = MODELS[request.param]
    asked = Request(
        model=build(),
        name=request.param,
        examples=10,
        inputs={name: parse_domain(text) for name, text in domains.items()},
    )
    with ExitStack() as stack:
        model = stack.enter_context(tv.open_model(asked.model, name=request.param))
        reference = stack.enter_context(tv.TensorFlow(model))
        knowledge = stack.enter_context(get_to_know(asked, model, reference, ()))
        yield model, reference, knowledge, operator


@pytest.fixture(params=DTYPES)
def quantized(request, trained, worker, tmp_path):
    return tv.convert(trained[0], tmp_path / "q", quantization=request.param, worker=worker)


def test_faults_are_seen_at_float_tolerance_and_healthy_artifacts_pass(trained, quantized):
    model, reference, knowledge, operator = trained
    plan, judge = knowledge.plan, knowledge.judge
    with (
        ArtifactReplay(quantized) as replay,
        Nursery(model.signature, backend="cpu") as nursery,
    ):
        effect = measure_quantization(
            reference, replay, examples=10, seed=0, data=(), plan=plan, scores=knowledge.scores
        )
        assert effect.excesses == ()
        moved = max(each.errors.scaled for each in effect.parity.outputs)
        assert 1e-7 < moved < 0.2
        answers = Answers(replay, plan, examples=10, seed=0)
        contents = read_contents(quantized)
        with nursery.planted(contents) as healthy:
            assert detects(answers, healthy, judge) is None
        # One tenth of a per cent of one tensor is less than uint8 does to all of them.
        name = max(
            (name for name, values in contents.weights.items() if values.dtype == np.float32),
            key=lambda name: contents.weights[name].size,
        )
        off = contents.with_weight(name, contents.weights[name] * np.float32(1.001))
        with nursery.planted(off) as faulty:
            found = detects(answers, faulty, judge)
            assert found is not None and found.disagreement is not None
            if quantized.quantization == "uint8":
                assert found.disagreement.comparison.errors.scaled < moved
        fault = next(iter(OPERATORS[operator](contents, Random(0))))
        with nursery.planted(fault.plant(contents)) as faulty:
            assert detects(answers, faulty, judge) is not None, fault.what


@pytest.fixture
def stock_float16(nodes, worker, tmp_path):
    """What verification says of the stock converter's float16 artifact of a transformer."""

    def verified(activation):
        inputs = {name: parse_domain(text) for name, text in TOKENS.items()}
        with tv.open_model(transformer(activation), name="transformer") as model:
            tv.convert(model, tmp_path / "q", quantization="float16", repair=False, worker=worker)
            report = tv.verify(
                model,
                artifact=tmp_path / "q",
                inputs=inputs,
                examples=5,
                special_values="off",
                backends=["cpu"],
                shrink_seconds=0,
                work_dir=tmp_path / "work",
                nodes=nodes,
            )
        assert report.verdict == "fail"
        return report.models[0].backends[0].findings

    return verified


def test_what_float16_destroys_is_named(stock_float16):
    (finding,) = [each for each in stock_float16("linear") if "destroyed" in each.message]
    assert finding.gates
    assert "became nan" in finding.message
    assert "is -inf (a mask?)" in finding.message
    assert "is 0 (an epsilon?)" in finding.message


def test_a_weight_that_became_infinite_is_named_though_a_relu_hides_it(stock_float16):
    (finding,) = [each for each in stock_float16("relu") if "no longer holds" in each.message]
    assert not finding.gates
    assert "is -inf (a mask?)" in finding.message
