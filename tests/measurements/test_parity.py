"""Parity on real artifacts whose fault depends on the input."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tfjs_verify as tv
from tfjs_verify.cases import Memory, plan_cases
from tfjs_verify.measurements.parity import measure_parity
from tfjs_verify.runtimes import TFJS


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model that adds 0, and a twin that adds 1 where an element is over 0.9."""
    import tensorflow as tf

    directory = tmp_path_factory.mktemp("twins")

    def module(fault):
        class Model(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
            def __call__(self, x):
                y = tf.reduce_sum(x * [1.0, 2.0, 3.0, 4.0], axis=1)
                seen = tf.cast(tf.reduce_max(x, axis=1) > 0.9, tf.float32)
                return {"y": y + fault * seen}

        return Model()

    for name, fault in (("healthy", 0.0), ("faulty", 1.0)):
        model = module(fault)
        tf.saved_model.save(model, directory / name, signatures=model.__call__)
    return directory


@pytest.fixture(scope="module")
def faulty(saved, worker, tmp_path_factory):
    with tv.open_model(saved / "faulty") as model:
        return tv.convert(model, tmp_path_factory.mktemp("a") / "faulty", worker=worker)


def test_a_fault_on_some_inputs_is_found_and_shrunk(saved, faulty, nodes, tmp_path):
    report = tv.verify(
        saved / "healthy",
        artifact=faulty.directory,
        examples=100,
        nodes=nodes,
        work_dir=tmp_path,
        remember=False,
    )
    assert report.verdict == "fail"
    for backend in report.models[0].backends:
        with np.load(backend.minimal_case) as case:
            assert case["x"].shape == (1, 4)
            assert np.count_nonzero(case["x"]) == 1
        assert "batch 1, all zeros but x[0, " in backend.minimal_words


def test_what_failed_is_tried_first_in_another_run(saved, faulty, nodes, tmp_path):
    memory = Memory(tmp_path, "faulty")
    with (
        tv.TensorFlow(saved / "healthy") as reference,
        TFJS(faulty, session=nodes.start("cpu")) as candidate,
    ):
        plan = plan_cases(reference.signature)
        first = measure_parity(reference, candidate, examples=40, memory=memory, plan=plan)
        assert not first.candidates[0].agrees
        assert len(memory.recall(plan)) == 1
        second = measure_parity(reference, candidate, examples=2, seed=77, memory=memory, plan=plan)
        assert second.candidates[0].disagreements[0].case.name == "remembered-0001"
        same = measure_parity(reference, candidate, examples=40, memory=memory, plan=plan)
        assert [each.case.name for each in same.candidates[0].disagreements] == [
            each.case.name for each in first.candidates[0].disagreements
        ]


def test_what_failed_outside_a_domain_is_no_case_of_it(saved, faulty, nodes, tmp_path, monkeypatch):
    """Who is told of an input that does not occur says so, and must not be shown it again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = {"artifact": faulty.directory, "backends": ["cpu"], "nodes": nodes, "examples": 30}
    options["work_dir"] = tmp_path
    assert tv.verify(saved / "healthy", **options).verdict == "fail"
    within = tv.verify(saved / "healthy", inputs={"x": "float -1..0.5"}, **options)
    assert within.verdict == "pass"


def test_decisions_and_power_are_reported(saved, models, nodes, worker, tmp_path):
    report = tv.verify(models / "plain", backends=["cpu"], nodes=nodes, worker=worker)
    model = report.models[0]
    kinds = {each.kind: each for each in model.backends[0].decisions}
    assert kinds["top-1"].changed == 0
    assert 0 < kinds["top-1"].upper_bound < 0.05
    assert [each.powerless for each in model.power] == [False]
    json.dumps(model.power[0].spread)


def test_a_label_is_a_decision_itself(nodes, worker):
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def serve(x):
        return {"label": tf.argmax(x, -1), "rank": tf.cast(x[:, 0] > x[:, 1], tf.int32)}

    words = {"backends": ["cpu"], "examples": 20, "nodes": nodes, "worker": worker}
    report = tv.verify(serve, scores={"rank": "label"}, **words)
    found = {each.output: each for each in report.models[0].backends[0].decisions}
    assert set(found) == {"label", "rank"}
    for name, each in found.items():
        assert each.words.startswith(f"label of {name}: 0 of {each.rows} changed (at most ")
        assert (each.changed, each.smallest_margin) == (0, None)


def test_an_output_that_never_moves_is_called_powerless(nodes, worker, tmp_path):
    import tensorflow as tf

    class Stuck(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
        def __call__(self, x):
            return {"y": tf.nn.softmax(tf.clip_by_value(x, -1.0, 1.0) * 1e-5)}

    model = Stuck()
    tf.saved_model.save(model, tmp_path / "stuck", signatures=model.__call__)
    options = {"backends": ["cpu"], "nodes": nodes, "worker": worker, "examples": 20}
    report = tv.verify(tmp_path / "stuck", **options)
    assert report.verdict == "pass"
    assert report.models[0].power[0].powerless
    assert tv.verify(tmp_path / "stuck", require_power=True, **options).verdict == "fail"


def test_a_reference_that_contradicts_itself_gives_no_verdict(nodes, worker, tmp_path):
    import tensorflow as tf

    class Dropout(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32, name="x")])
        def __call__(self, x):
            return {"y": tf.nn.dropout(x + 2.0, rate=0.5)}

    model = Dropout()
    tf.saved_model.save(model, tmp_path / "dropout", signatures=model.__call__)
    report = tv.verify(
        tmp_path / "dropout", backends=["cpu"], nodes=nodes, worker=worker, examples=10
    )
    (backend,) = report.models[0].backends
    assert backend.verdict == "error"
    assert "another answer to the same input each time" in backend.message
    assert any(finding.domain == "nondeterministic" for finding in backend.findings)


def seldom(*, fault):
    """A model whose random numbers hardly ever matter, or the same with a fault."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([4], tf.float32, name="x")])
    def serve(x):
        lucky = tf.random.uniform([]) > 0.9999999
        return {
            "moved": tf.where(lucky, x + 1.0, x) + fault,
            "shaped": tf.boolean_mask(x, tf.range(4) < 3 + fault + tf.cast(lucky, tf.int32)),
            "steady": x * 2.0,
        }

    return serve


def test_what_depends_on_random_numbers_is_told_though_it_never_varied(nodes, worker):
    words = {"backends": ["cpu"], "examples": 10, "nodes": nodes, "worker": worker}
    (backend,) = tv.verify(seldom(fault=0), **words).models[0].backends
    assert backend.verdict == "pass"
    told = [each for each in backend.findings if each.domain == "nondeterministic"]
    assert ["moved" in each.message or "shaped" in each.message for each in told] == [True, True]
    assert all("RandomUniform (" in each.message for each in told)
    assert all("never varied here" in each.message and not each.gates for each in told)


def test_what_depends_on_random_numbers_and_differs_gets_no_verdict(nodes, worker, tmp_path):
    faulty = tv.convert(seldom(fault=1), tmp_path / "artifact", worker=worker)
    words = {"backends": ["cpu"], "examples": 10, "nodes": nodes, "remember": False}
    report = tv.verify(seldom(fault=0), artifact=faulty.directory, **words)
    (backend,) = report.models[0].backends
    assert backend.verdict == "error"
    assert "for output moved, shaped: dropout" in backend.message
    told = [each for each in backend.findings if each.domain == "nondeterministic"]
    assert ["by chance or by a fault" in each.message for each in told] == [True, True]


def test_a_nan_that_rounding_alone_decides_is_told_and_wrong_for_nobody(tmp_path, worker, nodes):
    """A standard deviation as E[x²] - E[x]² of equal numbers: the root of 0, or of less."""
    import tensorflow as tf

    class Deviation(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 30], tf.float32, name="x")])
        def __call__(self, x):
            mean = tf.reduce_mean(x, -1)
            return {"y": tf.sqrt(tf.reduce_mean(x * x, -1) - mean * mean)}

    model = Deviation()
    tf.saved_model.save(model, tmp_path / "model", signatures=model.__call__)
    flat = np.linspace(0.1, 0.9, 64, dtype=np.float32)[:, None] * np.ones(30, np.float32)
    np.savez(tmp_path / "flat.npz", x=flat)
    options = {"data": [tmp_path / "flat.npz"], "examples": 1, "remember": False}
    options |= {"special_values": "off", "nodes": nodes, "worker": worker}
    report = tv.verify(tmp_path / "model", **options)
    assert report.verdict == "pass"
    told = [finding for each in report.models[0].backends for finding in each.findings]
    undecided = [finding for finding in told if finding.domain == "nan"]
    assert undecided
    assert all("rounding may decide which" in finding.message for finding in undecided)


