"""Products of matrices and convolutions as the simplest correct kernel computes them.

Each of their results is a sum, and drifts as sums do (`sequence`): term after term is added up in
float32. That is so much work that at every run only a bounded part of the results is computed so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from tfjs_verify.measurements.noise.definitions import Definition
from tfjs_verify.measurements.noise.sequence import SEED, TREES

_TERMS = 2**18
"""How many terms of one product are added up in order, at most: those of a block of its results,
which lies elsewhere at every run. For all results beyond it random rounding speaks alone."""

Block = Callable[[Any, Any], Any]
"""From a first index and a count to these rows of the left operand or columns of the right one,
float64, [batch, rows, terms] and [batch, terms, columns]."""


def _further_off(exact: Any, dithered: Any, terms: Any, rows: Block, columns: Block) -> Any:
    """Of `dithered` and a float32 product in order, what is further off; [batch, rows, columns].

    `exact` and `dithered` have that shape too; `terms` is how many each result adds up, int64.
    """
    import tensorflow as tf

    batch, height, width = tf.unstack(tf.shape(exact, tf.int64), 3)
    affordable = _TERMS // tf.maximum(batch * terms, 1)
    broad = tf.minimum(affordable, width)
    high = tf.minimum(affordable // tf.maximum(broad, 1), height)
    top, left = (
        tf.random.uniform([], 0, spare + 1, tf.int64, seed=SEED + 1 + axis)
        for axis, spare in enumerate([height - high, width - broad])
    )
    in_order = _product(
        tf.cast(rows(top, high), tf.float32), tf.cast(columns(left, broad), tf.float32)
    )
    block = exact[:, top : top + high, left : left + broad]
    around = [[0, 0], [top, height - high - top], [left, width - broad - left]]
    drift = tf.pad(tf.cast(in_order, tf.float64) - block, around)
    tree = tf.random.uniform([], seed=SEED) < TREES
    drifts = (tf.abs(drift) > tf.abs(dithered - exact)) & ~tree
    return tf.where(drifts, exact + drift, dithered)


def _product(left: Any, right: Any) -> Any:
    """The float32 product of [batch, rows, terms] and [batch, terms, columns], term after term.

    TensorFlow's product with a sparse matrix adds rows of the other up in the order of its indices:
    the operand with fewer of them is taken for sparse, and a batch for blocks on the diagonal.
    """
    import tensorflow as tf

    def added(few: Any, many: Any) -> Any:
        batch, rows, terms = tf.unstack(tf.shape(few, tf.int64), 3)
        row = tf.reshape(tf.range(batch * rows), [batch, rows, 1])
        column = tf.reshape(tf.range(batch * terms), [batch, 1, terms])
        indices = [tf.broadcast_to(each, tf.shape(few)) for each in (row, column)]
        width = tf.shape(many, tf.int64)[2]
        result = tf.raw_ops.SparseTensorDenseMatMul(
            a_indices=tf.stack([tf.reshape(each, [-1]) for each in indices], 1),
            a_values=tf.reshape(few, [-1]),
            a_shape=[batch * rows, batch * terms],
            b=tf.reshape(many, [batch * terms, width]),
        )
        return tf.reshape(result, [batch, rows, width])

    turned = partial(tf.transpose, perm=[0, 2, 1])
    return tf.cond(
        tf.shape(left)[1] <= tf.shape(right)[2],
        lambda: added(left, right),
        lambda: turned(added(turned(right), turned(left))),
    )


def _taken(tensor: Any, axis: int, first: Any, count: Any) -> Any:
    import tensorflow as tf

    return tf.gather(tensor, tf.range(first, first + count), axis=axis)


def _matrices(
    attributes: Mapping[str, Any], x: Any, y: Any, exact: Any, dithered: Any
) -> list[Any]:
    """MatMul, and BatchMatMul, whose leading axes may be broadcast."""
    import tensorflow as tf

    turns = [
        any(name in attributes and attributes[name].b for name in names)
        for names in (("transpose_a", "adj_x"), ("transpose_b", "adj_y"))
    ]
    shape = tf.shape(exact, tf.int64)
    flat = tf.concat([[tf.reduce_prod(shape[:-2])], shape[-2:]], 0)

    def operand(tensor: Any, turned: bool, axis: int) -> Block:
        def block(first: Any, count: Any) -> Any:
            taken = _taken(tensor, -3 - axis if turned else axis, first, count)
            taken = tf.linalg.matrix_transpose(taken) if turned else taken
            sizes = tf.shape(taken, tf.int64)[-2:]
            taken = tf.broadcast_to(taken, tf.concat([shape[:-2], sizes], 0))
            return tf.reshape(taken, tf.concat([flat[:1], sizes], 0))

        return block

    result = _further_off(
        tf.reshape(exact, flat),
        tf.reshape(dithered, flat),
        tf.shape(x, tf.int64)[-2 if turns[0] else -1],
        operand(x, turns[0], -2),
        operand(y, turns[1], -1),
    )
    return [tf.reshape(result, shape)]


def _einsum(attributes: Mapping[str, Any], *tensors: Any) -> list[Any]:
    """An Einsum of two operands of which at most one has axes without a name."""
    import tensorflow as tf

    *operands, exact, dithered = tensors
    equation = attributes["equation"].s.decode().replace(" ", "").replace("...", ".")
    given, _, result = equation.partition("->")
    names = given.split(",")
    if len(names) != 2 or all("." in each for each in names):
        return [dithered]
    left, right = names
    batch = [axis for axis in result if axis in left and axis in right]
    rows = [axis for axis in result if axis in left and axis not in right]
    columns = [axis for axis in result if axis in right and axis not in left]
    terms = [axis for axis in dict.fromkeys(left) if axis in right and axis not in result]

    def spelled(*groups: list[str]) -> str:
        return "".join(axis for group in groups for axis in group)

    def arranged(tensor: Any, before: str, *groups: list[str]) -> tuple[Any, Any, list[Any]]:
        """`tensor` with each group of axes made one; its shape before, and these sizes."""
        after = spelled(*groups)
        tensor = tf.einsum(f"{before}->{after}".replace(".", "..."), tensor)
        shape = tf.shape(tensor, tf.int64)
        sizes, first = [], 0
        for place, group in enumerate(groups):
            end = first + len(group)
            last = place == len(groups) - 1
            if "." in group:
                end = tf.size(shape) - len(spelled(*groups[place + 1 :]))
            sizes.append(tf.reduce_prod(shape[first:] if last else shape[first:end]))
            first = end
        return tf.reshape(tensor, sizes), shape, sizes

    x, _, _ = arranged(operands[0], left, batch, rows, terms)
    y, _, _ = arranged(operands[1], right, batch, terms, columns)
    exact, shape, _ = arranged(exact, result, batch, rows, columns)
    dithered, _, _ = arranged(dithered, result, batch, rows, columns)
    further = _further_off(
        exact, dithered, tf.shape(x, tf.int64)[2], partial(_taken, x, 1), partial(_taken, y, 2)
    )
    back = f"{spelled(batch, rows, columns)}->{result}".replace(".", "...")
    return [tf.einsum(back, tf.reshape(further, shape))]


def _convolution(
    attributes: Mapping[str, Any], image: Any, weights: Any, exact: Any, dithered: Any
) -> list[Any]:
    """Conv2D with channels last: the terms are the channels of one tap after the other."""
    import tensorflow as tf

    _, *strides, _ = attributes["strides"].list.i
    _, *dilations, _ = attributes["dilations"].list.i
    padding = attributes["padding"].s.decode()
    explicit = list(attributes["explicit_paddings"].list.i)[2::2]
    sizes, places = tf.shape(image, tf.int64), tf.shape(exact, tf.int64)[:3]
    taps = tf.shape(weights, tf.int64)[:2]
    channels, width = (tf.shape(weights, tf.int64)[axis] for axis in (2, 3))
    groups = sizes[3] // tf.maximum(channels, 1)
    needed = (places[1:] - 1) * strides + (taps - 1) * dilations + 1
    before = tf.maximum(needed - sizes[1:3], 0) // 2 if padding == "SAME" else tf.zeros_like(taps)
    if padding == "EXPLICIT":
        before = tf.constant(explicit[:2], tf.int64)

    def rows(first: Any, count: Any) -> Any:
        """The patches that these places of the result see, [group, place, tap and channel]."""
        index = _unravelled(tf.range(first, first + count)[:, None], places, 3)
        tap = _unravelled(tf.range(tf.reduce_prod(taps)), taps, 2)
        at = [
            index[axis + 1] * strides[axis] + tap[axis] * dilations[axis] - before[axis]
            for axis in (0, 1)
        ]
        inside = tf.reduce_all(
            [(at[axis] >= 0) & (at[axis] < sizes[axis + 1]) for axis in (0, 1)], 0
        )
        held = [tf.clip_by_value(at[axis], 0, sizes[axis + 1] - 1) for axis in (0, 1)]
        which = tf.broadcast_to(index[0], tf.shape(held[0]))
        seen = tf.gather_nd(image, tf.stack([which, *held], -1))
        seen = tf.where(inside[..., None], seen, tf.zeros([], seen.dtype))
        seen = tf.reshape(seen, [count, tf.reduce_prod(taps), groups, channels])
        seen = tf.transpose(seen, [2, 0, 1, 3])
        return tf.reshape(seen, [groups, count, tf.reduce_prod(taps) * channels])

    def columns(first: Any, count: Any) -> Any:
        shaped = [tf.reduce_prod(taps) * channels, groups, width // groups]
        return tf.transpose(_taken(tf.reshape(weights, shaped), 2, first, count), [1, 0, 2])

    shaped = [tf.reduce_prod(places), groups, width // groups]
    result = _further_off(
        tf.transpose(tf.reshape(exact, shaped), [1, 0, 2]),
        tf.transpose(tf.reshape(dithered, shaped), [1, 0, 2]),
        tf.reduce_prod(taps) * channels,
        rows,
        columns,
    )
    return [tf.reshape(tf.transpose(result, [1, 0, 2]), tf.shape(exact))]


def _unravelled(index: Any, shape: Any, rank: int) -> list[Any]:
    """What `index` is along every axis; TensorFlow's own op refuses to do so for none."""
    import tensorflow as tf

    along = []
    for size in reversed(tf.unstack(tf.maximum(shape, 1), rank)):
        along.append(index % size)
        index //= size
    return along[::-1]


PRODUCTS: Mapping[str, Definition] = MappingProxyType(
    {
        "MatMul": _matrices,
        "BatchMatMul": _matrices,
        "BatchMatMulV2": _matrices,
        "BatchMatMulV3": _matrices,
        "Einsum": _einsum,
        "Conv2D": _convolution,
    }
)
"""By op: from its attributes, its float64 inputs, its exact result and one of dithered terms to
what a float32 kernel may make of them."""
