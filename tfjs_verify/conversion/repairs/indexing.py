"""Gathering, scattering, counting and moving elements."""

# ruff: noqa: D103 (what is declared by `expansion` is documented by its op and its `why`)

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call

_NO_OP = "TensorFlow.js has no such op; it is spelled out in ops that it has"
_NODE_LACKS = "the node backend has no kernel for it"


@expansion(
    "OneHot",
    why="TensorFlow.js ignores the axis, and the wasm backend writes 1 into floats as if it were"
    " an integer",
)
def one_hot(call: Call, indices: Any, depth: Any, on: Any, off: Any) -> Any:
    axis = call.attribute("axis")
    rank = indices.shape.rank
    last = axis in (-1, rank)
    if (rank is None and not last) or (last and on.dtype == tf.int32):
        return None
    if last:
        numbers = tf.range(tf.cast(depth, tf.int32))
        position = -1
    else:
        shape = [1] * (rank + 1)
        shape[axis] = -1
        numbers = tf.reshape(tf.range(tf.cast(depth, tf.int32)), shape)
        position = axis
    hit = tf.equal(tf.expand_dims(tf.cast(indices, tf.int32), position), numbers)
    values = tf.get_static_value(on), tf.get_static_value(off)
    if None not in values and values == (1, 0):
        return tf.cast(hit, on.dtype)
    return tf.where(hit, on, off)


@expansion(
    "GatherV2",
    name="gather-axis",
    why="the node backend refuses a negative axis",
)
def gather_axis(call: Call, x: Any, indices: Any, axis: Any) -> Any:
    value = tf.get_static_value(axis)
    if value is None or value >= 0 or x.shape.rank is None:
        return None
    return tf.raw_ops.GatherV2(
        params=x,
        indices=indices,
        axis=int(value) + x.shape.rank,
        batch_dims=call.attribute("batch_dims") or 0,
    )


@expansion(
    "GatherV2",
    name="gather-batched",
    why="the wasm backend takes the wrong rows where the leading dimensions are gathered in step",
)
def gather_batched(call: Call, x: Any, indices: Any, axis: Any) -> Any:
    """One gather from all batches at once, by indices that say which batch."""
    batched, place = call.attribute("batch_dims") or 0, tf.get_static_value(axis)
    rank, inner = x.shape.rank, indices.shape.rank
    if not batched or place is None or rank is None or inner is None:
        return None
    place, batched = int(place) % rank, int(batched) + (inner if batched < 0 else 0)
    before = list(range(batched, place))
    order = [*range(batched), place, *before, *range(place + 1, rank)]
    moved = tf.transpose(x, order) if before else x
    shape, chosen = tf.shape(moved), tf.shape(indices)
    count = tf.reduce_prod(shape[:batched])
    start = tf.range(count)[:, None] * shape[batched]
    rows = tf.reshape(tf.cast(indices, tf.int32), tf.stack([count, -1])) + start
    flat = tf.reshape(moved, tf.concat([[-1], shape[batched + 1 :]], axis=0))
    result = tf.gather(flat, tf.reshape(rows, [-1]))
    result = tf.reshape(result, tf.concat([chosen, shape[batched + 1 :]], axis=0))
    if not before:
        return result
    middle = list(range(inner, inner + len(before)))
    rest = range(inner + len(before), inner + rank - batched - 1)
    return tf.transpose(result, [*range(batched), *middle, *range(batched, inner), *rest])


@expansion(
    "Cumsum",
    "Cumprod",
    name="cumulative-axis",
    why="TensorFlow.js transposes by a negative axis as it is: wrong on cpu, out of bounds on wasm",
)
def cumulative_axis(call: Call, x: Any, axis: Any) -> Any:
    value = tf.get_static_value(axis)
    if value is None or value >= 0 or x.shape.rank is None:
        return None
    return getattr(tf.raw_ops, call.node.op)(
        x=x,
        axis=int(value) + x.shape.rank,
        exclusive=bool(call.attribute("exclusive")),
        reverse=bool(call.attribute("reverse")),
    )


@expansion("Bucketize", why=_NO_OP)
def bucketize(call: Call, x: Any) -> Any:
    boundaries = call.attribute("boundaries")
    if not boundaries:
        return tf.zeros_like(x, tf.int32)
    limits = tf.constant(boundaries, tf.float32)
    reached = tf.cast(x, tf.float32)[..., None] >= limits
    return tf.reduce_sum(tf.cast(reached, tf.int32), axis=-1)


