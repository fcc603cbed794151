"""Branches by number in both forms of control flow, also inside a loop, on every backend."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfjs_verify.conversion import convert
from tfjs_verify.errors import ConversionError
from tfjs_verify.model import open_model
from tfjs_verify.runtimes.tfjs import TFJS

X = np.array([1.5, -2], np.float32)


def chosen(x, i):
    return tf.switch_case(i, [lambda: x + 1, lambda: x * 2, lambda: -x])


def chosen_in_turn(x, i):
    return tf.while_loop(lambda k, v: k < 4, lambda k, v: (k + 1, chosen(v, (k + i) % 4)), (0, x))[
        1
    ]


def either(x, i):
    return tf.cond(i > 1, lambda: x + 1, lambda: x * 2)


def constant(x, i):
    return x + tf.cond(i > 1, lambda: tf.constant([1.0, 2]), lambda: tf.constant([3.0, 4]))


@pytest.mark.parametrize(
    ("function", "form", "repair"),
    [
        (chosen, "v1", "switch-n"),
        (chosen_in_turn, "v1", "switch-n"),
        (either, "v1", None),
        (chosen, "v2", "switch-case"),
        (chosen_in_turn, "v2", "switch-case"),
        (either, "v2", None),
        (constant, "v2", None),
    ],
)
def test_every_branch_is_taken_where_it_is_wanted(function, form, repair, tmp_path, worker, nodes):
    module = tf.Module()
    module.serve = tf.function(
        lambda x, i: {"y": function(x, i)},
        input_signature=[tf.TensorSpec([2], tf.float32, "x"), tf.TensorSpec([], tf.int32, "i")],
        autograph=False,
    )
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=module.serve)
    with open_model(tmp_path / "model") as model:
        artifact = convert(model, tmp_path / "out", control_flow=form, worker=worker)
    assert [applied.name for applied in artifact.repairs] == ([repair] if repair else [])
    for backend in ("node", "wasm", "cpu"):
        with TFJS(artifact, session=nodes.start(backend)) as runtime:
            for number in (0, 1, 2, 7, -1):
                given = runtime.run({"x": X, "i": np.array(number, np.int32)})["y"]
                expected = module.serve(X, np.int32(number))["y"].numpy()
                np.testing.assert_allclose(given, expected, rtol=1e-6)


def written_in_a_branch(x):
    def step(i, array):
        return i + 1, tf.cond(
            i > 1, lambda: array.write(i, x[i] * 2), lambda: array.write(i, x[i] + 1)
        )

    array = tf.TensorArray(tf.float32, 3, element_shape=[])
    return tf.while_loop(lambda i, a: i < 3, step, (0, array))[1].stack()


def written_behind_a_branch(x):
    def step(i, array):
        return i + 1, array.write(i, tf.cond(i > 1, lambda: x[i] * 2, lambda: x[i] + 1))

    array = tf.TensorArray(tf.float32, 3, element_shape=[])
    return tf.while_loop(lambda i, a: i < 3, step, (0, array))[1].stack()


def saved(function, directory):
    module = tf.Module()
    module.serve = tf.function(
        lambda x: {"y": function(x)},
        input_signature=[tf.TensorSpec([3], tf.float32, "x")],
        autograph=False,
    )
    tf.saved_model.save(module, str(directory), signatures=module.serve)
    return directory


def test_what_a_branch_writes_to_a_list_would_be_lost(tmp_path, worker, nodes):
    with (
        open_model(saved(written_in_a_branch, tmp_path / "in")) as model,
        pytest.raises(ConversionError, match=r"TensorArray.*TensorListSetItem \(") as caught,
    ):
        convert(model, tmp_path / "out", worker=worker)
    assert len(caught.value.ops) == 2
    with open_model(saved(written_behind_a_branch, tmp_path / "behind")) as model:
        artifact = convert(model, tmp_path / "out", worker=worker)
    for backend in ("node", "wasm", "cpu"):
        with TFJS(artifact, session=nodes.start(backend)) as runtime:
            given = runtime.run({"x": np.array([1, 2, 3], np.float32)})["y"]
        assert given.tolist() == [2, 3, 6]


def test_lists_of_parts_of_several_lengths_are_refused(tmp_path, worker):
    def parts(x):
        array = tf.TensorArray(tf.float32, 2, infer_shape=False, element_shape=[None])
        return array.write(0, x[:2]).write(1, x[2:]).concat()

    with (
        open_model(saved(parts, tmp_path / "parts")) as model,
        pytest.raises(ConversionError, match="TensorListConcatV2"),
    ):
        convert(model, tmp_path / "out", worker=worker)
