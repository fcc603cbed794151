"""Where a graph turns real numbers into whole ones: there, rounding may change everything.

An argmax, a comparison, a cast to integers, a suppression of boxes: on their edge, float32 and
exact arithmetic rightly go different ways, and what follows differs by more than any rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfjs_verify.measurements.noise.dtypes import (
    definition_of,
    fill_defaults,
    lifted_types,
    ports,
    wide_types,
)

_NO_DECISIONS = frozenset({"Shape", "ShapeN", "Size", "Rank"})
"""Ops that give integers, but look at shapes alone."""
_CALLS = frozenset({"If", "StatelessIf", "While", "StatelessWhile", "Case", "StatelessCase",
                    "PartitionedCall", "StatefulPartitionedCall"})  # fmt: skip
"""Ops whose decisions are inside functions, where they cannot be looked at."""


def decisions(graph: Any) -> Mapping[str, str]:
    """The tensors outside functions that are whole numbers or booleans made of real ones.

    From their names, the same before and after lifting, to the op that decides.
    """
    real = {*lifted_types(), *wide_types()}
    whole = _whole_types()
    found = {}
    for node in graph.node:
        definition = definition_of(node.op)
        if definition is None or node.op in _NO_DECISIONS | _CALLS or definition.is_stateful:
            continue
        filled = type(node)()
        filled.CopyFrom(node)
        fill_defaults(filled, definition)
        if any(port.type in real for port in ports(filled, definition.input_arg)):
            for position, port in enumerate(ports(filled, definition.output_arg)):
                if port.type in whole:
                    found[f"{node.name}:{position}"] = node.op
    return found


def _whole_types() -> frozenset[int]:
    import tensorflow as tf

    return frozenset(t.as_datatype_enum for t in (tf.bool, tf.int32, tf.int64, tf.uint8, tf.int8))
