"""What outputs say that somebody decides by: classes, probabilities, or a detector's boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from tfjs_verify.errors import RequestError
from tfjs_verify.measurements.detections import THRESHOLD, Detector

Plain: TypeAlias = Literal["classes", "probability", "logit", "label"]
"""How an output is read by itself: along its last axis, against a threshold, or as it is."""
Part: TypeAlias = Literal["boxes", "centre_boxes", "box_scores", "box_classes", "box_count"]
"""What an output is to a detector."""
Kind: TypeAlias = "Plain | Part"
PLAIN: tuple[Plain, ...] = get_args(Plain)
PARTS: tuple[Part, ...] = get_args(Part)
KINDS: tuple[Kind, ...] = (*PLAIN, *PARTS)

_THRESHOLDS: Mapping[Kind, float] = {"probability": 0.5, "logit": 0.0, "box_scores": THRESHOLD}
"""Where a score says yes, unless somebody says otherwise."""


@dataclass(frozen=True)
class Reading:
    """What one output says, and from which score on it says yes; without one, the usual."""

    kind: Kind
    threshold: float | None = None

    @property
    def line(self) -> float:
        """The threshold, named or usual; 0 for a kind that has none."""
        return _THRESHOLDS.get(self.kind, 0.0) if self.threshold is None else self.threshold


Scores: TypeAlias = "Reading | Detector"
"""How decisions are made from an output; a detector stands for its boxes."""


def parse_reading(text: str) -> Reading:
    """The reading that KIND or KIND@THRESHOLD names. Raises RequestError."""
    word, at, number = text.partition("@")
    kind = next((each for each in KINDS if each == word), None)
    if kind is None:
        raise RequestError(f"{word!r} is no kind of output; expected one of {', '.join(KINDS)}")
    if not at:
        return Reading(kind)
    if kind not in _THRESHOLDS:
        raise RequestError(f"{text!r}: only {', '.join(_THRESHOLDS)} have a threshold")
    try:
        threshold = float(number)
    except ValueError:
        threshold = math.nan
    if not math.isfinite(threshold):
        raise RequestError(f"{text!r}: a threshold is a number, as in {kind}@0.3")
    return Reading(kind, threshold)


def read_scores(
    readings: Mapping[str, Reading], *, suppression: float | None = None
) -> dict[str, Scores]:
    """Decisions to be made from outputs of which it is known what they say.

    The parts of a detector become one, under the name of its boxes. `suppression` is the score
    below which the graph itself drops boxes: where nobody named a threshold, that is it. Raises
    RequestError where parts are missing or there are several.
    """
    parts: dict[Kind, str] = {}
    for name, reading in readings.items():
        part: Kind = "boxes" if reading.kind == "centre_boxes" else reading.kind
        if reading.kind in PARTS:
            if part in parts:
                raise RequestError(
                    f"the outputs {parts[part]!r} and {name!r} are both {part.replace('_', ' ')}; "
                    "a model has one detector: name the outputs that belong together"
                )
            parts[part] = name
    scores: dict[str, Scores] = {
        name: reading for name, reading in readings.items() if reading.kind in PLAIN
    }
    if parts and "boxes" not in parts:
        part, name = next(iter(parts.items()))
        raise RequestError(
            f"the output {name!r} is {part.replace('_', ' ')} without boxes; say which output "
            "they are, e.g. --scores NAME=boxes"
        )
    if parts:
        scored = readings.get(parts.get("box_scores", ""), Reading("box_scores"))
        if scored.threshold is None and suppression is not None:
            scored = Reading("box_scores", suppression)
        scores[parts["boxes"]] = Detector(
            parts["boxes"],
            scores=parts.get("box_scores"),
            classes=parts.get("box_classes"),
            count=parts.get("box_count"),
            threshold=scored.line,
            centred=readings[parts["boxes"]].kind == "centre_boxes",
        )
    return scores