@expansion("LowerBound", "UpperBound", name="search-sorted", why=_NODE_LACKS)
def search_sorted(call: Call, ordered: Any, values: Any) -> Any:
    compare = tf.less if call.node.op == "LowerBound" else tf.less_equal
    before = compare(ordered[:, None, :], values[:, :, None])
    return tf.reduce_sum(tf.cast(before, call.outputs[0].dtype), axis=-1)


@expansion("DenseBincount", "Bincount", name="bincount", why=_NODE_LACKS)
def bincount(call: Call, values: Any, size: Any, weights: Any) -> Any:
    """Counts by comparing with every bin; values beyond the last bin count nowhere."""
    rank = values.shape.rank
    if rank is None or (call.node.op == "DenseBincount" and rank not in (1, 2)):
        return None
    if call.node.op == "Bincount":
        values = tf.reshape(values, [-1])
    bins = tf.range(tf.cast(size, tf.int32))
    hit = tf.equal(tf.cast(values, tf.int32)[..., None], bins)
    dtype = call.outputs[0].dtype
    if call.attribute("binary_output"):
        return tf.cast(tf.reduce_any(hit, axis=-2), dtype)
    counted = tf.cast(hit, dtype)
    if weights.shape.num_elements() != 0:
        if weights.shape.num_elements() is None:
            return None
        counted = counted * tf.reshape(weights, tf.shape(values))[..., None]
    return tf.reduce_sum(counted, axis=-2)


@expansion("Roll", why=_NO_OP)
def roll(call: Call, x: Any, shift: Any, axis: Any) -> Any:
    shifts, axes = tf.get_static_value(shift), tf.get_static_value(axis)
    if shifts is None or axes is None or x.shape.rank is None:
        return None
    for amount, dimension in zip(np.atleast_1d(shifts), np.atleast_1d(axes), strict=True):
        size = x.shape[int(dimension)]
        size = tf.shape(x)[int(dimension)] if size is None else size
        behind = tf.cast(tf.math.floormod(-int(amount), size), tf.int32)
        x = tf.concat(
            [_part(x, int(dimension), behind, None), _part(x, int(dimension), None, behind)],
            axis=int(dimension) % x.shape.rank,
        )
    return x


def _part(x: Any, axis: int, start: Any, stop: Any) -> Any:
    index = [slice(None)] * x.shape.rank
    index[axis] = slice(start, stop)
    return x[tuple(index)]


@expansion("ReverseSequence", why=_NO_OP)
def reverse_sequence(call: Call, x: Any, lengths: Any) -> Any:
    rank = x.shape.rank
    if rank is None:
        return None
    batch, sequence = call.attribute("batch_dim") or 0, call.attribute("seq_dim")
    rest = [axis for axis in range(rank) if axis not in (batch, sequence)]
    order = [batch, sequence, *rest]
    moved = tf.transpose(x, order)
    shape = tf.shape(moved)
    place = tf.range(shape[1])[None, :]
    length = tf.cast(lengths, tf.int32)[:, None]
    source = tf.where(place < length, length - 1 - place, place)
    source += tf.range(shape[0])[:, None] * shape[1]
    flat = tf.reshape(moved, tf.concat([[-1], shape[2:]], axis=0))
    picked = tf.reshape(tf.gather(flat, tf.reshape(source, [-1])), shape)
    return tf.transpose(picked, [order.index(axis) for axis in range(rank)])


@expansion("SpaceToDepth", why=_NO_OP)
def space_to_depth(call: Call, x: Any) -> Any:
    block = call.attribute("block_size")
    height, width, channels = x.shape[1:]
    if None in (height, width, channels) or call.attribute("data_format") not in (None, b"NHWC"):
        return None
    rows, columns = height // block, width // block
    parts = tf.reshape(x, [-1, rows, block, columns, block * channels])
    parts = tf.transpose(parts, [0, 1, 3, 2, 4])
    return tf.reshape(parts, [-1, rows, columns, block * block * channels])


@expansion("TensorScatterAdd", "TensorScatterSub", name="tensor-scatter", why=_NO_OP)
def tensor_scatter(call: Call, x: Any, indices: Any, updates: Any) -> Any:
    change = tf.scatter_nd(indices, updates, tf.shape(x, out_type=indices.dtype))
    return x + change if call.node.op == "TensorScatterAdd" else x - change