def test_a_tie_in_one_case_excuses_no_wrong_label_in_another(tmp_path, worker, nodes):
    """Rounding alone decides the label of `tie.npz`; the artifact has one class turned round."""
    import tensorflow as tf

    def save(path, sign):
        module = tf.Module()
        module.scores = tf.Variable(np.array([1.0, 1.0, sign, 1.0], np.float32))

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
        def serve(x):
            return {"label": tf.argmax((x * 0.1 + x * 0.2) * module.scores, -1)}

        tf.saved_model.save(module, path, signatures=serve)

    save(tmp_path / "healthy", 1.0)
    save(tmp_path / "faulty", -1.0)
    with tv.open_model(tmp_path / "faulty") as model:
        tv.convert(model, tmp_path / "artifact", worker=worker)
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / "tie.npz", x=np.array([[3.1, 3.1, 0, 3.1]], np.float32))
    np.savez(tmp_path / "data" / "usual.npz", x=np.array([[0, 1, 2, 0]], np.float32))
    options = {"data": [tmp_path / "data"], "nodes": nodes, "worker": worker, "remember": False}
    options |= {"examples": 0, "work_dir": tmp_path / "work"}
    assert tv.verify(tmp_path / "healthy", **options).verdict == "pass"
    report = tv.verify(tmp_path / "healthy", artifact=tmp_path / "artifact", **options)
    assert report.verdict == "fail"
    assert {backend.verdict for backend in report.models[0].backends} == {"fail"}


def test_a_case_that_rounding_moves_far_is_right_and_told(tmp_path, worker, nodes):
    """The logarithm of a sum whose terms nearly cancel, which they do not usually."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None, 1000], tf.float32, name="x")])
    def serve(x):
        return {"y": tf.math.log(tf.abs(tf.reduce_sum(x, -1)))}

    cancelling = np.random.default_rng(3).normal(size=(20, 1000)).astype(np.float32)
    cancelling[:, -1] += (0.01 - cancelling.astype(np.float64).sum(-1)).astype(np.float32)
    np.savez(tmp_path / "cancelling.npz", x=cancelling)
    options = {"backends": ["wasm"], "inputs": {"x": "float 0.5..1"}, "remember": False}
    options |= {"special_values": "off", "nodes": nodes, "worker": worker, "examples": 20}

    def told(data):
        (backend,) = tv.verify(serve, data=data, **options).models[0].backends
        assert backend.verdict == "pass"
        return [each.message for each in backend.findings if "conditioned" in each.message]

    assert told([]) == []
    (message,) = told([tmp_path / "cancelling.npz"])
    assert message.startswith('output "y": cancelling is badly conditioned: tfjs:wasm differs by')
