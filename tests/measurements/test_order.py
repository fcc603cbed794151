"""Two answers in any order, laid side by side."""

from __future__ import annotations

import numpy as np
import pytest

import tfjs_verify as tv
from tfjs_verify.measurements.order import Unordered, in_order_of

PAIR = Unordered(values=("best",), indices=("places",))


def side(best, places):
    return {"best": np.array(best, np.float32), "places": np.array(places)}


@pytest.mark.parametrize("group", [PAIR, Unordered(values=("best",)), Unordered((), ("places",))])
def test_a_permutation_of_all_outputs_is_no_difference(group):
    rng = np.random.default_rng(0)
    expected = side(rng.normal(size=(2, 3, 5)), rng.permuted(np.arange(30).reshape(2, 3, 5)))
    order = rng.permuted(np.broadcast_to(np.arange(5), (2, 3, 5)), axis=-1)
    actual = {name: np.take_along_axis(each, order, -1) for name, each in expected.items()}
    found = in_order_of(expected, actual, [group])
    for name in group.names:
        np.testing.assert_array_equal(found[name], expected[name])


def test_values_and_indices_are_in_one_order():
    expected = side([[1, 3, 2]], [[4, 5, 6]])
    found = in_order_of(expected, side([[1, 3, 2]], [[6, 5, 4]]), [PAIR])
    np.testing.assert_array_equal(found["places"], expected["places"])
    np.testing.assert_array_equal(found["best"], np.array([[2, 3, 1]]))


def test_values_that_are_almost_the_same_may_change_places():
    expected = side([[1.0, 1.0000001, 5]], [[0, 1, 2]])
    found = in_order_of(expected, side([[5, 1.0000001, 1.0]], [[2, 0, 1]]), [PAIR])
    np.testing.assert_array_equal(found["places"], expected["places"])
    np.testing.assert_allclose(found["best"], expected["best"], rtol=1e-6)


def test_rows_with_other_indices_are_matched_by_value():
    found = in_order_of(side([[3, 2, 1]], [[9, 8, 7]]), side([[1, 2, 3]], [[0, 8, 9]]), [PAIR])
    np.testing.assert_array_equal(found["best"], np.array([[3, 2, 1]]))
    np.testing.assert_array_equal(found["places"], np.array([[9, 8, 0]]))


def test_what_cannot_be_compared_stays():
    expected = side([[1, 2]], [[0, 1]])
    assert in_order_of(expected, {}, [PAIR]) == {}
    short = {"best": np.array([[5.0, 4.0, 3.0]])}
    np.testing.assert_array_equal(in_order_of(expected, short, [PAIR])["best"], short["best"])


def best_of(tf, twist):
    @tf.function(input_signature=[tf.TensorSpec([None, 9], tf.float32, name="x")])
    def serve(x):
        best, places = tf.raw_ops.TopKV2(input=x, k=4, sorted=False)
        return {"best": best, "places": twist(places), "likely": tf.nn.softmax(best) * 2.0}

    return serve


def test_indices_that_do_not_belong_to_their_values_fail(tmp_path, nodes, worker):
    import tensorflow as tf

    healthy = best_of(tf, tf.identity)
    words = {"examples": 10, "nodes": nodes, "worker": worker, "remember": False}
    report = tv.verify(healthy, **words)
    assert report.verdict == "pass"
    told = [each for each in report.models[0].backends[0].findings if each.domain == "order"]
    assert not any(each.gates for each in told)
    assert any(
        '"best" is a set in any order (top_k(sorted=False))' in each.message for each in told
    )
    assert any('together with "best", "likely"' in each.message for each in told)
    faulty = tv.convert(best_of(tf, lambda places: places[:, ::-1]), tmp_path / "a", worker=worker)
    report = tv.verify(healthy, artifact=faulty.directory, work_dir=tmp_path / "w", **words)
    assert [backend.verdict for backend in report.models[0].backends] == ["fail"] * 3
