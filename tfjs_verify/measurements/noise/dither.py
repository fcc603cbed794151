"""Rounding noise of any correct float32 implementation, injected into a float64 graph.

The standard model of floating-point arithmetic: an op's result is the exact one times (1 + δ),
|δ| ≤ 2⁻²⁴, and a float32; or a float16 or bfloat16, |δ| ≤ 2⁻¹¹ or 2⁻⁸, where the model computes in
that. An op that adds up many terms rounds after every term, and that to float32 in any case, so
that the first of n terms is rounded n times: its factor is the end of a random walk. An op that
only moves or picks values does nothing. The deviations that a few random δ cause in the outputs
show how much rounding the model lets through, whichever kernels compute it, and without the luck of
one implementation on one input.

Where many results add up the same terms, as the columns of a matrix product do, each does so for
itself: its error is as large as the walk says, and of a sign of its own. With one walk for all, the
errors of a row would cancel in whatever projects over columns, as x^T P x does.

What adds up like terms is not left to chance alone: see `sequence`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfjs_verify.measurements.noise.dtypes import digits, lifted_types

UNIT = 2.0**-24
"""Half a unit in the last place of float32, relative."""

_MOVING = """
    Abs AddV2Shape ArgMax ArgMin BatchToSpace BatchToSpaceND Bitcast BroadcastTo CheckNumerics
    ClipByValue Concat ConcatOffset ConcatV2 Conj Const DepthToSpace Diag DiagPart DynamicPartition
    DynamicStitch Empty EnsureShape Enter Exit ExpandDims ExtractImagePatches Fill Gather GatherNd
    GatherV2 Identity IdentityN If Imag InvertPermutation MatrixBandPart MatrixDiag MatrixDiagPart
    MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixSetDiag MatrixSetDiagV2
    MatrixSetDiagV3 Max MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax Maximum Merge Min Minimum
    MirrorPad Neg NextIteration OneHot OnesLike Pack Pad PadV2 ParallelConcat ParallelDynamicStitch
    PartitionedCall Placeholder PlaceholderWithDefault PreventGradient Print PrintV2 Real RefEnter
    RefExit RefMerge RefNextIteration RefSwitch Relu Relu6 Reshape ResizeNearestNeighbor Reverse
    ReverseSequence ReverseV2 Rint Round Ceil Floor Roll ScatterNdUpdate Select SelectV2 Sign Slice
    Snapshot SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Squeeze StatefulPartitionedCall
    StatelessCase StatelessIf StatelessWhile StopGradient StridedSlice Switch TensorListConcat
    TensorListConcatV2 TensorListFromTensor TensorListGather TensorListGetItem TensorListPopBack
    TensorListStack TensorScatterMax TensorScatterMin TensorScatterUpdate Tile TopK TopKV2 Transpose
    Unique UniqueV2 Unpack Where While ZerosLike
"""
EXACT = frozenset(_MOVING.split())
"""Ops that move values or pick among them, so that no implementation rounds in them."""

_CONVOLUTIONS: Mapping[str, int] = {
    "Conv2D": 0,
    "Conv3D": 0,
    "Conv2DBackpropInput": 2,
    "Conv3DBackpropInputV2": 2,
}
"""Which operand of a convolution is the image: its channels are added up."""
_TERM_BY_TERM = frozenset(
    ["CumulativeLogsumexp", "Cumsum", "EuclideanNorm", "Mean", "SegmentMean", "SegmentSum", "Sum",
     "UnsortedSegmentSum"]
)  # fmt: skip
"""Ops that add up as well, in float32 or few terms: each term is rounded once."""

_TRANSFORMS = frozenset(
    f"{inverse}{kind}FFT{axes}"
    for inverse in ("", "I")
    for kind in ("", "R")
    for axes in ("", "2D", "3D")
)
"""Every bin of a spectrum adds up the whole signal: empty bins hold rounding of the others."""


@dataclass(frozen=True)
class Terms:
    """How an op's rounding reaches one of its operands, whose numbers are the terms it adds up."""

    operand: int
    axis: int | None = None
    """Along this axis of the operand the op adds up; the factors are a random walk along it."""
    scale: float = 1.0
    """Half the range of a step, in units of 2⁻²⁴: more than one where a step is many additions."""
    shared: bool = True
    """Whether several results add up the same terms, each for itself."""


