"""Boxes are matched by overlap, and what a detector finds in an image is a decision."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tfjs_verify as tv
from tfjs_verify.artifact.contents import read_contents, write_contents
from tfjs_verify.conversion import convert
from tfjs_verify.measurements.decisions import DecisionMeter
from tfjs_verify.measurements.detections import (
    Detections,
    Detector,
    intersection_over_union,
    match,
)
from tfjs_verify.measurements.detector_facts import recognise_detector, suppression_threshold
from tfjs_verify.measurements.noise.freezing import freeze
from tfjs_verify.report.json import render_json

LEFT, RIGHT = [0.1, 0.1, 0.5, 0.4], [0.1, 0.6, 0.5, 0.9]
NEAR = [0.1, 0.15, 0.5, 0.45]  # five sevenths of LEFT
FAR = [0.1, 0.3, 0.5, 0.6]  # a fifth of LEFT
LINE, POINT = [0.2, 0.2, 0.2, 0.6], [0.3, 0.3, 0.3, 0.3]
NAN = [np.nan, 0.1, 0.5, 0.4]


def found(boxes, classes):
    return Detections(np.asarray(boxes, float).reshape(-1, 4), np.asarray(classes), 0.1)


@pytest.mark.parametrize(
    ("reference", "candidate", "overlaps"),
    [
        pytest.param(([], []), ([], []), [], id="nothing"),
        pytest.param(([LEFT], [1]), ([], []), [], id="lost"),
        pytest.param(([LEFT], [1]), ([LEFT], [1]), [1], id="same"),
        pytest.param(([LEFT], [1]), ([LEFT], [2]), [], id="another class"),
        pytest.param(([LEFT], [1]), ([NEAR], [1]), [5 / 7], id="near"),
        pytest.param(([LEFT], [1]), ([FAR], [1]), [], id="far"),
        pytest.param(([LEFT, RIGHT], [1, 2]), ([RIGHT, LEFT], [2, 1]), [1, 1], id="permuted"),
        pytest.param(([LEFT, RIGHT], [1, 2]), ([RIGHT, LEFT], [1, 2]), [], id="swapped classes"),
        pytest.param(([NEAR, LEFT], [1, 1]), ([LEFT], [1]), [1], id="the closest is taken"),
        pytest.param(([LEFT, LEFT], [1, 1]), ([LEFT, LEFT], [1, 1]), [1, 1], id="ties"),
        pytest.param(([LEFT, LEFT], [1, 1]), ([LEFT], [1]), [1], id="one partner each"),
        pytest.param(([LINE, POINT], [1, 1]), ([POINT, LINE], [1, 1]), [1, 1], id="no area"),
        pytest.param(([LEFT], [1]), ([NAN], [1]), [], id="no number"),
        pytest.param(([LEFT], [1.0]), ([LEFT], [np.nan]), [], id="no class"),
        pytest.param(([LEFT], [1]), ([[-np.inf, -np.inf, np.inf, np.inf]], [1]), [], id="endless"),
    ],
)
def test_partners(reference, candidate, overlaps):
    pairs = match(found(*reference), found(*candidate))
    assert pairs == pytest.approx(overlaps, abs=1e-4)


def test_rounding_is_no_loss_of_a_box_without_area():
    line = np.array([LINE])
    moved = line + np.array([[1e-8, 0, 1e-8, 0]])
    assert intersection_over_union(line, moved)[0, 0] > 0.9
    assert intersection_over_union(line, line + 0.01)[0, 0] < 0.01
    assert intersection_over_union(100 * line, 100 * line)[0, 0] == 1.0


ALL = Detector("b", scores="s", classes="c", count="n")


def image(boxes=(LEFT, RIGHT), scores=(0.9, 0.7), classes=(1, 2), count=2):
    return {
        "b": np.array([boxes], np.float32),
        "s": np.array([scores], np.float32),
        "c": np.array([classes], np.float32),
        "n": np.array([count], np.int32),
    }


@pytest.mark.parametrize(
    ("other", "changed"),
    [
        pytest.param(image(), 0, id="the same"),
        pytest.param(image((RIGHT, LEFT), (0.7, 0.9), (2, 1)), 0, id="in another order"),
        pytest.param(image((LEFT, FAR)), 1, id="a box elsewhere"),
        pytest.param(image(classes=(1, 1)), 1, id="another class"),
        pytest.param(image(scores=(0.9, 0.49)), 1, id="a score below the threshold"),
        pytest.param(image(scores=(0.9, 0.51)), 0, id="a score above it"),
        pytest.param(image(count=1), 1, id="one fewer"),
        pytest.param(image(count=-1), 1, id="a count that is none"),
        pytest.param(image((LEFT, NAN)), 1, id="a box that is none"),
        pytest.param(image(scores=(np.nan, 0.7)), 1, id="a score that is none"),
        pytest.param(
            image((LEFT, RIGHT, FAR), (0.9, 0.7, 0.2), (1, 2, 3), 3), 0, id="more padding"
        ),
        pytest.param(image((LEFT, RIGHT, FAR), (0.9, 0.7, 0.8), (1, 2, 3), 3), 1, id="one more"),
    ],
)
def test_what_is_found_in_an_image(other, changed):
    meter = DecisionMeter({"b": ALL})
    meter.add(image(), other)
    (decisions,) = meter.result()
    assert (decisions.kind, decisions.rows, decisions.changed) == (
        "detections over 0.5",
        1,
        changed,
    )
    margin = decisions.smallest_margin
    assert margin == (pytest.approx(0.2, abs=1e-6) if changed else None)
    assert decisions.overlap.boxes == 2


def test_images_without_detections_are_unchanged_and_not_hidden():
    meter = DecisionMeter({"b": ALL})
    meter.add(image(scores=(0.1, 0.2)), image((FAR, FAR), scores=(0.2, 0.1)))
    (decisions,) = meter.result()
    assert (decisions.rows, decisions.changed) == (1, 0)
    assert decisions.overlap.mean is None
    assert "0 of 0 boxes found again" in str(decisions)


def test_overlaps_are_added_up_over_images():
    meter = DecisionMeter({"b": ALL})
    meter.add(image(), image((NEAR, RIGHT)))
    meter.add(image(), image((FAR, RIGHT)))
    (decisions,) = meter.result()
    assert (decisions.rows, decisions.changed, decisions.overlap.matched) == (2, 1, 3)
    assert decisions.overlap.mean == pytest.approx((5 / 7 + 2) / 3, abs=1e-5)
    assert decisions.overlap.least == pytest.approx(5 / 7, abs=1e-5)
    assert str(decisions) == (
        "detections over 0.5 of b: 1 of 2 changed, the closest decided by 0.2 (at most 97 %); "
        "3 of 4 boxes found again, overlapping by 0.9048 on average, 0.7143 at least"
    )


def test_what_the_reference_itself_does_not_find_is_left_out():
    meter = DecisionMeter({"b": ALL})
    meter.add(image((LEFT, NAN)), image())
    assert meter.result() == ()
    meter.add(image((LEFT, NAN), scores=(0.9, 0.1)), image(scores=(0.9, 0.1)))
    assert [each.changed for each in meter.result()] == [0]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"b": np.zeros((1, 2, 5), np.float32)},
        {"b": np.zeros((2, 2, 4), np.float32)},
        {"b": np.zeros(4, np.float32)},
        {"s": np.zeros((1, 3), np.float32)},
        {"n": np.zeros((3,), np.int32)},
    ],
)
def test_outputs_that_cannot_be_compared_are_left_out(broken):
    meter = DecisionMeter({"b": ALL})
    meter.add(image(), {**image(), **broken} if broken else {})
    assert meter.result() == ()


def test_boxes_alone_of_a_number_that_varies():
    meter = DecisionMeter({"b": Detector("b")})
    meter.add({"b": np.zeros((0, 4), np.float32)}, {"b": np.array([LEFT], np.float32)})
    meter.add({"b": np.array([LEFT], np.float32)}, {"b": np.array([LEFT], np.float32)})
    (decisions,) = meter.result()
    assert (decisions.kind, decisions.rows, decisions.changed) == ("detections", 2, 1)
    assert decisions.smallest_margin is None


def test_corners_come_in_any_order_and_centres_are_known():
    flipped = [LEFT[2], LEFT[3], LEFT[0], LEFT[1]]
    meter = DecisionMeter({"b": Detector("b")})
    meter.add({"b": np.array([LEFT])}, {"b": np.array([flipped])})
    assert meter.result()[0].overlap.least == 1.0
    # A fifth apart and a tenth wide: far as centre and size, almost the same as corners.
    one, other = np.array([[0.3, 0.3, 0.1, 0.1]]), np.array([[0.5, 0.3, 0.1, 0.1]])
    centred = DecisionMeter({"b": Detector("b", centred=True)})
    centred.add({"b": one}, {"b": other})
    assert centred.result()[0].changed == 1


CELLS = 6
ANCHORS, SCORES = (1, CELLS**2, 2), (1, 1, 8, 2)


def detector(suppress):
    """A small single-shot detector: offsets and two class scores for a grid of anchors."""
    import tensorflow as tf

    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            rng = np.random.default_rng(3)
            grid = (np.stack(np.mgrid[:CELLS, :CELLS], -1).reshape(1, -1, 2) + 0.5) / CELLS
            self.stem = tf.Variable(rng.normal(0, 0.3, (3, 3, 3, 8)).astype(np.float32))
            self.offsets = tf.Variable(rng.normal(0, 0.3, (1, 1, 8, 4)).astype(np.float32))
            self.scores = tf.Variable(rng.normal(0, 1.5, (1, 1, 8, 2)).astype(np.float32))
            self.anchors = tf.Variable(grid.astype(np.float32))

        @tf.function(input_signature=[tf.TensorSpec([1, 12, 12, 3], tf.float32, name="image")])
        def __call__(self, image):
            x = tf.nn.relu(tf.nn.conv2d(image, self.stem, 2, "SAME"))
            offsets = tf.nn.tanh(tf.reshape(tf.nn.conv2d(x, self.offsets, 1, "SAME"), (1, -1, 4)))
            centre = self.anchors + 0.05 * offsets[..., :2]
            half = 0.1 * tf.exp(0.3 * offsets[..., 2:])
            boxes = tf.concat([centre - half, centre + half], -1)
            scores = tf.reshape(tf.nn.conv2d(x, self.scores, 1, "SAME"), (1, -1, 2))
            return suppress(tf, boxes, tf.sigmoid(scores))

    return Model()


def padded(tf, boxes, scores):
    """What `tf.image.non_max_suppression_padded` was until its loops, with names of no meaning."""
    best, label = tf.reduce_max(scores, -1)[0], tf.argmax(scores, -1, output_type=tf.int32)[0]
    places, count = tf.raw_ops.NonMaxSuppressionV4(
        boxes=boxes[0],
        scores=best,
        max_output_size=8,
        iou_threshold=0.4,
        score_threshold=0.3,
        pad_to_max_output_size=True,
    )
    return {
        "where": tf.gather(boxes[0], places),
        "sure": tf.gather(best, places),
        "what": tf.gather(label, places),
        "many": count,
    }


def listed(tf, boxes, scores):
    """As many as there are, by the names of TensorFlow's own detectors."""
    best = tf.reduce_max(scores, -1)[0]
    label = tf.cast(tf.argmax(scores, -1)[0], tf.float32)
    places = tf.image.non_max_suppression(boxes[0], best, 8, 0.4, 1e-8)
    return {
        "detection_boxes": tf.gather(boxes[0], places)[None],
        "detection_scores": tf.gather(best, places)[None],
        "detection_classes": tf.gather(label, places)[None],
    }


