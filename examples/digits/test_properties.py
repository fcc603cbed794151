"""A property of one's own, on cases drawn from the model's signature: copy and change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import tfjs_verify as tv
from tfjs_verify.tensors import Signature, TensorSpec

MODEL = Path(__file__).parent / "digits.keras"
IMAGES = Signature(
    inputs=(TensorSpec("image", "float32", (None, 8, 8, 1)),),
    outputs=(TensorSpec("output_0", "float32", (None, 10)),),
)


@pytest.fixture(scope="module")
def wasm(tfjs):
    """The model on TensorFlow.js, in the session's Node process."""
    with tv.open_model(MODEL) as model:
        artifact = tv.convert(model, worker=tfjs.worker)
    with tv.TFJS(artifact, session=tfjs.nodes.start("wasm")) as runtime:
        yield runtime


@settings(max_examples=40, deadline=None)
@given(case=tv.strategies.cases(IMAGES, domains={"image": tv.strategies.domain("float 0..1")}))
def test_scores_are_probabilities_on_the_web_too(wasm, case):
    scores = wasm.run(case.inputs)["output_0"]
    assert scores.shape == (len(case.inputs["image"]), 10)
    assert np.all(scores >= 0)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
