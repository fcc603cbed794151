"""The layer in JavaScript computes what Keras's does; a wrong one is caught."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def convert(run, module: str, *words: object):
    return run(
        *("convert", HERE / "daylight.keras", "out", "--format", "layers", "--verify"),
        *("--custom-objects", HERE / "layers.py", "--js-module", HERE / module),
        *("--input", "day=float 0..365", "-n", 10, *words),
    )


def test_the_layer_in_javascript_agrees_on_every_backend(run):
    answer = convert(run, "layers.mjs")
    assert answer.status == 0, answer
    assert "tf.loadLayersModel('out/model.json')" in answer.out


def test_a_wrong_layer_is_caught(run):
    answer = convert(run, "wrong.mjs", "-b", "cpu")
    assert answer.status == 1, answer


def test_without_the_module_the_layer_is_named(run, tmp_path):
    answer = run(
        *("convert", HERE / "daylight.keras", "out", "--format", "layers"),
        *("--custom-objects", HERE / "layers.py"),
    )
    assert answer.status == 1
    assert "Snake" in answer.err
    assert not (tmp_path / "out").exists()