def combined(tf, boxes, scores):
    answer = tf.image.combined_non_max_suppression(
        boxes[:, :, None], scores, 5, 8, score_threshold=0.2
    )
    return dict(zip("abcd", answer, strict=True))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    import tensorflow as tf

    directory = tmp_path_factory.mktemp("detectors")
    for make in (padded, listed, combined):
        module = detector(make)
        tf.saved_model.save(module, directory / make.__name__, signatures=module.__call__)
    return directory


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Noise, in which no two scores are the same."""
    directory = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(9)
    for number in range(20):
        image = rng.normal(size=(1, 12, 12, 3)).astype(np.float32)
        np.savez(directory / f"{number:02}.npz", image=image)
    return directory


@pytest.mark.parametrize(
    ("name", "readings", "threshold"),
    [
        ("padded", {"where": "boxes", "sure": "box_scores", "what": "box_classes",
                    "many": "box_count"}, 0.3),
        ("listed", {"detection_boxes": "boxes", "detection_scores": "box_scores",
                    "detection_classes": "box_classes"}, None),
        ("combined", {"a": "boxes", "b": "box_scores", "c": "box_classes", "d": "box_count"}, 0.2),
    ],
)  # fmt: skip
def test_detectors_are_recognised(saved, name, readings, threshold):
    with tv.open_model(saved / name) as model:
        frozen = freeze(model)
        found = recognise_detector(frozen.graph, frozen.outputs, model.signature.outputs)
        assert found == readings
        drawn = suppression_threshold(frozen.graph)
        assert drawn == (threshold and pytest.approx(threshold))


def test_heads_before_any_suppression_are_no_detections(models):
    from tests.corpus.trained_models import trained_model

    for model in (trained_model("detector").make(__import__("keras")), models / "twins"):
        with tv.open_model(model, name="heads") as opened:
            frozen = freeze(opened)
            outputs = opened.signature.outputs
            assert recognise_detector(frozen.graph, frozen.outputs, outputs) == {}


@pytest.mark.parametrize("name", ["padded", "listed"])
def test_a_healthy_detector_finds_the_same(saved, images, nodes, worker, name):
    report = tv.verify(saved / name, data=[images], examples=0, nodes=nodes, worker=worker)
    assert report.verdict == "pass"
    for backend in report.models[0].backends:
        (decisions,) = backend.decisions
        assert (decisions.rows, decisions.changed) == (20, 0)
        assert decisions.boxes.reference == decisions.boxes.matched > 40
        assert decisions.boxes.min_iou > 0.999


@pytest.mark.parametrize(
    ("weight", "plant", "all_lost"),
    [
        pytest.param(ANCHORS, lambda values: values + np.float32(0.2), True, id="shifted"),
        pytest.param(SCORES, lambda values: values[..., ::-1].copy(), True, id="classes swapped"),
        pytest.param(ANCHORS, lambda values: values + np.float32(0.002), False, id="a hair"),
    ],
)
def test_a_planted_fault_changes_what_is_found(
    saved, images, nodes, worker, tmp_path, weight, plant, all_lost
):
    with tv.open_model(saved / "padded") as model:
        contents = read_contents(convert(model, tmp_path / "right", worker=worker))
    (name,) = [each for each, values in contents.weights.items() if values.shape == weight]
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    write_contents(contents.with_weight(name, plant(contents.weights[name])), wrong)
    report = tv.verify(
        saved / "padded",
        artifact=wrong,
        backends=["wasm"],
        data=[images],
        examples=0,
        shrink_seconds=0,
        nodes=nodes,
        worker=worker,
        work_dir=tmp_path / "work",
    )
    assert report.verdict == "fail"
    document = json.loads(render_json(report))
    (decisions,) = document["models"][0]["backends"][0]["decisions"]
    assert decisions["kind"] == "detections over 0.3"
    boxes = decisions["boxes"]
    if all_lost:
        assert decisions["changed"] == decisions["rows"] == 20
        assert boxes["matched"] < boxes["reference"]
        assert decisions["smallest_margin"] is not None
    else:
        assert decisions["changed"] == 0
        assert 0.9 < boxes["min_iou"] <= boxes["mean_iou"] < 0.999


def test_the_user_may_say_which_output_is_what(saved, run):
    words = ("verify", saved / "padded", "-b", "cpu", "-n", 5)
    answer = run(*words, "--scores", "where=boxes")
    assert answer.status == 0
    assert "detections of where: 0 of 5 changed" in answer.out
    missing = run(*words, "--scores", "wher=boxes")
    assert missing.status == 2
    assert "'wher'" in missing.err and "where" in missing.err
    assert run(*words, "--scores", "sure=box_scores").status == 2
