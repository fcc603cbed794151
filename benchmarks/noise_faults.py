"""Faults in the weights of a frozen graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfjs_verify.tensors import Array

KINDS: Mapping[str, Callable[[Array, np.random.Generator], None]] = {
    "all × 1.01": lambda w, _: np.multiply(w, np.float32(1.01), out=w),
    "all × 1.001": lambda w, _: np.multiply(w, np.float32(1.001), out=w),
    "one × 1.1": lambda w, rng: _one(w, rng, 1.1),
    "one × 1.01": lambda w, rng: _one(w, rng, 1.01),
    "one zeroed": lambda w, rng: _one(w, rng, 0.0),
}


def is_weight(node: Any) -> bool:
    if node.op != "Const" or node.attr["dtype"].type != 1:  # float32
        return False
    return math.prod(d.size for d in node.attr["value"].tensor.tensor_shape.dim) > 1


def with_fault(graph: Any, name: str, change: Callable[..., None], rng: Any) -> Any:
    faulty = type(graph)()
    faulty.CopyFrom(graph)
    node = next(each for each in faulty.node if each.name == name)
    values = tf.make_ndarray(node.attr["value"].tensor).copy()
    change(values, rng)
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))
    return faulty


def _one(values: Array, rng: np.random.Generator, factor: float) -> None:
    values.reshape(-1)[rng.integers(values.size)] *= np.float32(factor)


def same(one: Mapping[str, Array], other: Mapping[str, Array]) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)
