"""What TensorFlow.js computes in fewer bits: foretold from the graph, and wrong where it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import tfjs_verify as tv
from tfjs_verify.report import BackendReport


@pytest.fixture
def verified(tmp_path, worker, nodes):
    """Saves a function of one vector, and verifies it on cpu."""

    def verified(function: Callable[[Any], Any], dtype: Any, **options: Any) -> BackendReport:
        module = tf.Module()
        module.serve = tf.function(
            lambda x: {"y": function(x)},
            input_signature=[tf.TensorSpec([None, 4], dtype, name="x")],
        )
        tf.saved_model.save(module, tmp_path / "model", signatures=module.serve)
        report = tv.verify(
            tmp_path / "model",
            backends=["cpu"],
            examples=20,
            remember=False,
            worker=worker,
            nodes=nodes,
            **options,
        )
        (backend,) = report.models[0].backends
        return backend

    return verified


def precision(backend: BackendReport, *, gates: bool) -> list[str]:
    return [
        finding.message
        for finding in backend.findings
        if finding.domain == "precision" and finding.gates == gates
    ]


def half(x: Any) -> Any:
    return tf.cast(x, tf.float16)


SHOWS = {
    "an angle that float32 has lost": (
        lambda x: tf.cast(tf.sin(tf.cast(x, tf.float64) * 1e8), tf.float32),
        tf.float32,
        "computed in float64",
    ),
    "a difference of large squares": (
        lambda x: tf.reduce_mean((x + 1e4) ** 2, -1) - tf.reduce_mean(x + 1e4, -1) ** 2,
        tf.float64,
        "computed in float64",
    ),
    "a step that float32 rounds over": (
        lambda x: tf.cast(tf.floor(tf.cast(x, tf.float64) * 1e8), tf.int32) % 10,
        tf.float32,
        "computed in float64",
    ),
    "a product beyond int32": (
        lambda x: (x * 1_000_000_007) % 1000,
        tf.int64,
        "computed in int64",
    ),
    "a sum beyond float16": (
        lambda x: tf.cast(tf.cumsum(half(x) * 1e4, -1), tf.float32),
        tf.float32,
        "computed in float16",
    ),
}


@pytest.mark.parametrize("name", SHOWS)
def test_lost_bits_gate_where_a_finite_case_shows_them(name, verified):
    function, dtype, words = SHOWS[name]
    domain = "int 1..99" if dtype is tf.int64 else "float 1..9"
    backend = verified(function, dtype, inputs={"x": domain}, special_values="off")
    assert backend.verdict == "fail"
    (gating,) = [each for each in precision(backend, gates=True) if words in each]
    assert gating.endswith("it disagrees in y")


HIDES = {
    "products in float64": (
        lambda x: tf.nn.softmax(tf.cast(x, tf.float64) @ np.eye(4)),
        tf.float32,
    ),
    "a root in float64": (lambda x: tf.sqrt(tf.abs(x) + 1), tf.float64),
    "small integers": (lambda x: (x * 3 + 1) % 7, tf.int64),
    "float16 that fits": (lambda x: tf.cast(tf.nn.tanh(half(x)), tf.float32), tf.float32),
}


@pytest.mark.parametrize("name", HIDES)
def test_lost_bits_that_no_case_shows_are_foretold_and_gate_nothing(name, verified):
    function, dtype = HIDES[name]
    domain = "int 1..99" if dtype is tf.int64 else "float 1..9"
    backend = verified(function, dtype, inputs={"x": domain}, special_values="off")
    assert backend.verdict == "pass"
    assert precision(backend, gates=False)


def test_a_model_that_is_refused_for_its_integers_says_what_it_would_lose(verified):
    backend = verified(lambda x: (x + 5_000_000_000) % 1000, tf.int64)
    assert backend.verdict == "error"
    assert any("computed in int64" in words for words in precision(backend, gates=False))


def test_zeros_of_another_kind_are_told_and_wrong_for_nobody(verified):
    backend = verified(lambda x: tf.nn.softmax(x * 40.0), tf.float32, inputs={"x": "float 0..3"})
    assert backend.verdict == "pass"
    told = [finding for finding in backend.findings if finding.domain == "subnormal"]
    assert told
    assert not any(finding.gates for finding in told)
