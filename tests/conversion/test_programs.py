"""Functions read and written, calls inlined, sizes fixed: the graph says the same as before."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfjs_verify.conversion.graph import Program
from tfjs_verify.conversion.inlining import inline_calls
from tfjs_verify.conversion.static_shapes import fix_known_sizes

X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def traced(function, shape=(None, 4)):
    concrete = tf.function(function, autograph=False).get_concrete_function(
        tf.TensorSpec(shape, tf.float32, "x")
    )
    graph = concrete.graph.as_graph_def()
    return Program.from_graph_def(graph, [tensor.name for tensor in concrete.outputs])


def computed(program):
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        tf.import_graph_def(program.to_graph_def(), name="")
        return session.run(program.main.results, {"x:0": X})


@tf.function(autograph=False)
def halves(x):
    left, right = tf.split(x, 2, axis=1)
    return left, right - 1


@tf.function(autograph=False)
def nested(x):
    left, right = halves(x)
    return halves(tf.concat([right, left], 1))[1]


def looped(x):
    return tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v + halves(v)[0][:, :1]), (0, x))[
        1
    ]


@pytest.mark.parametrize("function", [lambda x: halves(x)[1], nested, looped])
def test_functions_survive_reading_and_writing(function):
    expected = function(tf.constant(X)).numpy()
    program = traced(function)
    assert program.functions
    np.testing.assert_allclose(computed(program)[0], expected, rtol=1e-6)


@pytest.mark.parametrize("function", [lambda x: halves(x)[1], nested, looped])
def test_inlining_leaves_no_calls_and_the_same_values(function):
    expected = function(tf.constant(X)).numpy()
    program = traced(function)
    inline_calls(program)
    assert not {op for op in program.operations() if op.endswith("PartitionedCall")}
    np.testing.assert_allclose(computed(program)[0], expected, rtol=1e-6)


def test_only_functions_that_are_still_called_are_written():
    program = traced(nested)
    assert program.reachable_functions()
    inline_calls(program)
    assert program.reachable_functions() == []
    assert not program.to_graph_def().library.function


def sizes(x):
    shape = tf.shape(x)
    return shape[1], shape[-1:], shape[1:2], shape[0], shape[:1], shape


def test_known_sizes_become_constants_and_unknown_ones_stay():
    program = traced(sizes)
    fix_known_sizes(program)
    program.main.prune()
    known = [program.main.constant(reference) is not None for reference in program.main.results]
    assert known == [True, True, True, False, False, False]
    for given, expected in zip(computed(program), sizes(tf.constant(X)), strict=True):
        np.testing.assert_array_equal(given, expected)
