"""Images sampled at computed places."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call


@expansion(
    "ImageProjectiveTransformV2",
    "ImageProjectiveTransformV3",
    name="projective-transform",
    why="the cpu backend transforms the first image of a batch only, and the node backend has no"
    " kernel for it",
)
def projective_transform(
    call: Call, images: Any, transforms: Any, size: Any, fill: Any = None
) -> Any:
    """Every output pixel gathers the one or four pixels that it comes from."""
    target = tf.get_static_value(size)
    if target is None or images.shape.rank != 4 or not images.dtype.is_floating:
        return None
    height, width = (int(length) for length in target)
    fill = tf.zeros((), images.dtype) if fill is None else tf.cast(fill, images.dtype)
    mode = (call.attribute("fill_mode") or b"CONSTANT").decode()
    rows = tf.reshape(tf.range(height, dtype=tf.float32), [1, -1, 1])
    columns = tf.reshape(tf.range(width, dtype=tf.float32), [1, 1, -1])
    a = [tf.reshape(transforms[:, k], [-1, 1, 1]) for k in range(8)]
    depth = a[6] * columns + a[7] * rows + 1.0
    x = (a[0] * columns + a[1] * rows + a[2]) / depth
    y = (a[3] * columns + a[4] * rows + a[5]) / depth
    # One set of coordinates may serve the whole batch.
    whole = tf.zeros(tf.stack([tf.shape(images)[0], 1, 1]))
    bounds = tf.shape(images)[1], tf.shape(images)[2]
    y = _mapped(y + whole, tf.cast(bounds[0], tf.float32), mode)
    x = _mapped(x + whole, tf.cast(bounds[1], tf.float32), mode)
    if call.attribute("interpolation") == b"NEAREST":
        sampled = _pixels(images, _rounded(y), _rounded(x), fill)
    else:
        sampled = _bilinear(images, y, x, fill)
    depth = (depth + whole)[..., None]
    return tf.where(tf.equal(depth, 0.0), fill, sampled)


def _bilinear(images: Any, y: Any, x: Any, fill: Any) -> Any:
    top, left = tf.floor(y), tf.floor(x)
    bottom, right = top + 1.0, left + 1.0
    to_right, to_bottom = (x - left)[..., None], (y - top)[..., None]
    to_left, to_top = (right - x)[..., None], (bottom - y)[..., None]
    above = to_left * _pixels(images, top, left, fill)
    above += to_right * _pixels(images, top, right, fill)
    below = to_left * _pixels(images, bottom, left, fill)
    below += to_right * _pixels(images, bottom, right, fill)
    return to_top * above + to_bottom * below


def _pixels(images: Any, y: Any, x: Any, fill: Any) -> Any:
    """The pixels at whole places [n, h, w] as [n, h, w, channels]; `fill` outside of the image."""
    shape = tf.shape(images)
    count, height, width, channels = shape[0], shape[1], shape[2], shape[3]
    bottom, right = tf.cast(height - 1, tf.float32), tf.cast(width - 1, tf.float32)
    inside = tf.logical_and(
        tf.logical_and(y >= 0.0, y <= bottom), tf.logical_and(x >= 0.0, x <= right)
    )
    row = tf.cast(tf.where(inside, y, tf.zeros_like(y)), tf.int32)
    column = tf.cast(tf.where(inside, x, tf.zeros_like(x)), tf.int32)
    first = tf.reshape(tf.range(count) * height, [-1, 1, 1])
    flat = tf.reshape(images, tf.stack([count * height * width, channels]))
    picked = tf.gather(flat, tf.reshape((first + row) * width + column, [-1]))
    picked = tf.reshape(picked, tf.concat([tf.shape(y), [channels]], axis=0))
    return tf.where(inside[..., None], picked, fill)


def _mapped(place: Any, size: Any, mode: str) -> Any:
    """Where in the image a place outside of it is looked up."""
    if mode == "CONSTANT":
        return place
    if mode == "REFLECT":
        period = tf.math.floormod(place, 2.0 * size)
        place = tf.where(period >= size, 2.0 * size - 1.0 - period, period)
    elif mode == "WRAP":
        # TensorFlow's own period: it divides by the last place and moves by the size.
        last = tf.maximum(size - 1.0, 1.0)
        before = place + size * (tf.floor(-place / last) + 1.0)
        behind = place - size * tf.floor(place / last)
        place = tf.where(place < 0.0, before, tf.where(place > last, behind, place))
    return tf.clip_by_value(place, 0.0, size - 1.0)


def _rounded(place: Any) -> Any:
    """Halves away from zero, as C++ rounds."""
    return tf.sign(place) * tf.floor(tf.abs(place) + 0.5)


REWRITES = (projective_transform,)
