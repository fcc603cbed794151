"""What somebody decides by: what the user said of the outputs, else what the graph shows."""

from __future__ import annotations

from tfjs_verify.errors import RequestError
from tfjs_verify.measurements.detector_facts import recognise_detector, suppression_threshold
from tfjs_verify.measurements.graph_facts import recognise_scores
from tfjs_verify.measurements.noise.freezing import Frozen
from tfjs_verify.measurements.readings import PARTS, Reading, Scores, read_scores
from tfjs_verify.model import Model
from tfjs_verify.verification.request import Request


def decided_by(request: Request, model: Model, frozen: Frozen | None) -> dict[str, Scores]:
    """The decisions that are made, by output; a detector is called by its boxes.

    A user who names one part of a detector names them all. Raises RequestError for an output that
    is not there, and for parts that are no detector.
    """
    names = [spec.name for spec in model.signature.outputs]
    for name in request.scores:
        if name not in names:
            raise RequestError(
                f"scores name the output {name!r}; {model.name} has {', '.join(names)}"
            )
    readings: dict[str, Reading] = {}
    suppression = None
    if frozen is not None:
        readings |= recognise_scores(frozen.graph, frozen.outputs)
        if not any(reading.kind in PARTS for reading in request.scores.values()):
            detector = recognise_detector(frozen.graph, frozen.outputs, model.signature.outputs)
            readings |= {name: Reading(part) for name, part in detector.items()}
        suppression = suppression_threshold(frozen.graph)
    return read_scores({**readings, **request.scores}, suppression=suppression)
