from __future__ import annotations

import json

import pytest


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    import tensorflow as tf

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([4, 4], name="x")])
        def __call__(self, x):
            return {"y": tf.linalg.band_part(x, -1, 0, name="mask")}

    module = Module()
    directory = tmp_path_factory.mktemp("causal") / "saved"
    tf.saved_model.save(module, str(directory), signatures=module.__call__)
    return directory


def test_the_status_says_whether_something_stands_in_the_way(run, causal, tmp_path):
    answer = run("preflight", causal, "-b", "cpu", "--json", "found.json")
    assert answer.status == 0, answer
    assert "taken care of by matrix-band-part" in answer.out
    assert "nothing stands in the way" in answer.out
    document = json.loads((tmp_path / "found.json").read_text())
    assert document["schema"] == "tfjs-verify/preflight/1"
    assert document["clear"] is True
    answer = run("preflight", causal, "-b", "cpu", "--no-repair")
    assert answer.status == 1
    assert "✗  MatrixBandPart" in answer.out and "mask" in answer.out


def test_bad_input_is_one_clear_message(run, causal, tmp_path):
    for words, part in (
        (["nowhere"], "nowhere"),
        ([causal, "--signature", "nope"], "serving_default"),
        ([causal, "--json", tmp_path], "directory"),
        ([causal, "--js-module", "none.mjs", "-b", "cpu"], "none.mjs"),
    ):
        answer = run("preflight", *words)
        assert answer.status == 2, answer
        assert part in answer.err
        assert answer.out == ""
