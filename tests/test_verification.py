from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

import tfjs_verify as tv
from tests.conftest import DIGITS
from tfjs_verify.cases import Domain
from tfjs_verify.errors import CaseError, ParityError, RequestError
from tfjs_verify.measurements.quantization import Budget
from tfjs_verify.runtimes import NodePool
from tfjs_verify.verification import Progress, Request, verify_all


@pytest.fixture(scope="session")
def converted(models: Path, nodes, worker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Artifacts of the session's models, in a working directory."""
    work = tmp_path_factory.mktemp("work")
    for name in ("plain", "twins"):
        tv.verify(
            models / name, backends=["cpu"], examples=1, work_dir=work, nodes=nodes, worker=worker
        )
    return work


def damaged(converted: Path, name: str, target: Path) -> Path:
    return Path(shutil.copytree(converted / name / "artifact", target / name))


def flip_a_weight(artifact: Path) -> None:
    shard = next(artifact.glob("*.bin"))
    weights = np.fromfile(shard, np.float32)
    weights[3] += 0.25
    weights.tofile(shard)


def edit_signature(artifact: Path, change) -> None:
    document = json.loads((artifact / "model.json").read_text())
    change(document["signature"])
    (artifact / "model.json").write_text(json.dumps(document))


def test_a_trained_model_is_in_parity_on_every_backend(nodes, worker):
    report = tv.verify(
        DIGITS / "digits.keras", data=[DIGITS / "cases"], examples=5, nodes=nodes, worker=worker
    )
    assert report.verdict == "pass"
    (model,) = report.models
    assert [backend.backend for backend in model.backends] == ["node", "wasm", "cpu"]
    for backend in model.backends:
        assert backend.cases >= 55
        assert backend.outputs[0].max_abs_error < 1e-5
        assert backend.latency is not None
        assert backend.latency.p50_ms > 0
        assert backend.latency.load_ms > 0
        assert backend.latency.reference_p50_ms > 0


def test_a_keras_model_in_memory_is_verified(nodes, worker):
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="in_memory")
    report = tv.assert_parity(model, backends=["cpu"], examples=3, nodes=nodes, worker=worker)
    assert report.models[0].name == "in_memory"


def test_names_decide_what_belongs_together(models, nodes, worker):
    report = tv.verify(models / "twins", examples=5, nodes=nodes, worker=worker)
    assert report.verdict == "pass"


def test_a_flipped_weight_is_named(models, converted, nodes, worker, tmp_path):
    artifact = damaged(converted, "plain", tmp_path)
    flip_a_weight(artifact)
    report = tv.verify(
        models / "plain",
        artifact=artifact,
        examples=10,
        nodes=nodes,
        worker=worker,
        work_dir=tmp_path / "kept",
    )
    assert report.verdict == "fail"
    with pytest.raises(ParityError) as failure:
        report.raise_for_mismatch()
    text = str(failure.value)
    for part in (
        'tfjs:wasm disagrees with tensorflow on output "scores" (float32[?, 4])',
        "worst element     [",
        ": tensorflow ",
        ", tfjs:wasm ",
        "error      ",
        "allowed     ",
        "replay            tfjs-verify verify",
    ):
        assert part in text
    backend = report.models[0].backends[1]
    saved = Path(backend.minimal_case)
    assert saved.parent == tmp_path / "kept" / "plain" / "cases"
    again = tv.verify(
        models / "plain",
        artifact=artifact,
        data=[saved],
        examples=0,
        nodes=nodes,
        worker=worker,
        work_dir=tmp_path / "again",
    )
    assert again.verdict == "fail"


def test_swapped_outputs_are_caught(models, converted, nodes, worker, tmp_path):
    artifact = damaged(converted, "twins", tmp_path)

    def swap(signature):
        outputs = signature["outputs"]
        outputs["first"], outputs["second"] = outputs["second"], outputs["first"]

    edit_signature(artifact, swap)
    report = tv.verify(
        models / "twins",
        artifact=artifact,
        examples=5,
        nodes=nodes,
        worker=worker,
        work_dir=tmp_path / "w",
    )
    assert [backend.verdict for backend in report.models[0].backends] == ["fail"] * 3


