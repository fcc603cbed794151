"""TensorFlow 1, frozen graphs, TensorFlow Hub, and functions and modules in memory."""

from __future__ import annotations

import numpy as np
import pytest

from tfjs_verify.errors import EnvironmentProblem
from tfjs_verify.model import open_model

X = np.array([[1.0, 2.0]], np.float32)


def build_v1(directory, *, tags=("serve",), key="serving_default", variable=True):
    """y = x @ w + table[word], as TensorFlow 1 saves it; also signatures "twice" and "sparse"."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 2], name="in/x")
        word = v1.placeholder(tf.string, [None], name="word")
        table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(["a", "b"], [10.0, 20.0]), -1.0
        )
        w = v1.get_variable("w", initializer=[[1.0], [2.0]], use_resource=False)
        y = tf.identity(tf.matmul(x, w) + table.lookup(word)[:, None], name="out/y")
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        if not variable:
            graph = v1.graph_util.convert_variables_to_constants(
                session, session.graph.as_graph_def(), ["out/y", "init_all_tables"]
            )
            directory.write_bytes(graph.SerializeToString())
            return directory

        def signature(inputs, outputs):
            info = v1.saved_model.build_tensor_info
            return v1.saved_model.build_signature_def(
                {n: info(t) for n, t in inputs.items()}, {n: info(t) for n, t in outputs.items()}
            )

        sparse = v1.sparse_placeholder(tf.float32, name="holes")
        builder = v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(
            session,
            list(tags),
            {
                key: signature({"x": x, "word": word}, {"y": y}),
                "twice": signature({"x": x}, {"double": 2 * x}),
                "sparse": signature({"s": sparse}, {"total": v1.sparse_reduce_sum(sparse)}),
            },
            main_op=v1.tables_initializer(),
        )
        builder.add_meta_graph(["train"], {key: signature({"x": x}, {"y": y})})
        builder.save()
    return directory


WORDS = np.array([b"b"], object)


@pytest.fixture(scope="module")
def v1(tmp_path_factory):
    return build_v1(tmp_path_factory.mktemp("v1") / "saved")


def test_tensorflow_1_with_its_tables(v1, answers):
    _, outputs = answers(v1, {"x": X, "word": WORDS})
    assert outputs["y"].tolist() == [[25.0]]


def test_any_signature_and_any_tags_of_tensorflow_1(v1, answers, refusal):
    model, outputs = answers(v1, {"x": X}, signature="twice")
    assert model.signature_key == "twice"
    assert outputs["double"].tolist() == [[2.0, 4.0]]
    with open_model(v1, tags=["train"]) as model:
        assert model.tags == ("train",)
        assert [spec.name for spec in model.signature.inputs] == ["x"]
    message = refusal(v1, signature="nope")
    assert "'serving_default', 'sparse', 'twice'" in message
    assert "serve; train" in refusal(v1, tags=["gpu"])
    assert "input 's'" in refusal(v1, signature="sparse")


def test_a_module_in_the_format_of_tensorflow_hub_1(tmp_path, answers):
    """Its inference graph has no tags, and its signature is "default"."""
    directory = build_v1(tmp_path / "module", tags=(), key="default")
    (directory / "tfhub_module.pb").write_bytes(b"\x08\x03")
    model, outputs = answers(directory, {"x": X, "word": WORDS})
    assert (model.tags, model.signature_key) == ((), "default")
    assert outputs["y"].tolist() == [[25.0]]


def test_a_module_without_signatures_is_called_for_inference(tmp_path, answers, refusal):
    import tensorflow as tf

    class Embedding(tf.Module):
        def __init__(self):
            self.weights = tf.Variable([[1.0], [10.0]])

        @tf.function
        def __call__(self, x, training=False):
            return x @ self.weights if not training else 0.0 * x

    module = Embedding()
    for training in (False, True):
        module.__call__.get_concrete_function(tf.TensorSpec([None, 2]), training=training)
    tf.saved_model.save(module, str(tmp_path / "hub"))
    model, outputs = answers(tmp_path / "hub", {"x": X})
    assert model.signature_key == "serving_default"
    assert outputs["output_0"].tolist() == [[21.0]]


def test_an_address_that_cannot_be_reached_is_a_problem_of_this_machine():
    with (
        pytest.raises(EnvironmentProblem, match=r"tfhub\.invalid.*TFHUB_CACHE_DIR") as caught,
        open_model("https://tfhub.invalid/google/nothing/1"),
    ):
        pass
    assert caught.value.exit_code == 3


def test_an_address_in_the_cache_is_a_directory(tmp_path, monkeypatch, answers):
    import hashlib

    handle = "https://tfhub.dev/google/tiny/1"
    module = build_v1(tmp_path / hashlib.sha1(handle.encode()).hexdigest())
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    model, outputs = answers(handle, {"x": X, "word": WORDS})
    assert (model.path, model.saved_model) == (handle, module)
    assert model.name == "google-tiny-1"
    assert outputs["y"].tolist() == [[25.0]]


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    return build_v1(tmp_path_factory.mktemp("frozen") / "net.pb", variable=False)


def test_a_frozen_graph_is_named_by_its_nodes(frozen, answers):
    model, outputs = answers(frozen, {"in/x": X, "word": WORDS}, outputs=("out/y",))
    assert [(s.name, s.shape) for s in model.signature.inputs] == [
        ("in/x", (None, 2)),
        ("word", (None,)),
    ]
    assert outputs["out/y"].tolist() == [[25.0]]
    model, outputs = answers(frozen, {"in/x": X}, outputs=("MatMul:0",))
    assert outputs["MatMul"].tolist() == [[5.0]]


def test_the_only_output_that_a_frozen_graph_can_have_needs_no_name(frozen, answers):
    model, _ = answers(frozen, {"in/x": X, "word": WORDS})
    assert [spec.name for spec in model.signature.outputs] == ["out/y"]


def test_outputs_that_a_frozen_graph_does_not_have(frozen, refusal, tmp_path):
    message = refusal(frozen, outputs=("out/z",))
    assert "no output 'out/z'" in message and "'out/y'" in message
    assert "'out/y:3'" in refusal(frozen, outputs=("out/y:3",))
    assert "depends on no placeholder" in refusal(frozen, outputs=("w",))
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [2], name="x")
        tf.identity(x, name="left")
        tf.identity(x, name="right")
    (tmp_path / "two.pb").write_bytes(graph.as_graph_def().SerializeToString())
    message = refusal(tmp_path / "two.pb")
    assert "'left', 'right'" in message and "--output" in message


def test_files_that_are_no_frozen_graph(frozen, v1, refusal, tmp_path):
    cut = tmp_path / "cut.pb"
    cut.write_bytes(frozen.read_bytes()[:200])
    assert "truncated" in refusal(cut)
    cut.write_bytes(b"")
    assert "no graph" in refusal(cut)
    assert "name its directory" in refusal(v1 / "saved_model.pb")
    assert "no frozen graph" in refusal(v1, outputs=("y",))
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.identity(tf.compat.v1.get_variable("w", [2]), name="y")
    (tmp_path / "thawed.pb").write_bytes(graph.as_graph_def().SerializeToString())
    assert "'w'" in refusal(tmp_path / "thawed.pb")


def test_functions_in_memory(answers, refusal):
    import tensorflow as tf

    factor = tf.Variable(3.0)
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["a", "b"], [10.0, 20.0]), -1.0
    )

    @tf.function(input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([None], tf.string)])
    def scaled(x, word):
        return {"y": factor * x + table.lookup(word)[:, None]}

    model, outputs = answers(scaled, {"x": X, "word": WORDS})
    assert model.name == "scaled"
    assert outputs["y"].tolist() == [[23.0, 26.0]]

    @tf.function
    def tripled(x):
        return factor * x

    assert "get_concrete_function" in refusal(tripled)
    concrete = tripled.get_concrete_function(tf.TensorSpec([None, 2]))
    model, outputs = answers(concrete, {"x": X})
    assert model.name == "tripled"
    assert outputs["output_0"].tolist() == [[3.0, 6.0]]
    assert "tf.function first" in refusal(lambda x: x)


def test_modules_in_memory(answers, refusal):
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self):
            super().__init__(name="calculator")
            self.one = tf.Variable(1.0)

        @property
        def fragile(self):
            raise RuntimeError("not to be asked")

        @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
        def __call__(self, x):
            return x + self.one

        @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
        def less(self, x):
            return x - self.one

        @tf.function
        def untraced(self, x):
            return x

    module = Module()
    model, outputs = answers(module, {"x": X})
    assert (model.name, model.signature_key) == ("calculator", "serving_default")
    assert outputs["output_0"].tolist() == [[2.0, 3.0]]
    _, outputs = answers(module, {"x": X}, signature="less")
    assert outputs["output_0"].tolist() == [[0.0, 1.0]]
    assert "'less', 'serving_default'" in refusal(module, signature="more")
    assert "no tf.function" in refusal(tf.Module())
    answers(module.less, {"x": X})


def test_what_tensorflow_loaded_and_what_is_open_already(v1, answers):
    import tensorflow as tf

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
        def less(self, x):
            return {"y": x - 1.0}

    with open_model(Module()) as model:
        loaded = tf.saved_model.load(str(model.saved_model))
        _, outputs = answers(loaded, {"x": X})
        assert outputs["y"].tolist() == [[0.0, 1.0]]
        again, outputs = answers(model, {"x": X})
        assert again == model
        assert outputs["y"].tolist() == [[0.0, 1.0]]
    with open_model(v1, signature="twice") as model, open_model(model) as again:
        assert again.signature_key == "twice"
