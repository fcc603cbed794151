"""What a frozen graph says about the values that its inputs accept.

An integer that indexes a table stays inside it, one that OneHot expands stays below its depth, a
mask is of zeros and ones, and a Rescaling or Normalization right behind an input says its scale.
Only operations that hand values on are followed, also into function bodies; where the graph says
nothing, nothing is concluded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfjs_verify.cases.case import is_float, is_integer
from tfjs_verify.cases.domain import Domain
from tfjs_verify.cases.graphs import (
    CALLS,
    Place,
    Use,
    constant,
    data_inputs,
    open_graph,
    shape_of,
    uses,
)
from tfjs_verify.cases.vocabulary import looked_up
from tfjs_verify.errors import CaseError
from tfjs_verify.tensors import Array, Signature, TensorSpec

_SAME_VALUES: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(
        (
            *("Identity", "Snapshot", "StopGradient", "PreventGradient", "EnsureShape", "Cast"),
            *("PlaceholderWithDefault", "Reshape", "ExpandDims", "Squeeze", "StridedSlice"),
            *("Slice", "Transpose", "Tile", "BroadcastTo", "Unpack", "SplitV", "ReverseV2"),
            *("MirrorPad", "GatherV2", "Gather", "GatherNd", "Roll", "CheckNumerics"),
        ),
        (0,),
    ),
    # Keras wraps negative indices: where(i < 0, i + size, i).
    "Select": (1, 2),
    "SelectV2": (1, 2),
    "Split": (1,),
}
"""The inputs whose elements come out again; of all other operations none do, but see `_passes`."""

_ALL_SAME = frozenset({"Pack", "ConcatV2", "IdentityN", "Concat"})

_ARITHMETIC = frozenset(
    (
        *("Add", "AddV2", "AddN", "Sub", "Mul", "RealDiv", "Neg", "Abs", "Square", "Sign"),
        *("Maximum", "Minimum", "SquaredDifference", "MatMul", "BatchMatMulV2", "Sum", "Mean"),
        *("Max", "Min", "Prod", "Less", "LessEqual", "Greater", "GreaterEqual", "Equal"),
        *("NotEqual", "Relu", "Relu6", "Sigmoid", "Tanh", "Softmax", "BiasAdd", "Conv2D", "Cumsum"),
        *("Exp", "Sin", "Cos", "Erf", "Softplus", "Elu", "LogicalAnd", "LogicalOr", "LogicalNot"),
        *("ArgMax", "ArgMin", "_FusedMatMul", "_FusedConv2D", "FusedBatchNormV3", "Rsqrt"),
    )
)
_SIZES = frozenset({"Shape", "ShapeN", "Size", "Rank", "NoOp"})
_WIDE = 100
_OUT_OF_SIGHT = 1000.0
"""What attention adds to the scores that it masks is at least this far below 0."""
_IDS = frozenset({"int32", "int64"})
"""The dtypes of what is no picture."""
_CLASSES = frozenset({"class", "instance", "label", "seg", "segment", "segmentation", "semantic"})
"""What the name of a mask says where it holds the numbers of classes or objects."""
_WORDS = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_SIGMAS = 3.0


def infer_domains(
    graph: Any,
    placeholders: Mapping[str, str],
    signature: Signature,
    tables: Mapping[str, Any] | None = None,
) -> dict[str, Domain]:
    """Domains for the inputs about which a frozen GraphDef says something.

    `placeholders` gives the graph's node for every input name, `tables` the handles of lookup
    tables by the placeholder that takes them. Every domain found carries a reason for the report.
    Raises CaseError for a node that is not in the graph.
    """
    scope = open_graph(graph)
    domains: dict[str, Domain] = {}
    for spec in signature.inputs:
        node = placeholders[spec.name].partition(":")[0]
        if node not in scope.nodes:
            raise CaseError(f'Input "{spec.name}" is said to be node "{node}", which is not there.')
        domain = _infer(spec, (scope, node), tables or {})
        if domain is not None:
            domains[spec.name] = domain.within(spec.dtype)
    return domains


def _passes(use: Use) -> bool:
    return use.node.op in _ALL_SAME or use.slot in _SAME_VALUES.get(use.node.op, ())


def _hands_on(use: Use) -> bool:
    """Whether a consumer calculates nothing with the values: it passes them on, or asks a size."""
    return _passes(use) or use.node.op in CALLS or use.node.op in _SIZES


def _infer(spec: TensorSpec, start: Place, tables: Mapping[str, Any]) -> Domain | None:
    found = list(uses(start, _unchanged))
    known = looked_up(found, tables)
    if known is not None or not (is_integer(spec.dtype) or is_float(spec.dtype)):
        return known
    limits = [limit for limit in map(_limit, found) if limit is not None]
    if limits:
        size, reason = min(limits)
        return Domain("int", 0, max(size - 1, 0), source="inferred", reason=reason)
    mask = _mask(spec, found)
    if mask is not None:
        return mask
    signed = spec.dtype.startswith("int")
    scales = [_scale(use, signed) for use in found if not _hands_on(use)]
    if scales and all(scale is not None for scale in scales):
        low, high, reason = next(scale for scale in scales if scale is not None)
        if is_float(spec.dtype):
            return Domain("float", low, high, source="inferred", reason=reason)
        if spec.dtype not in {"uint8", "int8"}:
            return Domain("int", np.ceil(low), np.floor(high), source="inferred", reason=reason)
    if spec.dtype in _IDS and found and _only_arithmetic(start):
        return Domain(
            "int", -_WIDE, _WIDE, source="inferred", reason="the graph only calculates with it"
        )
    return None


# --- indices -----------------------------------------------------------------------------------


def _limit(use: Use) -> tuple[int, str] | None:
    """How many different values a consumer accepts, counted from 0, and why."""
    node, slot = use.node, use.slot
    inputs = data_inputs(node)
    size: int | None = None
    if node.op in {"GatherV2", "Gather", "ResourceGather"} and slot == 1:
        shape = shape_of(use.scope, inputs[0])
        axis = constant(use.scope, inputs[2]) if node.op == "GatherV2" else np.zeros(())
        if shape and axis is not None and axis.size == 1:
            size = shape[int(axis.reshape(-1)[0])]
        what = "indexes a table"
    elif node.op in {"GatherNd", "ResourceGatherNd"} and slot == 1:
        shape = shape_of(use.scope, inputs[0])
        size = min(shape) if shape else None
        what = "indexes a tensor"
    elif node.op == "OneHot" and slot == 0:
        depth = constant(use.scope, inputs[1])
        size = int(depth.reshape(-1)[0]) if depth is not None else None
        what = "is made one-hot to a depth"
    elif (
        node.op in {"UnsortedSegmentSum", "UnsortedSegmentMax", "UnsortedSegmentMin"} and slot == 1
    ):
        count = constant(use.scope, inputs[2])
        size = int(count.reshape(-1)[0]) if count is not None else None
        what = "names one of the segments, a number"
    else:
        return None
    if size is None or size < 1:
        return None
    return size, f'it {what} of {size} in "{node.name}" ({node.op})'


# --- masks -------------------------------------------------------------------------------------


def _mask(spec: TensorSpec, found: Sequence[Use]) -> Domain | None:
    """Zeros and ones, of which some are ones along the last axis, unless that is of one place."""
    reason = _why_mask(spec, found)
    if spec.shape is None or len(spec.shape) < 2 or not reason:
        return None
    if spec.shape[-1] == 1:
        return Domain("values", values=(0, 1), source="inferred", reason=reason)
    return Domain("mask", source="inferred", reason=reason)


def _why_mask(spec: TensorSpec, found: Sequence[Use]) -> str:
    """What says that an input is a mask; empty where nothing does."""
    for use in found:
        if use.node.op == "Sub" and use.slot == 1 and _is_one(_other(use)):
            for node, slot in use.scope.consumers(use.node.name):
                weight = _other(Use(use.scope, node, slot)) if node.op == "Mul" else None
                if weight is not None and float(np.min(weight)) <= -_OUT_OF_SIGHT:
                    return f'what it leaves out is moved out of sight in "{node.name}" (Mul)'
    words = [word.lower() for word in _WORDS.findall(spec.name)]
    named = words and words[-1] in {"mask", "masks"} and not _CLASSES & set(words)
    return "the name says so" if named and spec.dtype in _IDS else ""


def _is_one(value: Array | None) -> bool:
    return value is not None and value.size == 1 and float(value.reshape(-1)[0]) == 1.0


# --- scales ------------------------------------------------------------------------------------


def _scale(use: Use, signed: bool) -> tuple[float, float, str] | None:
    """The range of values that a Rescaling or Normalization behind an input brings to size.

    Integers with a sign are sound, say, and come with both, unless an offset centres them.
    """
    operation, other = use.node.op, _other(use)
    if operation == "Bucketize":
        return _bucketed(use)
    if other is None:
        return None
    where = f'in "{use.node.name}" ({operation})'
    if operation == "Mul" and other.size == 1 and 0 < float(other.reshape(-1)[0]) < 0.5:
        return _rescaled(use, 1 / float(other.reshape(-1)[0]), signed, where)
    if operation in {"RealDiv", "Div"} and use.slot == 0 and other.size == 1:
        divisor = float(other.reshape(-1)[0])
        return _rescaled(use, divisor, signed, where) if divisor > 2 else None
    if operation == "Sub" and use.slot == 0:
        return _normalized(use, other, where)
    return None


def _bucketed(use: Use) -> tuple[float, float, str] | None:
    """From one step below the first boundary to one above the last."""
    boundaries = [float(each) for each in use.node.attr["boundaries"].list.f]
    if not boundaries:
        return None
    step = (boundaries[-1] - boundaries[0]) / max(1, len(boundaries) - 1) or 1.0
    low, high = boundaries[0] - step, boundaries[-1] + step
    return round(low, 3), round(high, 3), f'it is put into buckets in "{use.node.name}" (Bucketize)'


def _other(use: Use) -> Array | None:
    inputs = data_inputs(use.node)
    if use.node.op not in {"Mul", "RealDiv", "Div", "Sub", "Add", "AddV2"} or len(inputs) != 2:
        return None
    value = constant(use.scope, inputs[1 - use.slot])
    return value if value is not None and value.dtype.kind in "fiu" else None


def _rescaled(use: Use, top: float, signed: bool, where: str) -> tuple[float, float, str]:
    offset = _following(use, {"AddV2", "Add"}, 0.0) - _following(use, {"Sub"}, 0.0)
    # An offset of -1 says that the scaled values run from 0 to 2, about.
    high = top * (1 + round(-offset)) if -2 < offset < 0 else top
    high = float(round(high, 3))
    low = -high if signed and offset >= 0 else 0.0
    return low, high, f"it is rescaled {where}"


def _following(use: Use, operations: set[str], default: float) -> float:
    for node, slot in use.scope.consumers(use.node.name):
        if node.op in operations:
            value = _other(Use(use.scope, node, slot))
            if value is not None:
                return float(np.mean(value))
    return default


def _normalized(use: Use, mean: Array, where: str) -> tuple[float, float, str] | None:
    for node, slot in use.scope.consumers(use.node.name):
        value = _other(Use(use.scope, node, slot))
        if value is None or node.op not in {"RealDiv", "Div", "Mul"}:
            continue
        with np.errstate(divide="ignore"):
            deviation = np.abs(1 / value.astype(np.float64) if node.op == "Mul" else value)
        if not (np.isfinite(deviation).all() and np.isfinite(mean).all()):
            return None
        low = float(np.min(mean - _SIGMAS * deviation))
        high = float(np.max(mean + _SIGMAS * deviation))
        return round(low, 3), round(high, 3), f"it is normalized {where}"
    return None


# --- everything else ---------------------------------------------------------------------------


def _only_arithmetic(start: Place) -> bool:
    """Whether no index, shape or loop anywhere depends on the values of `start`."""
    return all(
        use.node.op in _ARITHMETIC
        or _passes(use)
        or (use.node.op in CALLS and use.scope.argument(use.node, use.slot) is not None)
        for use in uses(start, _everywhere)
    )


def _unchanged(use: Use) -> tuple[Place, ...]:
    """Where the very values that a consumer takes come out again."""
    if use.node.op in CALLS:
        inside = use.scope.argument(use.node, use.slot)
        return (inside,) if inside is not None else ()
    return ((use.scope, use.node.name),) if _passes(use) else ()


def _everywhere(use: Use) -> tuple[Place, ...]:
    """Where anything that depends on a value goes."""
    inside = use.scope.argument(use.node, use.slot) if use.node.op in CALLS else None
    outside = (use.scope, use.node.name)
    return (outside, inside) if inside is not None else (outside,)
