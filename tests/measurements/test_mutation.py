from __future__ import annotations

import copy
import json
from collections import Counter
from random import Random

import numpy as np
import pytest

import tfjs_verify as tv
from tfjs_verify.artifact.contents import Contents, read_contents
from tfjs_verify.cases import plan_cases, sample_cases
from tfjs_verify.conversion import convert
from tfjs_verify.measurements.judging import NoiseJudge, fixed_judge
from tfjs_verify.measurements.mutation import OPERATORS, draw_mutations, measure_mutation
from tfjs_verify.measurements.noise import Oracle, measure_noise
from tfjs_verify.measurements.order import Unordered
from tfjs_verify.report import assembly
from tfjs_verify.report.mutation import mutation_json, mutation_lines
from tfjs_verify.runtimes import TensorFlow


def image_model():
    """Two outputs of one shape; a unit that is never on; pooling over windows of its stride."""
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    image = keras.Input((8, 8, 2), name="image")
    other = keras.Input((8, 8, 2), name="other")
    x = layers.Conv2D(4, 3, activation="relu", bias_initializer="normal")(image - other)
    x = layers.Flatten()(layers.MaxPooling2D(3)(x))
    hidden = layers.Dense(6, activation="relu", bias_initializer="normal", name="hidden")
    x = hidden(x)
    kernel, bias = hidden.get_weights()
    kernel[:, 2], bias[2] = -np.abs(kernel[:, 2]), -1.0  # what it takes is never negative
    hidden.set_weights([kernel, bias])
    first = layers.Dense(3, bias_initializer="normal", name="first")(x)
    second = layers.Dense(3, activation="softmax", bias_initializer="normal")(x)
    return keras.Model([image, other], {"first": first, "second": second})


def sequence_model():
    import keras

    keras.utils.set_random_seed(4)
    x = keras.Input((5, 3), name="x")
    return keras.Model(x, keras.layers.LSTM(4, bias_initializer="normal")(x))


def image_layers():
    import keras

    keras.utils.set_random_seed(5)
    layers = keras.layers
    image = keras.Input((6, 6, 2), name="image")
    x = layers.Conv2D(3, 3, activation="relu", bias_initializer="normal")(image)
    x = layers.BatchNormalization(epsilon=0.01)(layers.AveragePooling2D(2)(x))
    x = layers.Dense(3, bias_initializer="normal")(layers.Flatten()(x))
    return keras.Model(image, x)


@pytest.fixture(scope="module")
def image(tmp_path_factory, worker):
    with tv.open_model(image_model(), name="image") as model:
        yield model, convert(model, tmp_path_factory.mktemp("image") / "artifact", worker=worker)


@pytest.fixture(scope="module")
def sequence(tmp_path_factory, worker):
    with tv.open_model(sequence_model(), name="sequence") as model:
        directory = tmp_path_factory.mktemp("sequence") / "artifact"
        yield model, convert(model, directory, worker=worker)


@pytest.fixture(scope="module")
def measured(image):
    model, artifact = image
    plan = plan_cases(model.signature)
    with TensorFlow(model) as reference, Oracle(model) as oracle:
        cases = sample_cases(plan, count=8, seed=0)
        judge = NoiseJudge(
            measure_noise(reference, oracle, cases),
            model.signature.outputs,
            reference=reference,
            oracle=oracle,
        )
        yield measure_mutation(artifact, reference, plan, judge, mutants=45, examples=20)


@pytest.fixture(scope="module")
def layers(tmp_path_factory, worker):
    with tv.open_model(image_layers(), name="layers") as model:
        directory = tmp_path_factory.mktemp("layers") / "artifact"
        yield model, convert(model, directory, format="layers", worker=worker)


def changed(one: Contents, other: Contents) -> bool:
    return one.document != other.document or any(
        not np.array_equal(values, other.weights[name], equal_nan=values.dtype.kind == "f")
        for name, values in one.weights.items()
    )


@pytest.mark.parametrize("name", ["image", "sequence", "layers"])
def test_every_mutation_changes_something_and_leaves_the_original_alone(name, request):
    contents = read_contents(request.getfixturevalue(name)[1])
    before = copy.deepcopy(contents)
    seen = set()
    for operator, faults in OPERATORS.items():
        for number, fault in enumerate(faults(contents, Random(1))):
            if number == 5:
                break
            assert changed(contents, fault.plant(contents)), f"{operator}: {fault.what}"
            assert (operator, fault.what) not in seen
            seen.add((operator, fault.what))
    assert not changed(before, contents)
    operators = {operator for operator, _ in seen}
    missing = set(OPERATORS) - operators
    if name == "image":
        assert missing == {"epsilon"}
    elif name == "layers":
        assert {"bias dropped", "stride", "window", "padding", "epsilon", "axis"} <= operators
    else:
        assert {"bias dropped", "kernel transposed", "activation"} <= operators


def test_a_sample_is_even_and_the_same_for_the_same_seed(image):
    contents = read_contents(image[1])
    drawn = draw_mutations(contents, count=40, seed=5)
    assert [str(each) for each in drawn] == [
        str(each) for each in draw_mutations(read_contents(image[1]), count=40, seed=5)
    ]
    assert [str(each) for each in drawn] != [
        str(each) for each in draw_mutations(contents, count=40, seed=6)
    ]
    counts = Counter(each.operator for each in drawn)
    assert max(counts.values()) <= 4
    assert counts["weight NaN"] >= 2
    assert counts["outputs exchanged"] == counts["inputs exchanged"] == 1


