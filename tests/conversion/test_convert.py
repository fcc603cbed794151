from __future__ import annotations

import json
import os
import signal
import threading
import time

import numpy as np
import pytest

from tfjs_verify.conversion import ConversionWorker, convert
from tfjs_verify.errors import ArtifactError, ConversionError, RequestError
from tfjs_verify.model import open_model
from tfjs_verify.runtimes.tfjs import TFJS


@pytest.fixture(scope="module")
def three_outputs(tmp_path_factory):
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self):
            self.w = tf.Variable(tf.ones([4, 40]), name="kernel")

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, 4], name="z"),
                tf.TensorSpec([None, 4], name="a"),
                tf.TensorSpec([None, 4], name="unused"),
            ]
        )
        def serve(self, z, a, unused):
            return {"zoo": z - a, "apple": tf.linalg.matmul(z, self.w), "pear": z * a}

    module = Module()
    directory = tmp_path_factory.mktemp("three") / "saved"
    tf.saved_model.save(module, str(directory), signatures={"serving_default": module.serve})
    with open_model(directory) as model:
        yield model


@pytest.mark.parametrize("repair", [True, False])
def test_inputs_and_outputs_keep_the_names_of_the_signature(
    three_outputs, tmp_path, worker, repair
):
    artifact = convert(three_outputs, tmp_path / "out", repair=repair, worker=worker)
    assert artifact.outputs == {"apple": "Identity", "pear": "Identity_1", "zoo": "Identity_2"}
    assert artifact.inputs["a"] == "a"
    assert artifact.extra_outputs == artifact.extra_inputs == ()
    assert os.listdir(tmp_path) == ["out"]
    content = json.loads((tmp_path / "out" / "model.json").read_text())
    assert set(content["signature"]["outputs"]) == {"apple", "pear", "zoo"}


def test_the_tenth_output_comes_after_the_second(tmp_path, worker, nodes):
    import tensorflow as tf

    from tfjs_verify.report.findings import order

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([2], name=f"x_{i}") for i in (10, 2, 9)])
        def serve(self, *x):
            return {f"output_{i}": x[0] * i + x[1] - x[2] for i in range(11)}

    module = Module()
    tf.saved_model.save(module, str(tmp_path / "many"), signatures=module.serve)
    names = [f"output_{i}" for i in range(11)]
    with open_model(tmp_path / "many") as model:
        assert [spec.name for spec in model.signature.outputs] == names
        for repair in (True, False):
            artifact = convert(model, tmp_path / f"{repair}", repair=repair, worker=worker)
            assert list(artifact.outputs) == names
            assert list(artifact.inputs) == ["x_2", "x_9", "x_10"]
            with TFJS(artifact, session=nodes.start("cpu")) as runtime:
                feeds = {
                    name: np.full(2, 2 + k, np.float32) for k, name in enumerate(artifact.inputs)
                }
                answer = runtime.run(feeds)
                found = order(artifact, runtime.loaded)
            assert [answer[name][0] for name in names] == [4.0 * i - 1 for i in range(11)]
            assert [finding.message.split()[3] for finding in found] == (
                [] if repair else ["inputs", "outputs"]
            )


def test_an_input_that_nothing_needs_can_still_be_fed(three_outputs, tmp_path, worker):
    artifact = convert(three_outputs, tmp_path / "out", worker=worker)
    assert artifact.inputs["unused"] == "unused"


def test_shards_metadata_and_quantization_are_as_asked(three_outputs, tmp_path, worker):
    artifact = convert(
        three_outputs,
        tmp_path / "out",
        worker=worker,
        shard_bytes=100,
        metadata={"owner": "me"},
        quantization={"uint8": ["*kernel*"]},
    )
    content = json.loads(artifact.model_json.read_text())
    assert content["userDefinedMetadata"] == {"owner": "me"}
    (group,) = content["weightsManifest"]
    assert len(group["paths"]) == 2
    assert group["weights"][0]["quantization"]["dtype"] == "uint8"
    assert artifact.quantization == "uint8: *kernel*"


def test_an_earlier_conversion_is_replaced_and_nothing_else_is(three_outputs, tmp_path, worker):
    out = tmp_path / "out"
    convert(three_outputs, out, worker=worker, shard_bytes=100)
    convert(three_outputs, out, worker=worker)
    assert sorted(os.listdir(out)) == ["group1-shard1of1.bin", "model.json"]
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(ArtifactError, match=r"thesis\.txt"):
        convert(three_outputs, out, worker=worker)
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="is a file"):
        convert(three_outputs, tmp_path / "file", worker=worker)
    with pytest.raises(ArtifactError, match="cannot be written"):
        convert(three_outputs, tmp_path / "file" / "below", worker=worker)
    assert sorted(os.listdir(tmp_path)) == ["file", "out"]


def test_wrong_options_are_refused_before_anything_starts(three_outputs, tmp_path):
    with pytest.raises(RequestError, match="float16, uint16, uint8"):
        convert(three_outputs, tmp_path / "out", quantization="int4")
    with pytest.raises(RequestError, match="shard_bytes=0"):
        convert(three_outputs, tmp_path / "out", shard_bytes=0)


def test_an_op_without_equal_is_named_with_its_node(tmp_path, worker):
    import tensorflow as tf

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([2, 2], name="x")])
        def serve(self, x):
            return {"y": tf.linalg.svd(x, compute_uv=False, name="my_svd")}

    tf.saved_model.save(Module(), str(tmp_path / "svd"), signatures=Module().serve)
    with open_model(tmp_path / "svd") as model, pytest.raises(ConversionError) as caught:
        convert(model, tmp_path / "out", worker=worker)
    assert any(op.startswith("Svd (") and "my_svd" in op for op in caught.value.ops)
    assert "Svd" in caught.value.message
    assert not (tmp_path / "out").exists()


def test_a_missed_deadline_ends_this_conversion_only(three_outputs, tmp_path):
    with ConversionWorker() as worker:
        with pytest.raises(ConversionError, match=r"did not end within 0\.01 s"):
            convert(three_outputs, tmp_path / "out", worker=worker, timeout=0.01)
        assert os.listdir(tmp_path) == []
        convert(three_outputs, tmp_path / "out", worker=worker)


def test_a_crash_is_an_error_of_this_model_with_its_signal(three_outputs, tmp_path):
    with ConversionWorker() as worker:
        killer = threading.Thread(target=_kill_soon, args=(worker,))
        killer.start()
        with pytest.raises(ConversionError, match="crashed with SIGSEGV"):
            convert(three_outputs, tmp_path / "out", worker=worker)
        killer.join()


def _kill_soon(worker: ConversionWorker) -> None:
    while worker._process is None:
        time.sleep(0.05)
    os.kill(worker._process.popen.pid, signal.SIGSEGV)
