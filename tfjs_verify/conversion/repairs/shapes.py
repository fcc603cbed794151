"""Shapes, and the slices and mirrors that some backend gets wrong."""

# ruff: noqa: D103 (what is declared by `expansion` is documented by its op and its `why`)

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.repairs.exactness import is_whole, moved_as_floats
from tfjs_verify.conversion.splicing import Call

_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


@expansion("ShapeN", why="TensorFlow.js gives these shapes as floats, which no integers go with")
def shape_n(call: Call, *tensors: Any) -> Any:
    return [tf.shape(x, out_type=call.attribute("out_type") or tf.int32) for x in tensors]


@expansion(
    "StridedSlice",
    name="index-beside-stride",
    why="the cpu and wasm backends take the wrong elements where one dimension is indexed and"
    " another one has a stride",
)
def index_beside_stride(call: Call, x: Any, begin: Any, end: Any, strides: Any) -> Any:
    """A range of one element instead of the index, and the dimension dropped behind it."""
    masks = _masks(call)
    indexed = masks["shrink_axis_mask"] & ~masks["ellipsis_mask"] & ~masks["new_axis_mask"]
    if not indexed or not _has_stride(call, strides) or x.shape.rank is None:
        return None
    count = strides.shape[0]
    is_index = np.array([bool(indexed >> axis & 1) for axis in range(count)])
    last = tf.constant(np.iinfo(np.int32).max, begin.dtype)
    behind = tf.where(tf.equal(begin, -1), last, begin + 1)
    sliced = tf.raw_ops.StridedSlice(
        input=x,
        begin=begin,
        end=tf.where(is_index, behind, end),
        strides=strides,
        **{
            **masks,
            "shrink_axis_mask": 0,
            "begin_mask": masks["begin_mask"] & ~indexed,
            "end_mask": masks["end_mask"] & ~indexed,
        },
    )
    return tf.squeeze(sliced, _places(masks, is_index, x.shape.rank))


def _places(masks: dict[str, int], is_index: Any, rank: int) -> list[int]:
    """Where in the result the dimensions are that were indexed."""
    new, rest = masks["new_axis_mask"], masks["ellipsis_mask"]
    given = [axis for axis in range(len(is_index)) if not (new | rest) >> axis & 1]
    places, place = [], 0
    for axis, indexed in enumerate(is_index):
        if indexed:
            places.append(place)
        place += rank - len(given) if rest >> axis & 1 else 1
    return places


@expansion(
    "StridedSlice",
    name="strided-integers",
    why="the wasm backend takes whatever has a stride for float32",
)
def strided_integers(call: Call, x: Any, begin: Any, end: Any, strides: Any) -> Any:
    if not is_whole(x) or not _has_stride(call, strides):
        return None
    masks = _masks(call)
    return moved_as_floats(
        x,
        lambda part: tf.raw_ops.StridedSlice(
            input=part, begin=begin, end=end, strides=strides, **masks
        ),
    )


@expansion("ReverseV2", name="reversed-truths", why="the wasm backend takes truths for float32")
def reversed_truths(call: Call, x: Any, axis: Any) -> Any:
    return moved_as_floats(x, lambda part: tf.reverse(part, axis)) if x.dtype == tf.bool else None


def _masks(call: Call) -> dict[str, int]:
    return {name: int(call.attribute(name) or 0) for name in _MASKS}


def _has_stride(call: Call, strides: Any) -> bool:
    """Whether it is known that some dimension is not taken element by element."""
    steps = tf.get_static_value(strides)
    masks = _masks(call)
    ignored = masks["ellipsis_mask"] | masks["new_axis_mask"]
    return steps is not None and any(
        step != 1 and not ignored >> axis & 1 for axis, step in enumerate(steps)
    )


REWRITES = (shape_n, index_beside_stride, strided_integers, reversed_truths)