def terms_of(node: Any, filter_shape: Sequence[int] = ()) -> Terms | None:
    """How rounding reaches the terms of `node`; None where it is relative to the result alone.

    `filter_shape` is that of a convolution's filter, empty where it is not known.
    """
    attributes = node.attr
    window = math.prod(filter_shape[:-2])
    if node.op in _CONVOLUTIONS:
        channels_first = attributes["data_format"].s.startswith(b"NC")
        if node.op.endswith(("Input", "InputV2")):
            window = max(1, window // math.prod(attributes["strides"].list.i))
        return Terms(_CONVOLUTIONS[node.op], 1 if channels_first else -1, math.sqrt(window))
    if node.op == "DepthwiseConv2dNative":
        return Terms(0, scale=max(1.0, math.sqrt(window) / 2))
    if node.op.startswith(("MatMul", "BatchMatMul")):
        turned = attributes["transpose_a" if node.op == "MatMul" else "adj_x"].b
        return Terms(0, -2 if turned else -1)
    if node.op == "Einsum":
        return Terms(0, _contracted_axis(attributes["equation"].s.decode()))
    if node.op == "AvgPool":
        return Terms(0, scale=math.prod(attributes["ksize"].list.i) / 2)
    if node.op in _TRANSFORMS:
        return Terms(0, -1)
    return Terms(0, shared=False) if node.op in _TERM_BY_TERM else None


def _contracted_axis(equation: str) -> int | None:
    """The last axis of the first operand over which an Einsum adds up, counted from the end."""
    operands, _, result = equation.replace(" ", "").partition("->")
    first = operands.partition(",")[0].rpartition("...")[2]
    return next(
        (axis for axis in range(-1, -len(first) - 1, -1) if first[axis] not in result), None
    )


def add_dither(
    body: Any, name: str, reference: str, narrow: int, seed: int, terms: Terms | None = None
) -> str:
    """Adds nodes that multiply the tensor `reference` by (1 + δ); the reference of their result.

    Without `terms` the result is rounded to a `narrow`: what two kernels round to the same number
    is equal, and what is left of 1 may be nothing. What is one already is not for anybody to round.
    `body` is what the lifting writes to; `narrow` is the enum value of a type that it lifts.
    """
    import tensorflow as tf

    double = tf.float64.as_datatype_enum
    dtype = lifted_types()[narrow]
    unit = UNIT * terms.scale if terms else 2.0 ** -digits(narrow)
    shape = body.add(f"{name}/shape", "Shape", [reference], T=dtype, out_type=tf.int32)
    random = body.add(
        f"{name}/random", "RandomUniform", [shape],
        T=tf.int32, dtype=tf.float64, seed=seed, seed2=seed,
    )  # fmt: skip
    spread = body.constant("rounding/spread", 2 * unit)
    factor = body.add(f"{name}/scaled", "Mul", [random, spread], T=double)
    if terms is not None and terms.axis is not None:
        step = body.add(
            f"{name}/step", "Sub", [factor, body.constant("rounding/unit", unit)], T=double
        )
        walk = body.add(
            f"{name}/walk", "Cumsum", [step, body.constant("rounding/axis", terms.axis)],
            T=double, Tidx=tf.int32, exclusive=False, reverse=False,
        )  # fmt: skip
        least = body.constant("rounding/one", 1.0)
        factor = body.add(f"{name}/factor", "AddV2", [walk, least], T=double)
    else:
        least = body.constant("rounding/least", 1 - unit)
        factor = body.add(f"{name}/factor", "AddV2", [factor, least], T=double)
    if dtype != double:
        factor = body.add(f"{name}/complex", "Cast", [factor], SrcT=double, DstT=dtype)
    result = body.add(f"{name}/dithered", "Mul", [reference, factor], T=dtype)
    if terms is not None:
        return str(result)

    def rounded(what: str, value: str) -> str:
        """`value` as a `narrow` has it."""
        given = body.add(f"{name}/{what}", "Cast", [value], SrcT=dtype, DstT=narrow)
        return str(body.add(f"{name}/{what}_widened", "Cast", [given], SrcT=narrow, DstT=dtype))

    exact = body.add(
        f"{name}/exact", "Equal", [reference, rounded("nearest", reference)],
        T=dtype, incompatible_shape_error=True,
    )  # fmt: skip
    dithered = rounded("random", result)
    return str(body.add(f"{name}/result", "SelectV2", [exact, reference, dithered], T=dtype))


def add_signs(body: Any, name: str, exact: str, dithered: str, dtype: int, seed: int) -> str:
    """Adds nodes that give the deviation of every element a sign of its own; their result.

    `exact` and `dithered` are references to tensors of one shape, of `dtype` as in `add_dither`.
    """
    import tensorflow as tf

    double = tf.float64.as_datatype_enum
    shape = body.add(f"{name}/shape", "Shape", [exact], T=dtype, out_type=tf.int32)
    random = body.add(
        f"{name}/random", "RandomUniform", [shape],
        T=tf.int32, dtype=tf.float64, seed=seed, seed2=seed,
    )  # fmt: skip
    centred = body.add(
        f"{name}/centred", "Sub", [random, body.constant("rounding/half", 0.5)], T=double
    )
    sign = body.add(f"{name}/sign", "Sign", [centred], T=double)
    if dtype != double:
        sign = body.add(f"{name}/complex", "Cast", [sign], SrcT=double, DstT=dtype)
    error = body.add(f"{name}/error", "Sub", [dithered, exact], T=dtype)
    signed = body.add(f"{name}/signed", "Mul", [error, sign], T=dtype)
    return str(body.add(f"{name}/result", "AddV2", [exact, signed], T=dtype))