@expansion("UnsortedSegmentSum", "SegmentSum", "SegmentSumV2", name="segment-sum", why=_NO_OP)
def segment_sum(call: Call, x: Any, ids: Any, *count: Any) -> Any:
    """Rows with a negative id count nowhere: they go to one more row, which is cut off."""
    ids = tf.cast(ids, tf.int32)
    number = tf.cast(count[0], tf.int32) if count else tf.reduce_max(ids) + 1
    if ids.shape.rank is None:
        return None
    ids = tf.where(ids < 0, tf.fill(tf.shape(ids), number), ids)
    shape = tf.concat([[number + 1], tf.shape(x)[ids.shape.rank :]], axis=0)
    return tf.scatter_nd(ids[..., None], x, shape)[:number]


@expansion("UnsortedSegmentMax", "UnsortedSegmentMin", name="segment-extreme", why=_NO_OP)
def segment_extreme(call: Call, x: Any, ids: Any, count: Any) -> Any:
    """Compares every row with every segment; only for ids of one dimension."""
    if ids.shape.rank != 1 or x.shape.rank is None:
        return None
    largest = call.node.op == "UnsortedSegmentMax"
    member = _membership(ids, count, x.shape.rank)
    nothing = tf.constant(x.dtype.min if largest else x.dtype.max, x.dtype)
    masked = tf.where(member, x[None], nothing)
    return tf.reduce_max(masked, axis=1) if largest else tf.reduce_min(masked, axis=1)


@expansion("UnsortedSegmentProd", name="segment-product", why=_NO_OP)
def segment_product(call: Call, x: Any, ids: Any, count: Any) -> Any:
    """Compares every row with every segment; only for ids of one dimension."""
    if ids.shape.rank != 1 or x.shape.rank is None:
        return None
    member = _membership(ids, count, x.shape.rank)
    return tf.reduce_prod(tf.where(member, x[None], tf.ones((), x.dtype)), axis=1)


@expansion("SegmentMean", why=_NO_OP)
def segment_mean(call: Call, x: Any, ids: Any) -> Any:
    if x.shape.rank is None:
        return None
    count = tf.reduce_max(ids) + 1
    member = tf.cast(_membership(ids, count, x.shape.rank), x.dtype)
    total = tf.reduce_sum(member * x[None], axis=1)
    return tf.math.divide_no_nan(total, tf.reduce_sum(member, axis=1))


def _membership(ids: Any, count: Any, rank: int) -> Any:
    """Whether a row is in a segment: [segments, rows, 1, …], `rank + 1` dimensions in all."""
    member = tf.equal(tf.cast(ids, tf.int32)[None, :], tf.range(tf.cast(count, tf.int32))[:, None])
    return tf.reshape(member, tf.concat([tf.shape(member), [1] * (rank - 1)], axis=0))


@expansion("InvertPermutation", why=_NO_OP)
def invert_permutation(call: Call, x: Any) -> Any:
    return tf.scatter_nd(x[:, None], tf.range(tf.size(x)), tf.shape(x)) if _is_int32(x) else None


@expansion(
    "LookupTableFind",
    "LookupTableFindV2",
    name="lookup-shape",
    why="TensorFlow.js gives what it finds in a table as a vector, whatever the shape of the keys",
)
def lookup_shape(call: Call, table: Any, keys: Any, default: Any) -> Any:
    if keys.shape.rank == 1:
        return None
    found = tf.raw_ops.LookupTableFindV2(
        table_handle=table, keys=tf.reshape(keys, [-1]), default_value=default
    )
    return tf.reshape(found, tf.shape(keys))


@expansion(
    "EnsureShape",
    why="TensorFlow.js reads the shape from an attribute that it does not have",
)
def ensure_shape(call: Call, x: Any) -> Any:
    return tf.identity(x)


def _is_int32(x: Any) -> bool:
    return bool(x.dtype == tf.int32)


REWRITES = (
    one_hot,
    gather_axis,
    cumulative_axis,
    gather_batched,
    bucketize,
    search_sorted,
    bincount,
    roll,
    reverse_sequence,
    space_to_depth,
    tensor_scatter,
    segment_sum,
    segment_extreme,
    segment_product,
    segment_mean,
    invert_permutation,
    lookup_shape,
    ensure_shape,
)
