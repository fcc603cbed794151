"""Files and models of both Keras generations, and layers that only the user has."""

from __future__ import annotations

import importlib
import os

import numpy as np
import pytest

from tfjs_verify.errors import RequestError
from tfjs_verify.model import load_custom_objects, open_model

X = np.array([[1.0, -2.0, 3.0]], np.float32)

CUSTOM = """
import keras

class Doubling(keras.layers.Layer):
    def call(self, x):
        return 2.0 * x
"""


@pytest.fixture(scope="module")
def legacy():
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    z = tf_keras.Input((3,), name="z")
    a = tf_keras.Input((3,), name="a")
    hidden = tf_keras.layers.Dense(4, activation="tanh")(z)
    first = tf_keras.layers.Dense(2, name="first")(hidden)
    second = tf_keras.layers.Subtract(name="second")([z, a])
    return tf_keras.Model([z, a], [second, first], name="old_timer")


@pytest.fixture(scope="module")
def custom(tmp_path_factory):
    directory = tmp_path_factory.mktemp("custom")
    (directory / "layers.py").write_text(CUSTOM)
    import keras

    Doubling = load_custom_objects(directory / "layers.py")["Doubling"]
    keras.Sequential([keras.Input((3,)), Doubling()]).save(directory / "doubling.keras")
    return directory


@pytest.mark.parametrize("ending", [None, "keras", "h5"])
def test_keras_2_is_named_by_its_layers_and_answers_as_it_did(legacy, answers, tmp_path, ending):
    source = legacy
    if ending is not None:
        source = tmp_path / f"legacy.{ending}"
        legacy.save(source)
    model, outputs = answers(source, {"z": X, "a": 2 * X})
    assert model.keras_model.name == "old_timer"
    assert [spec.name for spec in model.signature.inputs] == ["a", "z"]
    assert set(outputs) == {"first", "second"}
    second, first = legacy([X, 2 * X])
    np.testing.assert_allclose(outputs["first"], first, rtol=1e-6)
    np.testing.assert_array_equal(outputs["second"], second)
    assert os.listdir(tmp_path) == ([] if ending is None else [source.name])


def test_a_saved_model_of_keras_2_is_a_saved_model(legacy, answers, tmp_path):
    legacy.save(tmp_path / "old", save_format="tf")
    _, outputs = answers(tmp_path / "old", {"z": X, "a": X})
    np.testing.assert_array_equal(outputs["second"], np.zeros((1, 3)))


def test_old_files_whose_attributes_are_bytes(legacy, tmp_path, answers):
    import h5py

    legacy.save(tmp_path / "old.h5")
    with h5py.File(tmp_path / "old.h5", "r+") as file:
        file.attrs["keras_version"] = np.bytes_(b"2.1.6-tf")
    model, _ = answers(tmp_path / "old.h5", {"z": X, "a": X})
    assert {spec.name for spec in model.signature.outputs} == {"first", "second"}


def test_subclassed_models_in_memory(answers, refusal):
    import keras
    import tf_keras

    class New(keras.Model):
        def call(self, x):
            return {"sum": keras.ops.sum(x, axis=-1), "twice": 2.0 * x}

    class Old(tf_keras.Model):
        def call(self, x):
            return 2.0 * x

    for kind, name in ((New, "twice"), (Old, "output_1")):
        model = kind()
        assert "is not built" in refusal(model)
        model(X)
        outputs = answers(model, {input_name(model): X})[1]
        np.testing.assert_array_equal(outputs[name], 2 * X)


def input_name(source, **options) -> str:
    with open_model(source, **options) as opened:
        (spec,) = opened.signature.inputs
    return spec.name


def test_a_missing_layer_is_named_with_the_ways_to_give_it(custom, refusal, answers):
    file = custom / "doubling.keras"
    message = refusal(file)
    assert "'Doubling'" in message and "--custom-objects" in message and "in memory" in message
    given = load_custom_objects(custom / "layers.py")
    name = input_name(file, custom_objects=given)
    outputs = answers(file, {name: X}, custom_objects=given)[1]
    np.testing.assert_array_equal(outputs["output_0"], 2 * X)


def test_a_missing_layer_of_keras_2(tmp_path, refusal):
    import tf_keras

    class Doubling(tf_keras.layers.Layer):
        def call(self, x):
            return 2.0 * x

    tf_keras.Sequential([tf_keras.Input((3,)), Doubling()]).save(tmp_path / "old.h5")
    assert "'Doubling'" in refusal(tmp_path / "old.h5")
    with open_model(tmp_path / "old.h5", custom_objects={"Doubling": Doubling}) as model:
        assert len(model.signature.outputs) == 1


def test_python_code_in_a_lambda_layer_is_not_run_unasked(tmp_path, refusal):
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x)])
    model.save(tmp_path / "code.keras")
    assert "Lambda" in refusal(tmp_path / "code.keras")


def test_custom_objects_that_cannot_be_had(tmp_path):
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "empty.py").write_text("import keras")
    for name, part in (("broken", "ZeroDivisionError"), ("empty", "no class"), ("no", "no Python")):
        with pytest.raises(RequestError, match=part):
            load_custom_objects(tmp_path / f"{name}.py")


def test_a_zip_file_that_is_no_model(tmp_path, refusal):
    import zipfile

    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert "not of a Keras model" in refusal(tmp_path / "other.keras")


@pytest.mark.parametrize("ending", [None, "keras", "h5"])
def test_what_is_exported_predicts_where_a_layer_trains_by_default(answers, tmp_path, ending):
    import keras
    from keras import layers

    def augmented():
        return keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.2)])

    image = keras.Input((6, 6, 1), name="image")
    hidden = layers.Resizing(4, 4)(augmented()(image))
    hidden = layers.BatchNormalization(moving_mean_initializer="ones")(hidden)
    model = keras.Model(image, layers.Dropout(0.5)(hidden))
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 1)).astype(np.float32)
    source = model
    if ending is not None:
        source = tmp_path / f"augmented.{ending}"
        model.save(source)
    _, outputs = answers(source, {"image": x})
    np.testing.assert_allclose(outputs["output_0"], model.predict(x, verbose=0), atol=1e-6)


def test_a_subclass_that_does_not_say_whether_it_trains(answers):
    import keras

    class Silent(keras.Model):
        def __init__(self):
            super().__init__()
            self.before = keras.layers.Resizing(2, 2)
            self.after = keras.layers.BatchNormalization()

        def call(self, images):
            return self.after(self.before(images))

    model = Silent()
    x = np.ones((1, 3, 3, 1), np.float32)
    model(x, training=False)
    _, outputs = answers(model, {"args_0": x})
    np.testing.assert_allclose(outputs["output_0"], model(x, training=False), rtol=1e-6)


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_why_a_layer_cannot_be_exported_is_said_without_its_frame(library, refusal):
    keras = importlib.import_module(library)

    class Broken(keras.layers.Layer):
        broken = False

        def call(self, x):
            if self.broken:
                raise ValueError("it needs a batch")
            return x

    layer = Broken()
    model = keras.Sequential([keras.Input((3,)), layer])
    layer.broken = True
    assert refusal(model).endswith("SavedModel: ValueError: it needs a batch")