def test_faults_are_noticed_and_what_is_no_fault_is_not_counted(measured):
    assert len(measured.mutants) == 45
    assert measured.score == 1.0, list(measured.survivors)
    fates = {mutant.operator: mutant.fate for mutant in measured.mutants}
    assert fates["outputs exchanged"] == "killed"
    assert fates["inputs exchanged"] == "killed"
    unread = [
        mutant
        for mutant in measured.mutants
        if mutant.operator == "data format" and "MaxPool" in mutant.what
    ]
    assert [mutant.fate for mutant in unread] == ["equivalent"]
    assert "same bit for bit" in unread[0].why
    stillborn = [mutant for mutant in measured.mutants if mutant.fate == "stillborn"]
    assert stillborn and all(mutant.why for mutant in stillborn)


def test_a_dead_unit_is_equivalent_and_a_live_one_is_not(image):
    from tfjs_verify.measurements.mutation.answers import Answers, detects
    from tfjs_verify.measurements.mutation.inquest import Inquest
    from tfjs_verify.measurements.mutation.planting import Nursery
    from tfjs_verify.measurements.mutation.weights import change_element

    model, artifact = image
    contents = read_contents(artifact)
    name = next(each for each in contents.weights if each.endswith("hidden/kernel"))
    plan = plan_cases(model.signature)
    judge = fixed_judge(model.signature.outputs)
    with TensorFlow(model) as reference, Nursery(model.signature, backend="cpu") as nursery:
        answers = Answers(reference, plan, examples=10, seed=0)
        inquest = Inquest(
            artifact, contents, model.signature, judge, nursery, shown=answers.cases, others=()
        )
        for unit, change in ((2, 1.5), (3, 1 + 1e-6)):
            position = int(np.ravel_multi_index((7, unit), contents.weights[name].shape))
            fault = change_element(contents, name, position, lambda v, c=change: v * c)
            mutated = fault.plant(contents)
            with nursery.planted(mutated) as candidate:
                found = detects(answers, candidate, judge)
                assert found is None
                finding = inquest.examine(candidate, mutated)
            if unit == 2:
                assert (finding.fate, finding.effect) == ("equivalent", 0.0)
            else:
                assert finding.effect is not None
                assert 0 < finding.effect < 1


def test_a_layers_model_is_judged_by_the_bits_of_its_answers(layers):
    model, artifact = layers
    judge = fixed_judge(model.signature.outputs)
    with TensorFlow(model) as reference:
        score = measure_mutation(
            artifact, reference, plan_cases(model.signature), judge, mutants=24, examples=10
        )
    assert score.score == 1.0, list(score.survivors)
    padding = [mutant for mutant in score.mutants if "AveragePooling2D" in mutant.what]
    assert any(mutant.fate == "equivalent" for mutant in padding)
    assert all(
        "same bit for bit" in mutant.why for mutant in score.mutants if mutant.fate == "equivalent"
    )


def test_an_output_that_is_a_set_may_come_in_any_order(tmp_path, worker):
    import tensorflow as tf

    class Best(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(np.random.default_rng(0).normal(size=(6, 9)), dtype="float32")

        @tf.function(input_signature=[tf.TensorSpec([None, 6], tf.float32, name="x")])
        def __call__(self, x):
            best = tf.raw_ops.TopKV2(input=x @ self.kernel, k=4, sorted=False)
            return {"best": best.values}

    module = Best()
    tf.saved_model.save(module, tmp_path / "best", signatures=module.__call__)
    with tv.open_model(tmp_path / "best") as model, TensorFlow(model) as reference:
        artifact = convert(model, tmp_path / "artifact", worker=worker)
        judge = fixed_judge(model.signature.outputs)
        words = {"backend": "cpu", "mutants": 4, "examples": 5}
        plan = plan_cases(model.signature)
        group = Unordered(values=("best",))
        listed = measure_mutation(artifact, reference, plan, judge, **words)
        assert "the artifact itself disagrees" in listed.reason
        free = measure_mutation(artifact, reference, plan, judge, order_free=[group], **words)
        assert free.score == 1.0


def test_nothing_is_planted_in_what_already_disagrees(image):
    model, artifact = image
    plan = plan_cases(model.signature)
    with TensorFlow(model) as reference:

        class Off(TensorFlow):
            def __init__(self):
                self.name, self.signature = reference.name, reference.signature

            def run(self, inputs, outputs=()):
                return {name: array + 1 for name, array in reference.run(inputs, outputs).items()}

            def close(self):
                pass

        score = measure_mutation(
            artifact, Off(), plan, fixed_judge(model.signature.outputs), mutants=5, examples=3
        )
    assert score.score is None
    assert not score.mutants
    assert "the artifact itself disagrees" in score.reason


def test_the_report_in_words_and_as_json(measured):
    report = assembly.mutation(measured)
    lines = list(mutation_lines(report, model="image"))
    assert lines[-1].startswith("mutation score 100.0%")
    assert any(line.startswith("weight NaN") for line in lines)
    document = json.loads(mutation_json(report, model="image"))
    assert document["schema"] == "tfjs-verify/mutation/1"
    assert document["score"] == 1.0
    assert document["counts"]["survived"] == 0
    assert {"operator", "what", "fate", "why", "cases", "effect"} == set(document["mutants"][0])


def test_the_command(run, models, tmp_path, worker):
    with tv.open_model(models / "plain") as model:
        convert(model, tmp_path / "artifact", worker=worker)
    words = ("mutate", models / "plain", "--artifact", tmp_path / "artifact", "-b", "cpu")
    answer = run(*words, "--mutants", 8, "-n", 10, "--json", "score.json")
    assert answer.status == 0, answer.out + answer.err
    assert "mutation score" in answer.out
    assert json.loads((tmp_path / "score.json").read_text())["backend"] == "cpu"
    missed = run(*words, "--mutants", 6, "-n", 5, "--rtol", 1e9)
    assert missed.status == 1
    assert "survived" in missed.out
    assert run(*words, "--mutants", 0).status == 2
