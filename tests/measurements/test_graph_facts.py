from __future__ import annotations

import pytest

import tfjs_verify as tv
from tfjs_verify.measurements.graph_facts import (
    narrowed_ops,
    order_free_outputs,
    random_outputs,
    recognise_scores,
)
from tfjs_verify.measurements.noise.freezing import freeze
from tfjs_verify.measurements.order import Unordered
from tfjs_verify.measurements.readings import Reading
from tfjs_verify.tensors import TensorSpec


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 6], tf.float32, name="x")])
        def __call__(self, x):
            best, places = tf.raw_ops.TopKV2(input=x, k=3, sorted=False)
            return {
                "classes": tf.nn.softmax(x),
                "chance": tf.identity(tf.sigmoid(x)),
                "value": x * 2.0,
                "label": tf.identity(tf.argmax(x, -1, tf.int32)),
                "least": tf.cast(tf.argmin(x, -1), tf.float32),
                "best": best,
                "places": places,
                "likely": tf.nn.softmax(best) * 2.0,
                "shifted": best + tf.constant([1.0, 2.0, 3.0]),
                "far": 10.0 - tf.cast(places, tf.float32),
                "other": tf.tanh(tf.raw_ops.TopKV2(input=-x, k=2, sorted=False).values),
                "sorted": tf.math.top_k(x, 2).values,
                "large": tf.cast(x, tf.int64) * 5_000_000_000,
            }

    directory = tmp_path_factory.mktemp("facts") / "model"
    model = Model()
    tf.saved_model.save(model, directory, signatures=model.__call__)
    with tv.open_model(directory) as opened:
        return freeze(opened)


def test_scores_are_recognised_by_their_last_op(frozen):
    found = recognise_scores(frozen.graph, frozen.outputs, ())
    assert found == {
        "classes": Reading("classes"),
        "chance": Reading("probability"),
        "label": Reading("label"),
        "least": Reading("label"),
    }


@pytest.mark.parametrize(
    ("name", "shape", "kind"),
    [
        ("value", (None, 6), None),
        ("logits", (None, 6), "classes"),
        ("my_logit", (None, 1), "logit"),
    ],
)
def test_logits_are_recognised_by_their_name(frozen, name, shape, kind):
    specs = (TensorSpec(name, "float32", shape),)
    found = recognise_scores(frozen.graph, {name: frozen.outputs["value"]}, specs)
    assert found == ({} if kind is None else {name: Reading(kind)})


def test_outputs_without_an_order_are_recognised(frozen):
    pair, alone = order_free_outputs(frozen.graph, frozen.outputs)
    assert (sorted(pair.values), sorted(pair.indices)) == (["best", "likely"], ["far", "places"])
    assert alone == Unordered(values=("other",))


def test_what_loses_bits_is_named(frozen):
    (narrowed,) = narrowed_ops(frozen.graph, frozen.outputs)
    assert narrowed.dtype == "int64"
    assert any(op.startswith("Mul (") for op in narrowed.ops)
    assert "in int64, by TensorFlow.js in int32" in str(narrowed)
    assert narrowed.outputs == ("large",)


def test_outputs_that_depend_on_chance_are_recognised_by_their_values(tmp_path):
    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([4], tf.float32, name="x")])
        def __call__(self, x):
            check = tf.debugging.assert_less(tf.random.uniform([]), 2.0)
            with tf.control_dependencies([check]):
                checked = tf.identity(x)
            training = tf.reduce_sum(x) > 1e9
            return {
                "checked": checked,
                "chosen": tf.cond(training, lambda: tf.nn.dropout(x, 0.5), lambda: x),
                "sure": x + tf.random.stateless_uniform([4], seed=[1, 2]),
            }

    model = Model()
    tf.saved_model.save(model, tmp_path / "model", signatures=model.__call__)
    with tv.open_model(tmp_path / "model") as opened:
        frozen = freeze(opened)
    (found,) = random_outputs(frozen.graph, frozen.outputs).items()
    assert found[0] == "chosen"
    assert found[1][0].startswith("RandomUniform (")


def test_what_a_branch_computes_belongs_to_the_outputs_behind_it(tmp_path):
    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([4], tf.float32, name="x")])
        def __call__(self, x):
            def exactly():
                return tf.cast(tf.sin(tf.cast(x, tf.float64)), tf.float32)

            return {
                "chosen": tf.cond(tf.reduce_sum(x) > 0, exactly, lambda: x),
                "twice": x * 2.0,
            }

    model = Model()
    tf.saved_model.save(model, tmp_path / "model", signatures=model.__call__)
    with tv.open_model(tmp_path / "model") as opened:
        frozen = freeze(opened)
    (narrowed,) = narrowed_ops(frozen.graph, frozen.outputs)
    assert narrowed.dtype == "float64"
    assert narrowed.outputs == ("chosen",)
