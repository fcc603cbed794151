"""Matrix ops: band, diagonal and contraction."""

# ruff: noqa: D103 (what is declared by `expansion` is documented by its op and its `why`)

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.repairs.contraction import contract
from tfjs_verify.conversion.splicing import Call

_NO_OP = "TensorFlow.js has no such op; it is spelled out in ops that it has"


@expansion(
    "MatrixBandPart",
    name="matrix-band-part",
    why="TensorFlow.js reads num_upper from the wrong input, so causal masks are silently wrong",
)
def matrix_band_part(call: Call, x: Any, num_lower: Any, num_upper: Any) -> Any:
    rows, columns = _row_column(x)
    lower, upper = tf.cast(num_lower, tf.int32), tf.cast(num_upper, tf.int32)
    inside = tf.logical_and(
        tf.logical_or(lower < 0, rows - columns <= lower),
        tf.logical_or(upper < 0, columns - rows <= upper),
    )
    return tf.where(inside, x, tf.zeros_like(x))


@expansion(
    "Einsum",
    why="the wasm backend has no Einsum, which every MultiHeadAttention needs",
)
def einsum(call: Call, *operands: Any) -> Any:
    """Two or one operands of known rank; transposes, one batched product, a transpose."""
    return contract(call.attribute("equation").decode(), operands)


@expansion(
    "BatchMatMulV2",
    why="the cpu and wasm backends count through the smaller stack of matrices again and again,"
    " which is wrong where an inner dimension of it is repeated",
)
def batch_matmul_broadcast(call: Call, x: Any, y: Any) -> Any:
    """Both stacks in their common shape."""
    if x.shape.rank is None or y.shape.rank is None:
        return None
    if not (
        _repeats_within(x.shape[:-2], y.shape[:-2]) or _repeats_within(y.shape[:-2], x.shape[:-2])
    ):
        return None
    common = tf.broadcast_dynamic_shape(tf.shape(x)[:-2], tf.shape(y)[:-2])
    x, y = (
        tf.broadcast_to(each, tf.concat([common, tf.shape(each)[-2:]], axis=0)) for each in (x, y)
    )
    return tf.raw_ops.BatchMatMulV2(
        x=x, y=y, adj_x=call.attribute("adj_x"), adj_y=call.attribute("adj_y")
    )


def _repeats_within(stack: Any, other: Any) -> bool:
    """Whether a dimension is surely repeated that has one before it which is not 1."""
    sizes, others = stack.as_list(), other.as_list()
    rank = max(len(sizes), len(others))
    sizes, others = [1] * (rank - len(sizes)) + sizes, [1] * (rank - len(others)) + others
    return any(
        size == 1 and others[axis] != 1 and any(before != 1 for before in sizes[:axis])
        for axis, size in enumerate(sizes)
    )


@expansion("BatchMatMulV3", why=_NO_OP)
def batch_matmul_v3(call: Call, x: Any, y: Any) -> Any:
    if not x.dtype == y.dtype == call.outputs[0].dtype:
        return None
    return tf.raw_ops.BatchMatMulV2(
        x=x, y=y, adj_x=call.attribute("adj_x"), adj_y=call.attribute("adj_y")
    )


@expansion("MatrixDiag", "MatrixDiagV2", "MatrixDiagV3", "Diag", name="matrix-diag", why=_NO_OP)
def matrix_diag(call: Call, diagonal: Any, *options: Any) -> Any:
    """One diagonal, and the matrix just as large as it takes."""
    if call.node.op == "Diag" and diagonal.shape.rank != 1:
        return None
    offset = _offset(options) if options else 0
    if offset is None or (offset and diagonal.shape.rank is None):
        return None
    size = tf.shape(diagonal)[-1]
    index = tf.range(size)
    on_diagonal = tf.equal(index[:, None], index[None, :])
    expanded = diagonal[..., None]
    matrix = tf.where(on_diagonal, expanded, tf.zeros_like(expanded))
    if not offset:
        return matrix
    above, below = max(offset, 0), max(-offset, 0)
    outer = [[0, 0]] * (diagonal.shape.rank - 1)
    return tf.pad(matrix, [*outer, [below, above], [above, below]])


@expansion(
    "MatrixDiagPart",
    "MatrixDiagPartV2",
    "MatrixDiagPartV3",
    "DiagPart",
    name="matrix-diag-part",
    why=_NO_OP,
)
def matrix_diag_part(call: Call, x: Any, *options: Any) -> Any:
    """The main diagonal: everything else masked out, then summed along the longer side."""
    if call.node.op == "DiagPart" and x.shape.rank != 2:
        return None
    if options and tf.get_static_value(options[0]) is None:
        return None
    if options and np.any(tf.get_static_value(options[0]) != 0):
        return None
    rows, columns = _row_column(x)
    masked = tf.where(tf.equal(rows, columns), x, tf.zeros_like(x))
    size = tf.minimum(tf.shape(x)[-2], tf.shape(x)[-1])
    return tf.reduce_sum(masked[..., :size, :size], axis=-1)


@expansion(
    "MatrixSetDiag", "MatrixSetDiagV2", "MatrixSetDiagV3", name="matrix-set-diag", why=_NO_OP
)
def matrix_set_diag(call: Call, x: Any, diagonal: Any, *options: Any) -> Any:
    """The main diagonal of a square matrix."""
    if options and (
        tf.get_static_value(options[0]) is None or np.any(tf.get_static_value(options[0]) != 0)
    ):
        return None
    if x.shape.rank is None or x.shape[-1] is None or x.shape[-1] != x.shape[-2]:
        return None
    rows, columns = _row_column(x)
    return tf.where(tf.equal(rows, columns), diagonal[..., None], x)


def _row_column(x: Any) -> tuple[Any, Any]:
    """Row numbers [m, 1] and column numbers [1, n] of a stack of matrices."""
    shape = tf.shape(x)
    return tf.range(shape[-2])[:, None], tf.range(shape[-1])[None, :]


def _offset(options: tuple[Any, ...]) -> int | None:
    """The k of one diagonal, where the size follows from the diagonal and the padding is 0."""
    values = [tf.get_static_value(option) for option in options]
    if any(value is None for value in values):
        return None
    k, rows, columns, padding = values
    plain = np.size(k) == 1 and rows == -1 and columns == -1 and padding == 0
    return int(np.reshape(k, -1)[0]) if plain else None


REWRITES = (
    matrix_band_part,
    einsum,
    batch_matmul_broadcast,
    batch_matmul_v3,
    matrix_diag,
    matrix_diag_part,
    matrix_set_diag,
)
