"""Faults in what is connected to what."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import partial
from random import Random
from typing import Any, Literal

from tfjs_verify.artifact.contents import Contents
from tfjs_verify.artifact.files import PROVENANCE_KEY
from tfjs_verify.measurements.mutation.faults import Fault, Operator

_ORDERED = {
    "Sub": (0, 1),
    "RealDiv": (0, 1),
    "Div": (0, 1),
    "FloorDiv": (0, 1),
    "FloorMod": (0, 1),
    "Pow": (0, 1),
    "Greater": (0, 1),
    "GreaterEqual": (0, 1),
    "Less": (0, 1),
    "LessEqual": (0, 1),
    "MatMul": (0, 1),
    "BatchMatMulV2": (0, 1),
    "ConcatV2": (0, 1),
    "Pack": (0, 1),
    "Select": (1, 2),
    "SelectV2": (1, 2),
}
"""Two inputs whose order matters."""


def exchange_ends(side: Literal["inputs", "outputs"]) -> Operator:
    """An operator that exchanges two inputs or two outputs in the signature of `model.json`."""

    def operate(contents: Contents, random: Random) -> Iterator[Fault]:
        for place in ("signature", PROVENANCE_KEY):  # a layers model has its names in the latter
            entries = contents.document.get(place, {}).get(side, {})
            names = [name for name, info in entries.items() if not _is_resource(info)]
            pairs = list(itertools.combinations(names, 2))
            random.shuffle(pairs)
            for one, other in pairs:
                exchanged = {**entries, one: entries[other], other: entries[one]}
                plant = partial(Contents.with_value, path=[place, side], value=exchanged)
                yield Fault(f'signature: {side} "{one}" and "{other}" exchanged', plant)

    return operate


def exchange_operands(contents: Contents, random: Random) -> Iterator[Fault]:
    """Two inputs of an op, exchanged where their order matters."""
    nodes = list(contents.nodes())
    random.shuffle(nodes)
    for site, node in nodes:
        positions = _ORDERED.get(node["op"])
        inputs = list(node.get("input", ()))
        if positions is None or max(positions) >= len(inputs):
            continue
        one, other = positions
        if inputs[one] == inputs[other]:
            continue
        inputs[one], inputs[other] = inputs[other], inputs[one]
        yield Fault(
            f'"{node["name"]}" ({node["op"]}): inputs {one} and {other} exchanged',
            partial(Contents.with_node, site=site, node={**node, "input": inputs}),
        )


def _is_resource(info: Any) -> bool:
    return isinstance(info, Mapping) and info.get("resourceId") is not None