@pytest.mark.parametrize(("name", "output"), [("twins", "first"), ("plain", "scores")])
def test_a_dropped_output_is_caught(models, converted, nodes, worker, tmp_path, name, output):
    artifact = damaged(converted, name, tmp_path)
    edit_signature(artifact, lambda signature: signature["outputs"].pop(output))
    report = tv.verify(
        models / name,
        artifact=artifact,
        examples=2,
        nodes=nodes,
        worker=worker,
        work_dir=tmp_path / "w",
    )
    assert report.verdict == "fail"
    structures = [
        item.structure for b in report.models[0].backends for item in b.outputs if item.structure
    ]
    assert structures == ["the artifact does not give this output"] * 3


def test_the_power_of_a_verification_is_in_its_report(models, converted, nodes, worker, tmp_path):
    words = {"backends": ["cpu"], "nodes": nodes, "worker": worker, "work_dir": tmp_path}
    report = tv.verify(models / "plain", examples=20, mutation_check=12, **words)
    mutation = report.models[0].mutation
    assert (mutation.backend, mutation.cases, len(mutation.mutants)) == ("cpu", 20, 12)
    assert mutation.score == 1.0
    assert mutation.counts["killed"] + mutation.counts["stillborn"] > 6
    # What is allowed to differ hides faults, and that is no failure.
    blind = tv.verify(models / "plain", examples=20, mutation_check=12, rtol=1e9, **words)
    assert blind.verdict == "pass"
    assert blind.models[0].mutation.score < 0.7
    assert blind.models[0].mutation.counts["survived"] > 2


def test_nothing_is_planted_in_what_is_not_in_parity(models, converted, nodes, worker, tmp_path):
    artifact = damaged(converted, "plain", tmp_path)
    flip_a_weight(artifact)
    words = {"backends": ["cpu"], "nodes": nodes, "worker": worker, "work_dir": tmp_path / "w"}
    report = tv.verify(
        models / "plain", artifact=artifact, examples=5, mutation_check=5, shrink_seconds=0, **words
    )
    mutation = report.models[0].mutation
    assert (mutation.score, mutation.mutants) == (None, ())
    assert "no backend is in parity" in mutation.reason
    assert tv.verify(models / "plain", examples=2, **words).models[0].mutation is None


def killed_meanwhile(models, tmp_path):
    """The report of a run whose wasm process is killed; the case it had is remembered."""
    with NodePool() as pool:
        request = Request(model=models / "plain", examples=40, work_dir=tmp_path)

        def on_case(done: int, total: int) -> None:
            if done == 10:
                os.kill(pool.start("wasm").pid, signal.SIGKILL)

        return verify_all([request], progress=Progress(cases=on_case), nodes=pool)


def test_a_killed_process_is_one_backends_error(models, tmp_path):
    report = killed_meanwhile(models, tmp_path)
    node, wasm, cpu = report.models[0].backends
    assert (wasm.verdict, wasm.stage) == ("error", "crash")
    assert "signal SIGKILL" in wasm.message
    assert (node.verdict, cpu.verdict) == ("pass", "pass")
    assert node.cases == cpu.cases == 40
    assert report.verdict == "error"


def test_the_same_request_gives_the_same_report(models, nodes, worker, tmp_path):
    """Whatever it recalls of a run before it."""
    killed_meanwhile(models, tmp_path)

    def figures():
        report = tv.verify(models / "plain", examples=10, seed=3, nodes=nodes, worker=worker)
        return [(b.backend, b.cases, b.outputs) for b in report.models[0].backends]

    assert figures() == figures()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"backends": ("webgpu",)}, "no backend 'webgpu'"),
        ({"backends": ()}, "no backend was named"),
        ({"examples": 0}, "zero cases prove nothing"),
        ({"examples": -1}, "0 or more"),
        ({"timeout": 0}, "timeout"),
        ({"mutation_check": -1}, "faults to plant"),
        ({"atol": -1.0}, "atol"),
        ({"rtol": float("nan")}, "rtol"),
        ({"rtol": float("inf")}, "rtol must be 0 or more and finite"),
        ({"timeout": float("nan")}, "timeout"),
        ({"shrink_seconds": -1.0}, "shrink_seconds"),
        ({"examples": 2.5}, r"examples must be a whole number, not 2\.5"),
        ({"seed": True}, "seed must be a whole number, not True"),
        ({"atol": "1"}, "atol must be a number, not '1'"),
        ({"name": 3}, "name must be a text, not 3"),
        ({"remember": "no"}, "remember must be true or false, not 'no'"),
        ({"quantize": 8}, "quantize must be float16, uint8, uint16, not 8"),
        ({"quantization_budget": Budget(decisions=0.01)}, "name --quantize or a quantised --art"),
    ],
)
def test_a_request_that_cannot_be_verified_is_refused_at_once(words, message):
    with pytest.raises(RequestError, match=message):
        Request(model="anything", **words)


