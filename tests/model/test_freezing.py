from __future__ import annotations

import numpy as np
import pytest

from tests.model.test_graphs_and_functions import build_v1
from tfjs_verify.model import open_model
from tfjs_verify.model.assignments import VariableChanged
from tfjs_verify.model.freezing import freeze_signature


def frozen(model, **options):
    return freeze_signature(
        model.saved_model,
        model.tags,
        model.signature_key,
        **{"lower_control_flow": False, **options},
    )


def test_weights_have_the_names_of_their_variables():
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self):
            self.first = tf.Variable([[1.0]], name="dense/kernel")
            self.second = tf.Variable([[2.0]], name="dense/kernel")

        @tf.function(input_signature=[tf.TensorSpec([None, 1], name="x")])
        def serve(self, x):
            return {"zoo": x @ self.first, "apple": (x @ self.first) @ self.second}

    with open_model(Module()) as model:
        result = frozen(model)
    constants = {node.name for node in result.graph.node if node.op == "Const"}
    assert {"dense/kernel", "dense/kernel_1"} <= constants
    assert {name: info.name for name, info in result.inputs.items()} == {"x": "x:0"}
    assert set(result.outputs) == {"zoo", "apple"}
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(result.graph, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        fetches = {name: info.name for name, info in result.outputs.items()}
        answer = session.run(fetches, {"x:0": np.array([[3.0]], np.float32)})
    assert answer["zoo"].tolist() == [[3.0]]
    assert answer["apple"].tolist() == [[6.0]]


def test_loops_are_functions_or_nodes():
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, name="n")])
    def counted(n):
        i = tf.constant(0)
        while i < n:
            i += 1
        return {"i": i}

    with open_model(counted) as model:
        functional = {node.op for node in frozen(model).graph.node}
        lowered = {node.op for node in frozen(model, lower_control_flow=True).graph.node}
    assert functional & {"While", "StatelessWhile"}
    assert "Merge" in lowered and not lowered & {"While", "StatelessWhile"}


def test_an_embedding_is_looked_up_in_a_loop():
    """As text is generated: the next token follows from the embedding of the last."""
    import tensorflow as tf

    class Generator(tf.Module):
        def __init__(self):
            self.table = tf.Variable(np.eye(5, dtype=np.float32)[[2, 0, 4, 1, 3]])

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="token")])
        def serve(self, token):
            def following(i, tokens):
                return i + 1, tf.argmax(tf.gather(self.table, tokens), -1, tf.int32)

            return {"last": tf.while_loop(lambda i, _: i < 3, following, [0, token])[1]}

    with open_model(Generator()) as model:
        result = frozen(model)
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(result.graph, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        last = session.run(result.outputs["last"].name, {"token:0": [0, 1, 3]})
    assert last.tolist() == [3, 4, 2]


def test_tables_are_captured_or_filled_by_operations(tmp_path):
    import tensorflow as tf

    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1.0]), -1.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
    def looked_up(word):
        return {"y": table.lookup(word)}

    with open_model(looked_up) as model:
        result = frozen(model)
        assert len(result.captures) == 1
        assert list(result.inputs) == ["word"]
    with open_model(build_v1(tmp_path / "v1")) as model:
        result = frozen(model)
        assert len(result.table_initializers) == 1
        assert result.captures == {}
        assert {"HashTableV2", "LookupTableImportV2"} <= {n.op for n in result.initializer.node}
    with open_model(tmp_path / "v1", signature="twice") as model:
        result = frozen(model)
        assert set(result.outputs) == {"double"}
        assert result.table_initializers == ()


def counting(counter, *, read=False, where="body"):
    """A module that counts its calls, in a loop or a branch too, and whose output may show it."""
    import tensorflow as tf

    class Counting(tf.Module):
        def __init__(self):
            self.calls = tf.Variable(counter, name="calls")
            self.weight = tf.Variable(2.0)

        def count(self, x):
            self.calls.assign_add(tf.ones_like(self.calls))
            return x * self.weight

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32, name="x")])
        def serve(self, x):
            if where == "branch":
                x = tf.cond(x > 0.0, lambda: self.count(x), lambda: x)
            elif where == "loop":
                x = tf.while_loop(lambda x: x < 9.0, lambda x: (self.count(x),), [x])[0]
            else:
                x = self.count(x)
            return {"y": x + tf.cast(self.calls, tf.float32)} if read else {"y": x}

    return Counting()


@pytest.mark.parametrize("lowered", [False, True])
@pytest.mark.parametrize("where", ["body", "branch", "loop"])
@pytest.mark.parametrize("counter", [0, 0.0])
def test_what_only_counts_is_left_out(counter, where, lowered):
    import tensorflow as tf

    with open_model(counting(counter, where=where)) as model:
        result = frozen(model, lower_control_flow=lowered)
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(result.graph, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        y = session.run(result.outputs["y"].name, {result.inputs["x"].name: 5.0})
    assert y == 10.0
    assert result.captures == {}
    assert not any("Assign" in op for op in executed(result.graph))


def executed(graph):
    """The ops of a graph and of the functions that it calls."""
    functions = {each.signature.name: each.node_def for each in graph.library.function}
    pending = [graph.node]
    while pending:
        for node in pending.pop():
            yield node.op
            called = (attribute.func.name for attribute in node.attr.values())
            pending += [functions[name] for name in called if name in functions]


@pytest.mark.parametrize("counter", [0, 0.0])
@pytest.mark.parametrize("where", ["body", "branch", "loop"])
def test_an_answer_that_depends_on_a_changed_variable_is_refused(counter, where):
    with (
        open_model(counting(counter, read=True, where=where)) as model,
        pytest.raises(VariableChanged, match="changes the variable 'calls'"),
    ):
        frozen(model)


def test_random_numbers_that_nobody_takes_are_not_drawn():
    import tensorflow as tf

    class Drawing(tf.Module):
        def __init__(self):
            self.generator = tf.random.Generator.from_seed(1)

        @tf.function(input_signature=[tf.TensorSpec([2], tf.float32, name="x")])
        def unused(self, x):
            self.generator.normal([2])
            return {"y": x + 1.0}

        @tf.function(input_signature=[tf.TensorSpec([2], tf.float32, name="x")])
        def used(self, x):
            return {"y": x + self.generator.normal([2])}

    module = Drawing()
    with open_model(module, signature="unused") as model:
        assert not any("Rng" in op for op in executed(frozen(model).graph))
    with open_model(module, signature="used") as model, pytest.raises(VariableChanged):
        frozen(model)
