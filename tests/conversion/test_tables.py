"""Lookup tables: each signature takes along its own, and no other."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf

from tfjs_verify.conversion import convert
from tfjs_verify.model import open_model
from tfjs_verify.runtimes import TFJS


def table(keys, values):
    content = tf.lookup.KeyValueTensorInitializer(tf.constant(keys), tf.constant(values))
    return tf.lookup.StaticHashTable(content, -1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A SavedModel whose signatures look up words, codes, or nothing at all."""
    module = tf.Module()
    module.words = table(["cat", "dog"], [3, 5])
    module.codes = table(tf.constant([7, 9], tf.int32), tf.constant([70, 90], tf.int32))
    words = tf.function(
        lambda x: {"y": module.words.lookup(x)}, [tf.TensorSpec([None], tf.string, "x")]
    )
    codes = tf.function(
        lambda x: {"y": module.codes.lookup(x)}, [tf.TensorSpec([None], tf.int32, "x")]
    )
    doubled = tf.function(lambda x: {"y": 2 * x}, [tf.TensorSpec([None], tf.int32, "x")])
    path = tmp_path_factory.mktemp("shop")
    signatures = {"words": words, "codes": codes, "doubled": doubled}
    tf.saved_model.save(module, path, signatures=signatures)
    return path


@pytest.mark.parametrize(
    ("signature", "given", "expected"),
    [
        ("words", np.array(["dog", "cow"], object), [5, -1]),
        ("codes", np.array([9, 8], np.int32), [90, -1]),
        ("doubled", np.array([9, 8], np.int32), [18, 16]),
    ],
)
def test_a_signature_has_its_own_tables(shop, signature, given, expected, worker, nodes, tmp_path):
    with open_model(shop, signature=signature) as model:
        artifact = convert(model, tmp_path / "out", worker=worker)
    with TFJS(artifact, session=nodes.start("cpu")) as runtime:
        assert runtime.run({"x": given})["y"].tolist() == expected
    content = json.loads((tmp_path / "out" / "model.json").read_text())
    made = [
        n for n in content.get("modelInitializer", {}).get("node", []) if "HashTable" in n["op"]
    ]
    assert len(made) == (signature != "doubled")
