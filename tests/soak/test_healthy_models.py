"""Fifty runs with fifty seeds on three healthy models: no failure."""

from __future__ import annotations

import pytest

import tfjs_verify as tv
from tests.conftest import DIGITS

pytestmark = pytest.mark.slow

SEEDS = range(50)


@pytest.fixture(scope="module")
def embedding(tmp_path_factory):
    import keras

    keras.utils.set_random_seed(3)
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(50, 8)(tokens)
    x = keras.layers.Conv1D(8, 3, padding="same", activation="gelu")(x)
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.LayerNormalization()(x))
    model = keras.Model(tokens, keras.layers.Dense(3, activation="softmax")(x))
    path = tmp_path_factory.mktemp("embedding") / "embedding.keras"
    model.save(path)
    return path


@pytest.mark.parametrize("name", ["digits", "twins", "embedding"])
def test_no_seed_fails_a_healthy_model(name, models, embedding, nodes, worker):
    path = {
        "digits": DIGITS / "digits.keras",
        "twins": models / "twins",
        "embedding": embedding,
    }[name]
    for seed in SEEDS:
        report = tv.verify(path, examples=30, seed=seed, nodes=nodes, worker=worker, remember=False)
        assert report.verdict == "pass", (seed, report.models[0].backends)
