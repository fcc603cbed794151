from __future__ import annotations

import pytest

from tfjs_verify.errors import RequestError
from tfjs_verify.measurements.detections import Detector
from tfjs_verify.measurements.readings import Reading, parse_reading, read_scores


@pytest.mark.parametrize(
    ("text", "reading", "line"),
    [
        ("classes", Reading("classes"), 0.0),
        ("probability", Reading("probability"), 0.5),
        ("probability@0.3", Reading("probability", 0.3), 0.3),
        ("logit@-1.5", Reading("logit", -1.5), -1.5),
        ("label", Reading("label"), 0.0),
        ("box_scores@0", Reading("box_scores", 0.0), 0.0),
    ],
)
def test_a_reading_is_a_kind_and_perhaps_a_threshold(text, reading, line):
    assert parse_reading(text) == reading
    assert reading.line == line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("boxs", "'boxs' is no kind of output; expected one of classes, probability"),
        ("", "'' is no kind of output"),
        ("label@1", "'label@1': only probability, logit, box_scores have a threshold"),
        ("classes@0.3", "'classes@0.3': only probability, logit, box_scores have a threshold"),
        ("logit@", "'logit@': a threshold is a number, as in logit@0.3"),
        ("probability@half", "a threshold is a number"),
        ("probability@nan", "a threshold is a number"),
    ],
)
def test_what_is_no_reading_is_refused(text, message):
    with pytest.raises(RequestError, match=message):
        parse_reading(text)


def test_a_detector_is_read_from_its_parts():
    kinds = {"x": "boxes", "y": "box_scores", "p": "classes", "z": "box_count"}
    parts = {name: Reading(kind) for name, kind in kinds.items()}
    detector = Detector("x", scores="y", count="z", threshold=0.3)
    assert read_scores(parts, suppression=0.3) == {"p": Reading("classes"), "x": detector}
    parts["y"] = Reading("box_scores", 0.7)
    assert read_scores(parts, suppression=0.3)["x"].threshold == 0.7
    assert read_scores({"x": Reading("centre_boxes")}) == {"x": Detector("x", centred=True)}
    with pytest.raises(RequestError, match="'y' is box scores without boxes"):
        read_scores({"y": Reading("box_scores")})
    with pytest.raises(RequestError, match="'x' and 'y' are both boxes"):
        read_scores({"x": Reading("boxes"), "y": Reading("centre_boxes")})
