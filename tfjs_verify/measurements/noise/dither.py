"""Rounding noise of any correct float32 implementation, injected into a float64 graph.

The standard model of floating-point arithmetic: an op's result is the exact one times (1 + δ),
|δ| ≤ 2⁻²⁴. An op that adds up many terms does that to every term; one that only moves or picks
values does nothing. The deviations that a few random δ cause in the outputs show how much
rounding the model lets through, whichever kernels compute it, and without the luck of one
implementation on one input.
"""

from __future__ import annotations

from typing import Any

UNIT = 2.0**-24
"""Half a unit in the last place of float32, relative."""

_MOVING = """
    Abs AddV2Shape ArgMax ArgMin BatchToSpace BatchToSpaceND Bitcast BroadcastTo Cast CheckNumerics
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

_ADDING = """
    AvgPool AvgPool3D BatchMatMul BatchMatMulV2 BatchMatMulV3 Conv2D Conv2DBackpropInput Conv3D
    Conv3DBackpropInputV2 Cumsum CumulativeLogsumexp DepthwiseConv2dNative Dilation2D Einsum
    EuclideanNorm MatMul Mean SegmentSum SegmentMean SparseTensorDenseMatMul Sum UnsortedSegmentSum
"""
SUMMING = frozenset(_ADDING.split())
"""Ops whose rounding is relative to the terms that they add up, not to their result."""


def add_dither(body: Any, name: str, reference: str, dtype: int, seed: int) -> str:
    """Adds nodes that multiply the tensor `reference` by (1 + δ); the reference of their result.

    `body` is what the lifting writes to; `dtype` is the enum value of float64 or complex128.
    """
    import tensorflow as tf

    double = tf.float64.as_datatype_enum
    shape = body.add(f"{name}/shape", "Shape", [reference], T=dtype, out_type=tf.int32)
    random = body.add(
        f"{name}/random", "RandomUniform", [shape],
        T=tf.int32, dtype=tf.float64, seed=seed, seed2=seed,
    )  # fmt: skip
    spread = body.constant("rounding/spread", 2 * UNIT)
    least = body.constant("rounding/least", 1 - UNIT)
    scaled = body.add(f"{name}/scaled", "Mul", [random, spread], T=double)
    factor = body.add(f"{name}/factor", "AddV2", [scaled, least], T=double)
    if dtype != double:
        factor = body.add(f"{name}/complex", "Cast", [factor], SrcT=double, DstT=dtype)
    return str(body.add(f"{name}/dithered", "Mul", [reference, factor], T=dtype))
