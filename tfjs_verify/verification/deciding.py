"""What somebody decides by: what the user said of the outputs, else what the graph shows."""

from __future__ import annotations

from tfjs_verify.cases import resolve_domains
from tfjs_verify.errors import RequestError
from tfjs_verify.measurements.detector_facts import recognise_detector, suppression_threshold
from tfjs_verify.measurements.graph_facts import recognise_scores
from tfjs_verify.measurements.noise.freezing import Frozen
from tfjs_verify.measurements.readings import PARTS, Reading, Scores, read_scores
from tfjs_verify.model import Model
from tfjs_verify.verification.request import Request


def check_names(request: Request, model: Model) -> None:
    """Refuse options about inputs and outputs that the model does not have, before the long part.

    Raises RequestError, and CaseError for an input.
    """
    resolve_domains(model.signature, request.inputs)
    shapes = {spec.name: spec.shape for spec in model.signature.outputs}
    for name, reading in request.scores.items():
        if name not in shapes:
            raise RequestError(
                f"scores name the output {name!r}; {model.name} has {', '.join(shapes)}"
            )
        shape = shapes[name]
        boxes = reading.kind in ("boxes", "centre_boxes")
        if boxes and shape is not None and (len(shape) < 2 or shape[-1] not in (4, None)):
            raise RequestError(
                f"the output {name!r} is {list(shape)}: boxes are [..., N, 4], two opposite "
                "corners or centre and size"
            )


def decided_by(request: Request, model: Model, frozen: Frozen | None) -> dict[str, Scores]:
    """The decisions that are made, by output; a detector is called by its boxes.

    A user who names one part of a detector names them all. Raises RequestError for parts that are
    no detector.
    """
    readings: dict[str, Reading] = {}
    suppression = None
    if frozen is not None:
        readings |= recognise_scores(frozen.graph, frozen.outputs, model.signature.outputs)
        if not any(reading.kind in PARTS for reading in request.scores.values()):
            detector = recognise_detector(frozen.graph, frozen.outputs, model.signature.outputs)
            readings |= {name: Reading(part) for name, part in detector.items()}
        suppression = suppression_threshold(frozen.graph)
    return read_scores({**readings, **request.scores}, suppression=suppression)
