from __future__ import annotations

import os
from pathlib import Path

import pytest

from tfjs_verify.errors import ModelError
from tfjs_verify.model import open_model


@pytest.fixture(scope="module")
def keras_model():
    import keras

    return keras.Sequential(
        [keras.Input((3,), name="pixels"), keras.layers.Dense(2)], name="digits"
    )


@pytest.fixture(scope="module")
def two_signatures(tmp_path_factory):
    import tensorflow as tf

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
        def double(self, x):
            return {"twice": 2 * x}

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.int64, name="x")])
        def negate(self, x):
            return {"minus": -x}

    directory = tmp_path_factory.mktemp("two") / "saved"
    module = Module()
    tf.saved_model.save(
        module, str(directory), signatures={"double": module.double, "negate": module.negate}
    )
    return directory


def fails(source, **options) -> str:
    with pytest.raises(ModelError) as caught, open_model(source, **options):
        pass
    return caught.value.message


def test_a_keras_model_in_memory_becomes_a_saved_model_that_goes_with_the_context(keras_model):
    with open_model(keras_model) as model:
        assert model.name == "digits"
        assert model.path == "<keras model 'digits'>"
        assert model.signature_key == "serving_default"
        assert model.tags == ("serve",)
        assert [(s.name, s.dtype, s.shape) for s in model.signature.inputs] == [
            ("pixels", "float32", (None, 3))
        ]
        assert [s.name for s in model.signature.outputs] == ["output_0"]
        assert (model.saved_model / "saved_model.pb").is_file()
    assert not model.saved_model.exists()


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_keras_file_is_read_and_nothing_is_written_beside_it(keras_model, tmp_path, ending):
    file = tmp_path / f"my digits.{ending}"
    keras_model.save(file)
    with open_model(file) as model:
        assert model.name == "my-digits"
        assert [s.name for s in model.signature.inputs] == ["pixels"]
    assert os.listdir(tmp_path) == [file.name]


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_truncated_keras_file_is_said_to_be_one(keras_model, tmp_path, ending):
    file = tmp_path / f"cut.{ending}"
    keras_model.save(file)
    file.write_bytes(file.read_bytes()[:-2000])
    assert "truncated or corrupt" in fails(file)


def test_opening_is_silent_on_stdout(keras_model, capfd):
    with open_model(keras_model):
        pass
    assert capfd.readouterr().out == ""


def test_a_saved_model_is_taken_where_it_is(two_signatures):
    with open_model(two_signatures, signature="negate", name="a b/c") as model:
        assert model.saved_model == two_signatures
        assert model.name == "a-b-c"
        assert model.signature.inputs[0].dtype == "int64"
    assert two_signatures.exists()


def test_an_unknown_or_ambiguous_signature_lists_those_that_exist(two_signatures):
    assert "'double', 'negate'" in fails(two_signatures, signature="serving")
    assert "'double', 'negate'" in fails(two_signatures)
    assert "serve" in fails(two_signatures, tags=["train"])


def test_a_model_without_signatures_says_how_to_give_it_one(tmp_path):
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(tmp_path / "bare"))
    assert "signatures=" in fails(tmp_path / "bare")


def test_paths_that_are_no_model(tmp_path):
    assert "is not there" in fails(tmp_path / "nothing")
    (tmp_path / "notes.txt").write_text("hello")
    assert "found notes.txt" in fails(tmp_path)
    assert "'.txt'" in fails(tmp_path / "notes.txt")
    (tmp_path / "model.json").write_text("{}")
    assert "--artifact" in fails(tmp_path)
    assert "expected a SavedModel or" in fails(42)


def test_a_truncated_saved_model_is_said_to_be_one(two_signatures, tmp_path):
    whole = (two_signatures / "saved_model.pb").read_bytes()
    for length in (0, 10, len(whole) // 2):
        (tmp_path / "saved_model.pb").write_bytes(whole[:length])
        assert "truncated" in fails(tmp_path)


def test_a_keras_model_that_was_never_built_is_refused():
    import keras

    assert "is not built" in fails(keras.Sequential([keras.layers.Dense(2)]))


def test_a_signature_of_tensorflow_1_is_read(tmp_path):
    import tensorflow as tf

    directory = Path(tmp_path) / "v1"
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, [None, 2], name="x")
        y = tf.add(x, 1.0, name="y")
        tf.compat.v1.saved_model.simple_save(
            session, str(directory), inputs={"left": x}, outputs={"right": y}
        )
    with open_model(directory) as model:
        assert [s.name for s in model.signature.inputs] == ["left"]
        assert [s.name for s in model.signature.outputs] == ["right"]
