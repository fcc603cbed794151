"""What a graph loses where TensorFlow.js has only float32 and int32 (worker side)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from tensorflow.core.framework import types_pb2

from tfjs_verify.conversion.graph import Body, Program, constant_value
from tfjs_verify.conversion.reasons import Reason
from tfjs_verify.conversion.repairs.base import shown
from tfjs_verify.conversion.repairs.log import RepairLog
from tfjs_verify.errors import ConversionError
from tfjs_verify.tensors import Array

if TYPE_CHECKING:
    from tfjs_verify.conversion.freezing import Initializer

_INT32 = np.iinfo(np.int32)
_FLOATS = {
    dtype: Reason(
        f"{name}-as-float32",
        f"TensorFlow.js computes in float32 what the model computes in {name}, so that answers"
        " differ by the rounding of the narrower one",
    )
    for dtype, name in (
        (types_pb2.DT_HALF, "float16"),
        (types_pb2.DT_BFLOAT16, "bfloat16"),
        (types_pb2.DT_DOUBLE, "float64"),
    )
}
_EXACT = frozenset(
    {
        *("Const", "Placeholder", "Identity", "StopGradient", "Reshape", "Transpose", "ExpandDims"),
        *("Squeeze", "Slice", "StridedSlice", "ConcatV2", "Pack", "Unpack", "Split", "SplitV"),
        *("Tile", "Pad", "PadV2", "MirrorPad", "GatherV2", "GatherNd", "ReverseV2", "BroadcastTo"),
        *("ZerosLike", "OnesLike", "Fill", "Shape", "Rank", "Size", "Relu", "Maximum", "Minimum"),
        *("Select", "SelectV2", "MaxPool", "Max", "Min", "Neg", "Abs"),
    }
)
"""What moves or chooses numbers and rounds none."""
_LIMITING = frozenset(
    {
        *("StridedSlice", "Slice", "Minimum", "Maximum", "ClipByValue"),
        *("Less", "LessEqual", "Greater", "GreaterEqual"),
    }
)
"""Ops to which "beyond every int32" and "the largest int32" are the same."""
_SATURATED = Reason(
    "saturated-constants",
    "TensorFlow.js has no integers beyond int32; these limits stop at its ends",
)


def note_narrowing(
    program: Program, initializer: Initializer | None, log: RepairLog, shown_model: str
) -> None:
    """Logs what changes by the narrower dtypes; raises ConversionError where numbers would."""
    for dtype, reason in _FLOATS.items():
        log.add(reason, computes_in(program, dtype))
    lost = [
        f"{node.op} ({shown(body, node.name)})"
        for body in program.bodies()
        for node in _wide_constants(body)
        if not _is_limit(body, node)
    ]
    if initializer is not None:
        lost += [
            f"{node.op} ({node.name})"
            for node in initializer.graph.node
            if node.op == "Const" and _is_wide(constant_value(node))
        ]
    if lost:
        raise ConversionError(
            f"{shown_model}: TensorFlow.js has no integers beyond int32, and the model computes"
            f" with such constants: {', '.join(lost)}. Use smaller numbers, or floats.",
            ops=tuple(lost),
            cause_type="WideIntegers",
        )
    wide = [shown(b, n.name) for b in program.bodies() for n in _wide_constants(b)]
    log.add(_SATURATED, wide)


def computes_in(program: Program, dtype: int) -> list[str]:
    """The nodes that compute, and hence round, in this dtype (an enum of TensorFlow's)."""
    return [
        shown(body, node.name)
        for body in program.bodies()
        for node in body.nodes.values()
        # Reading an attribute that is not there would add it, and TensorFlow refuse the function.
        if "T" in node.attr and node.attr["T"].type == dtype and node.op not in _EXACT
    ]


def _wide_constants(body: Body) -> Iterator[Any]:
    for node in body.nodes.values():
        if node.op == "Const" and _is_wide(constant_value(node)):
            yield node


def _is_wide(value: Array) -> bool:
    if value.dtype.kind not in "iu" or value.dtype.itemsize < 4 or value.dtype == np.int32:
        return False
    return bool(np.any(value < _INT32.min) or np.any(value > _INT32.max))


def _is_limit(body: Body, node: Any) -> bool:
    """Whether the constant says "no limit", or is only compared with."""
    value = constant_value(node)
    ends = np.iinfo(value.dtype)
    wide = value[(value < _INT32.min) | (value > _INT32.max)]
    if np.all((wide == ends.min) | (wide == ends.max)):
        return True
    takers = body.consumers().get(f"{node.name}:0", [])
    return all(taker is not None and taker.op in _LIMITING for taker, _ in takers)