def test_a_budget_for_an_artifact_that_is_not_quantised_is_refused(
    models, converted, nodes, worker
):
    words = {"artifact": converted / "plain" / "artifact", "nodes": nodes, "worker": worker}
    with pytest.raises(RequestError, match="artifact is not quantised"):
        tv.verify(models / "plain", quantization_budget="1%", **words)


def test_a_backend_that_is_named_twice_is_verified_once():
    assert Request(model="anything", backends=("wasm", "cpu", "wasm")).backends == ("wasm", "cpu")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"backends": "cpu"}, r"backends must be a list, as \['cpu'\]"),
        ({"data": "real"}, r"data must be a list, as \['real'\]"),
        ({"data": Path("real")}, r"data must be a list, as \['real'\]"),
        ({"js_modules": "ops.mjs"}, r"js_modules must be a list, as \['ops\.mjs'\]"),
        ({"outputs": "first"}, r"outputs must be a list, as \['first'\]"),
        ({"inputs": {"x": "int"}}, "Write it like this: int 0"),
    ],
)
def test_what_takes_several_is_not_guessed_from_one(words, message):
    with pytest.raises((RequestError, CaseError), match=message):
        tv.verify("anything", **words)


def test_a_domain_may_be_given_as_its_text(models, nodes, worker):
    words = {"backends": ["cpu"], "examples": 2, "nodes": nodes, "worker": worker}
    report = tv.verify(models / "plain", inputs={"x": "float 2..3"}, **words)
    [domain] = report.models[0].domains
    assert (domain.domain, domain.source) == ("float 2..3", "stated")


def test_a_batch_of_nothing_is_no_case(models, tmp_path, nodes, worker):
    np.savez(tmp_path / "nothing.npz", x=np.zeros((0, 6), np.float32))
    data = [tmp_path / "nothing.npz"]
    report = tv.verify(models / "plain", examples=0, data=data, nodes=nodes, worker=worker)
    assert report.verdict == "error"
    assert "answered nothing at all" in report.models[0].backends[0].message


def test_a_text_without_a_shape_is_compared(nodes, worker):
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([], tf.string, name="name")])
    def named(name):
        return {"same": tf.identity(name), "cat": name == "cat"}

    report = tv.verify(named, backends=["cpu"], examples=5, nodes=nodes, worker=worker)
    assert report.verdict == "pass"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"scores": {"nowhere": "classes"}}, "scores name the output 'nowhere'; twins has first"),
        ({"scores": {"first": "boxes"}}, r"'first' is \[.*\]: boxes are \[..., N, 4\]"),
        ({"inputs": {"nowhere": Domain("bool")}}, "nowhere"),
    ],
)
def test_names_that_the_model_does_not_have_are_refused_before_the_long_part(
    words, message, models, worker, nodes
):
    with pytest.raises((RequestError, CaseError), match=message):
        tv.verify(models / "twins", nodes=nodes, worker=worker, **words)


_SHY = """
export function register(tf) {
  tf.registerOp('TanhGrad', ({ inputs: [y, dy] }) => {
    if (y.dataSync().some(Number.isNaN)) throw new Error('no numbers here');
    return tf.mul(dy, tf.sub(1, tf.mul(y, y)));
  });
}
"""


@pytest.mark.parametrize(("special", "verdict"), [("report", "pass"), ("strict", "error")])
def test_what_raises_on_special_values_alone_is_told(special, verdict, worker, tmp_path):
    import tensorflow as tf

    (tmp_path / "shy.mjs").write_text(_SHY)
    module = tf.Module()
    module.serve = tf.function(
        lambda x: {"y": tf.raw_ops.TanhGrad(y=x, dy=x)}, [tf.TensorSpec([None, 3], tf.float32, "x")]
    )
    report = tv.verify(
        module,
        name="shy",
        examples=20,
        special_values=special,
        js_modules=[tmp_path / "shy.mjs"],
        worker=worker,
        remember=False,
        work_dir=tmp_path / "work",
    )
    for backend in report.models[0].backends:
        assert backend.verdict == verdict
        if verdict == "pass":
            assert backend.cases == 20
            (finding,) = [f for f in backend.findings if "not computed" in f.message]
            assert finding.domain == "nan"
            assert not finding.gates
            assert "no numbers here; the case was made of nan values" in finding.message
        else:
            assert (backend.stage, backend.message) == ("run", "no numbers here")
