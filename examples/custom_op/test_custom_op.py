"""The op in JavaScript says what TensorFlow's says; a wrong one is caught."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def convert(run, module: str, *words: object):
    return run(
        *("convert", HERE / "delivery", "out", "--js-module", HERE / module, "--verify"),
        *("--input", "days=float 0..60", "-n", 10, *words),
    )


def test_the_op_in_javascript_agrees_on_every_backend(run):
    answer = convert(run, "ops.mjs")
    assert answer.status == 0, answer
    assert "register(tf);" in answer.out


def test_a_wrong_op_is_caught(run):
    answer = convert(run, "wrong.mjs", "-b", "cpu")
    assert answer.status == 1, answer
    assert "arrived" in answer.out


def test_without_the_module_the_op_is_named(run, tmp_path):
    answer = run("convert", HERE / "delivery", "out")
    assert answer.status == 1
    assert "Igamma" in answer.err and "--js-module" in answer.err
    assert not (tmp_path / "out").exists()
