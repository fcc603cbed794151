"""Every expansion: the same in TensorFlow, and needed by a backend."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
import tensorflow as tf

from tests.conversion.repairs.needed import EXPANSIONS, X
from tfjs_verify.conversion import convert
from tfjs_verify.errors import TfjsVerifyError
from tfjs_verify.model import open_model
from tfjs_verify.runtimes.tfjs import TFJS

CASES = {f"{number}-{expansion.name}": expansion for number, expansion in enumerate(EXPANSIONS)}


@pytest.mark.parametrize("key", CASES)
def test_it_computes_in_tensorflow_what_the_op_computes(key, replayed):
    expansion = CASES[key]
    result = replayed(expansion.function, *expansion.arguments, free=expansion.free)
    assert expansion.name in result.repairs
    for before, after in zip(result.before, result.after, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5, equal_nan=True)
        assert after.dtype == before.dtype


_GROUP = 20


@pytest.fixture(scope="module")
def repaired(together):
    """What each expansion's backend answers, from models of many expansions each."""
    runs = {}
    for backend in ("cpu", "wasm", "node"):
        keys = [key for key, expansion in CASES.items() if expansion.backend == backend]
        for start in range(0, len(keys), _GROUP):
            cases = {key: CASES[key] for key in keys[start : start + _GROUP]}
            group = {k: (e.function, e.arguments, e.free) for k, e in cases.items()}
            runs |= together(backend, group).runs
    return runs


@pytest.mark.parametrize("key", CASES)
def test_the_backend_is_right_with_it(key, repaired):
    assert CASES[key].name in repaired[key].repairs
    assert repaired[key].agrees


@pytest.mark.slow
@pytest.mark.parametrize("key", CASES)
def test_the_backend_needs_it(key, run_on):
    _, backend, function, arguments, free = CASES[key]
    with suppress(TfjsVerifyError):  # refused by the converter, or by the backend; or else wrong:
        assert not run_on(backend, function, *arguments, free=free, repair=False).agrees


def test_what_cannot_be_spelled_out_is_left_for_the_op_check(replayed):
    result = replayed(lambda x: tf.linalg.diag(x, k=1, padding_value=3), X)
    assert result.repairs == ()
    assert "MatrixDiagV3" in result.operations


def test_expansions_apply_inside_branches_and_loops(replayed):
    def step(i, a):
        return i + 1, tf.cond(tf.reduce_sum(a) > 0, lambda: tf.math.erfc(a), lambda: a)

    result = replayed(lambda x: tf.while_loop(lambda i, a: i < 3, step, (0, x))[1], X)
    assert result.repairs == ("erfc",)
    assert "Erfc" not in result.operations
    np.testing.assert_allclose(result.after[0], result.before[0], rtol=1e-5)


def test_random_integers_lie_within_their_limits(replayed):
    result = replayed(
        lambda x: tf.random.uniform([500], 3, 6, tf.int32) + 0 * tf.cast(x[0], tf.int32),
        np.zeros(1, np.float32),
    )
    assert result.repairs == ("random-uniform-int",)
    assert set(result.after[0].tolist()) == {3, 4, 5}
    floats = replayed(lambda x: tf.random.uniform([5]) + x[0], np.zeros(1, np.float32))
    assert floats.repairs == ()
    assert "RandomUniform" in floats.operations


def test_strings_are_not_compared_where_the_comparison_would_be_wrong(run_on):
    words = np.array([b"yes", b"no", b"maybe"], object)
    for backend in ("cpu", "node"):
        run = run_on(backend, lambda x: tf.equal(x, "yes"), words)
        assert run.repairs == ("string-comparison-guard",)
        assert run.given[0].tolist() == [True, False, False]
    with pytest.raises(TfjsVerifyError, match="StaticRegexReplace"):
        run_on("wasm", lambda x: tf.equal(x, "yes"), words)


def test_labels_are_gathered_by_their_numbers(run_on):
    scores = np.array([[0.1, 0.9, 0.0], [0.2, 0.1, 0.7]], np.float32)

    def labelled(x):
        return tf.gather(["cat", "dög", "bird"], tf.argmax(x, -1))

    for backend in ("cpu", "node"):
        run = run_on(backend, labelled, scores)
        assert run.repairs == ("string-gather",)
        assert [each.decode() for each in run.given[0].tolist()] == ["dög", "bird"]
    with pytest.raises(TfjsVerifyError, match="StaticRegexReplace"):
        run_on("wasm", labelled, scores)
    numbered = run_on("cpu", lambda x: tf.gather([5.0, 6.0, 7.0], tf.argmax(x, -1)), scores)
    assert numbered.repairs == ()


def test_what_is_found_in_a_table_has_the_shape_of_the_keys(tmp_path, worker, sessions):
    module = tf.Module()
    table = tf.lookup.KeyValueTensorInitializer([1, 5, 7], [10, 50, 70], tf.int32, tf.int32)
    module.table = tf.lookup.StaticHashTable(table, -1)
    module.serve = tf.function(
        lambda x, v: {"y": module.table.lookup(x), "z": module.table.lookup(v)},
        input_signature=[
            tf.TensorSpec([None, 2], tf.int32, "x"),
            tf.TensorSpec([3], tf.int32, "v"),
        ],
    )
    keys = np.array([[1, 2], [7, 5]], np.int32)
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=module.serve)
    with open_model(tmp_path / "model") as model:
        artifact = convert(model, tmp_path / "out", worker=worker)
    (repair,) = (repair for repair in artifact.repairs if repair.name == "lookup-shape")
    assert len(repair.nodes) == 1  # a vector of keys is looked up as it is
    with TFJS(artifact, session=sessions("cpu")) as runtime:
        given = runtime.run({"x": keys, "v": np.array([7, 1, 2], np.int32)})
    assert given["y"].tolist() == [[10, -1], [70, 50]]
    assert given["z"].tolist() == [70, 10, -1]
