"""Resizing methods that TensorFlow.js lacks, as the linear maps that they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call
from tfjs_verify.tensors import Array

_WHY = "TensorFlow.js has no such resizing; for known sizes it is two matrix products"


@expansion("ResizeBicubic", "ResizeArea", name="resize", why=_WHY)
def resize(call: Call, images: Any, size: Any) -> Any:
    def column(image: Array, length: int) -> Any:
        options = {"align_corners": bool(call.attribute("align_corners"))}
        if call.node.op == "ResizeBicubic":
            options["half_pixel_centers"] = bool(call.attribute("half_pixel_centers"))
        return getattr(tf.raw_ops, call.node.op)(images=image, size=[length, 1], **options)

    return _separable(images, tf.get_static_value(size), column, column)


@expansion("ScaleAndTranslate", why=_WHY)
def scale_and_translate(call: Call, images: Any, size: Any, scale: Any, translation: Any) -> Any:
    scales, offsets = tf.get_static_value(scale), tf.get_static_value(translation)
    if scales is None or offsets is None:
        return None

    def along(axis: int) -> Callable[[Array, int], Any]:
        def column(image: Array, length: int) -> Any:
            return tf.raw_ops.ScaleAndTranslate(
                images=image,
                size=[length, 1],
                scale=[scales[axis], 1.0],
                translation=[offsets[axis], 0.0],
                kernel_type=call.attribute("kernel_type").decode(),
                antialias=bool(call.attribute("antialias")),
            )

        return column

    return _separable(images, tf.get_static_value(size), along(0), along(1))


def _separable(
    images: Any,
    size: Any,
    rows: Callable[[Array, int], Any],
    columns: Callable[[Array, int], Any],
) -> Any:
    """`rows · image · columnsᵀ`, with matrices that the op itself gives for unit vectors."""
    height, width, channels = images.shape[1:]
    if size is None or None in (height, width, channels):
        return None
    vertical = _matrix(rows, height, int(size[0]))
    horizontal = _matrix(columns, width, int(size[1]))
    x = tf.reshape(tf.cast(images, tf.float32), [-1, height, width * channels])
    x = _applied(vertical, x)
    x = tf.reshape(x, [-1, int(size[0]), width, channels])
    x = tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [-1, width, int(size[0]) * channels])
    x = _applied(horizontal, x)
    x = tf.reshape(x, [-1, int(size[1]), int(size[0]), channels])
    return tf.transpose(x, [0, 2, 1, 3])


def _applied(matrix: Array, x: Any) -> Any:
    """The matrix times every column of a stack [n, inner, outer]."""
    inner, outer = x.shape[1:]
    flat = tf.reshape(tf.transpose(x, [1, 0, 2]), [inner, -1])
    product = tf.reshape(tf.matmul(tf.constant(matrix), flat), [len(matrix), -1, outer])
    return tf.transpose(product, [1, 0, 2])


def _matrix(resize_column: Callable[[Array, int], Any], given: int, wanted: int) -> Array:
    """Row by row what each output takes from the inputs: the op applied to unit vectors."""
    with tf.init_scope():
        unit = np.eye(given, dtype=np.float32).reshape(1, given, 1, given)
        result: Array = resize_column(unit, wanted).numpy()
    return result.reshape(wanted, given)


REWRITES = (resize, scale_and_translate)
