"""`Einsum` as transposes, reshapes and one batched matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

_ELLIPSIS = "..."
_SPARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def contract(equation: str, operands: Sequence[Any]) -> Any:
    """What `tf.einsum(equation, *operands)` computes; `None` where it takes other means.

    That is: more than two operands, an unknown rank, a diagonal as the result, or an ellipsis that
    stands for different numbers of dimensions.
    """
    terms, separator, output = equation.replace(" ", "").partition("->")
    inputs = terms.split(",")
    if not separator or len(inputs) != len(operands) or len(operands) > 2:
        return None
    expanded = _expand_ellipsis(inputs, output, operands)
    if expanded is None:
        return None
    inputs, output = expanded
    if len(set(output)) != len(output):
        return None
    operands = [_diagonal(tensor, term) for tensor, term in zip(operands, inputs, strict=True)]
    inputs = ["".join(dict.fromkeys(term)) for term in inputs]
    if len(operands) == 1:
        tensor, labels = _sum_out(operands[0], inputs[0], output)
        return _transposed(tensor, labels, output)
    return _product(inputs, output, operands)


def _diagonal(tensor: Any, labels: str) -> Any:
    """Dimensions of the same label taken together: masked, then summed along the second of them."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first, second = labels.index(label), labels.rindex(label)
            shape = [1] * len(labels)
            shape[first], shape[second] = -1, 1
            rows = tf.reshape(tf.range(tf.shape(tensor)[first]), shape)
            shape[first], shape[second] = 1, -1
            columns = tf.reshape(tf.range(tf.shape(tensor)[second]), shape)
            masked = tf.where(tf.equal(rows, columns), tensor, tf.zeros_like(tensor))
            tensor = tf.reduce_sum(masked, axis=second)
            labels = labels[:second] + labels[second + 1 :]
    return tensor


def _product(inputs: Sequence[str], output: str, operands: Sequence[Any]) -> Any:
    left, left_labels = _sum_out(operands[0], inputs[0], inputs[1] + output)
    right, right_labels = _sum_out(operands[1], inputs[1], inputs[0] + output)
    batch = [c for c in left_labels if c in right_labels and c in output]
    summed = [c for c in left_labels if c in right_labels and c not in output]
    rows = [c for c in left_labels if c not in right_labels]
    columns = [c for c in right_labels if c not in left_labels]
    sizes = {**_sizes(right, right_labels), **_sizes(left, left_labels)}
    left = _matrix(left, left_labels, (batch, rows, summed), sizes)
    right = _matrix(right, right_labels, (batch, summed, columns), sizes)
    product = tf.matmul(left, right)
    order = [*batch, *rows, *columns]
    product = _reshaped(product, [sizes[c] for c in order])
    return _transposed(product, "".join(order), output)


def _matrix(tensor: Any, labels: str, groups: tuple[list[str], ...], sizes: dict[str, Any]) -> Any:
    """[batch, rows, columns], each the product of the dimensions of its group."""
    batch, rows, columns = groups
    tensor = _transposed(tensor, labels, "".join([*batch, *rows, *columns]))
    shape = [sizes[c] for c in batch]
    return _reshaped(tensor, [*shape, _size(rows, sizes), _size(columns, sizes)])


def _size(labels: Sequence[str], sizes: dict[str, Any]) -> Any:
    result: Any = 1
    for label in labels:
        result = result * sizes[label]
    return result


def _reshaped(tensor: Any, shape: list[Any]) -> Any:
    """With one unknown dimension as -1, and others by number or tensor."""
    unknown = [index for index, size in enumerate(shape) if not isinstance(size, int)]
    if tensor.shape.rank == len(shape) and not unknown and tensor.shape.as_list() == shape:
        return tensor
    if len(unknown) == 1:
        shape = [*shape[: unknown[0]], -1, *shape[unknown[0] + 1 :]]
        return tf.reshape(tensor, shape)
    return tf.reshape(tensor, tf.stack(shape) if unknown else shape)


def _sizes(tensor: Any, labels: str) -> dict[str, Any]:
    static = tensor.shape.as_list()
    dynamic: Any = tf.shape(tensor) if None in static else None
    return {
        label: size if size is not None else dynamic[index]
        for index, (label, size) in enumerate(zip(labels, static, strict=True))
    }


def _sum_out(tensor: Any, labels: str, kept: str) -> tuple[Any, str]:
    axes = [index for index, label in enumerate(labels) if label not in kept]
    if axes:
        tensor = tf.reduce_sum(tensor, axis=axes)
    return tensor, "".join(label for label in labels if label in kept)


def _transposed(tensor: Any, labels: str, wanted: str) -> Any:
    if labels == wanted:
        return tensor
    return tf.transpose(tensor, [labels.index(label) for label in wanted])


def _expand_ellipsis(
    inputs: Sequence[str], output: str, operands: Sequence[Any]
) -> tuple[list[str], str] | None:
    ranks = [operand.shape.rank for operand in operands]
    if any(rank is None for rank in ranks):
        return None
    lengths = {
        rank - len(term.replace(_ELLIPSIS, ""))
        for term, rank in zip(inputs, ranks, strict=True)
        if _ELLIPSIS in term
    }
    if len(lengths) > 1:
        return None
    used = set("".join([*inputs, output]))
    spare = [letter for letter in _SPARE if letter not in used]
    labels = "".join(spare[: lengths.pop()]) if lengths else ""
    return [term.replace(_ELLIPSIS, labels) for term in inputs], output.replace(_ELLIPSIS, labels)
