"""What the tables of edges share: inputs, and helpers that keep a graph to one expression."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tests.corpus.op_table import In

CUBE = In((None, 4, 6, 3))
FIRST = In((2, 4, 8, 6))
TRUTHS = In((None, 4, 4), "bool", "bool")
NUMBERS = In((None, 4, 4), "int -9..9", "int32")
PICTURE = In((None, 6, 6, 4), "int 0..255", "int32")
LARGE = In((None, 6), "int 2000000000..2000000009", "int32")
BYTES = In((None, 5), "int 0..255", "uint8")
LONG = In((None, 5), "int -99..99", "int64")


def named(names: str, values: Iterable[Any]) -> dict[str, Any]:
    """Several outputs, by one letter each."""
    return dict(zip(names, values, strict=True))


def weights(*shape: int) -> Any:
    """The same numbers for the same shape."""
    return np.random.default_rng(0).normal(0, 0.5, shape).astype(np.float32)


def looped(tf: Any, body: Any, count: int, *start: Any) -> Any:
    """A loop of known length; the body is given the number of the turn as well."""

    def step(turn: Any, *values: Any) -> Any:
        return turn + 1, *body(turn, *values)

    return tf.while_loop(lambda turn, *values: turn < count, step, (0, *start))[1:]
