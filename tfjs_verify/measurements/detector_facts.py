"""Which outputs of a model are the boxes, scores and classes of a detector.

A suppression of boxes in the graph says that they are there, the names of the outputs or else their
shapes and dtypes which is which. Where that stays open nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfjs_verify.measurements.readings import Part
from tfjs_verify.tensors import Shape, TensorSpec

_NAMES: Mapping[Part, frozenset[str]] = {
    "boxes": frozenset({"boxes", "detection_boxes", "nmsed_boxes"}),
    "box_scores": frozenset({"scores", "confidence", "detection_scores", "nmsed_scores"}),
    "box_classes": frozenset({"classes", "labels", "detection_classes", "nmsed_classes"}),
    "box_count": frozenset({"num_detections", "valid_detections", "num_boxes"}),
}
_COMBINED: tuple[Part, ...] = ("boxes", "box_scores", "box_classes", "box_count")
"""What the outputs of a CombinedNonMaxSuppression are."""
_THRESHOLD_INPUT = {
    "NonMaxSuppressionV3": 4,
    "NonMaxSuppressionV4": 4,
    "NonMaxSuppressionV5": 4,
    "CombinedNonMaxSuppression": 5,
}
_DRAWS_THE_LINE = 0.05
"""A threshold below this spares the suppression work; it decides nothing."""


def recognise_detector(
    graph: Any, outputs: Mapping[str, str], specs: Sequence[TensorSpec]
) -> dict[str, Part]:
    """What each output is to a detector, by name; empty where the model is none.

    `graph` is a frozen GraphDef, `outputs` gives the graph's tensor for every output name. A model
    without a suppression in its graph is a detector if the outputs are called like one's.
    """
    combined = _combined(graph, outputs)
    if combined:
        return combined
    named_alone = not any("NonMaxSuppression" in node.op for node in _nodes(graph))
    found: dict[str, Part] = {}

    def find(part: Part, candidates: Sequence[TensorSpec]) -> TensorSpec | None:
        left = [spec for spec in candidates if spec.name not in found]
        named = [spec for spec in left if spec.name.lower() in _NAMES[part]]
        chosen = named if named or named_alone else left
        if len(chosen) != 1:
            return None
        found[chosen[0].name] = part
        return chosen[0]

    real = [spec for spec in specs if spec.dtype.startswith(("float", "bfloat"))]
    boxes = find("boxes", [spec for spec in real if _fits(spec.shape, (None, 4), leading=True)])
    if boxes is None or boxes.shape is None:
        return {}
    scores = find("box_scores", [spec for spec in real if _fits(spec.shape, boxes.shape[:-1])])
    if scores is None:
        return {}
    find("box_classes", [spec for spec in specs if _fits(spec.shape, boxes.shape[:-1])])
    find("box_count", [spec for spec in specs if _fits(spec.shape, boxes.shape[:-2])])
    return found


def suppression_threshold(graph: Any) -> float | None:
    """The score below which the graph itself drops boxes; None where it does not draw that line."""
    import tensorflow as tf

    constants = {node.name: node for node in graph.node if node.op == "Const"}
    found = []
    for node in graph.node:
        place = _THRESHOLD_INPUT.get(node.op)
        constant = None if place is None else constants.get(_source(node, place))
        if constant is not None:
            found.append(float(np.ravel(tf.make_ndarray(constant.attr["value"].tensor))[0]))
    lowest = min(found, default=0.0)
    return lowest if lowest >= _DRAWS_THE_LINE else None


def _combined(graph: Any, outputs: Mapping[str, str]) -> dict[str, Part]:
    """The outputs that come straight from a CombinedNonMaxSuppression."""
    nodes = {node.name: node for node in graph.node}
    found: dict[str, Part] = {}
    for name, tensor in outputs.items():
        node, _, port = tensor.partition(":")
        while node in nodes and nodes[node].op in ("Identity", "Cast"):
            node, _, port = nodes[node].input[0].partition(":")
        if node in nodes and nodes[node].op == "CombinedNonMaxSuppression":
            found[name] = _COMBINED[int(port or 0)]
    parts = list(found.values())
    return found if "boxes" in parts and len(set(parts)) == len(parts) else {}


def _source(node: Any, place: int) -> str:
    return str(node.input[place]).partition(":")[0]


def _fits(own: Shape | None, wanted: Shape, *, leading: bool = False) -> bool:
    """Whether the shapes may be the same, or, `leading`, one more dimension before it."""
    if own is None:
        return False
    if leading and len(own) == len(wanted) + 1:
        own = own[1:]
    return len(own) == len(wanted) and all(
        one is None or other is None or one == other for one, other in zip(own, wanted, strict=True)
    )


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def
