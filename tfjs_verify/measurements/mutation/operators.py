"""The library of operators, and how a sample of mutations is drawn from it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from tfjs_verify.measurements.mutation import attributes, weights, wiring
from tfjs_verify.measurements.mutation.contents import Contents, Fault, Operator

OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "weight scaled by 1 %": weights.change_elements(lambda value: 1.01 * value),
        "weight scaled by 10 %": weights.change_elements(lambda value: 1.1 * value),
        "weight zeroed": weights.change_elements(lambda value: 0.0),
        "weight NaN": weights.change_elements(lambda value: math.nan),
        "channels swapped": weights.swap_channels,
        "bias dropped": weights.drop_bias,
        "kernel transposed": weights.transpose_kernel,
        "inputs exchanged": wiring.exchange_ends("inputs"),
        "outputs exchanged": wiring.exchange_ends("outputs"),
        "operands exchanged": wiring.exchange_operands,
        "activation": attributes.change_activation,
        "stride": attributes.change_steps("strides"),
        "window": attributes.change_steps("ksize"),
        "dilation": attributes.change_steps("dilations"),
        "padding": attributes.change_padding,
        "axis": attributes.change_axis,
        "epsilon": attributes.change_epsilon,
        "data format": attributes.change_data_format,
        "flag": attributes.flip_flag,
        "slice": attributes.shift_slice,
    }
)


@dataclass(frozen=True)
class Mutation:
    """One fault that was drawn, and the operator that it is of."""

    operator: str
    fault: Fault

    def __str__(self) -> str:
        return f"{self.operator}: {self.fault.what}"


def draw_mutations(contents: Contents, *, count: int, seed: int = 0) -> list[Mutation]:
    """At most `count` different mutations, spread evenly over the operators that apply.

    The same contents, count and seed give the same mutations.
    """
    # A string as seed: the hash of a tuple would differ between processes.
    drawing: dict[str, Iterator[Fault]] = {
        name: operator(contents, Random(f"{seed} {name}")) for name, operator in OPERATORS.items()
    }
    drawn: list[Mutation] = []
    while drawing and len(drawn) < count:
        for name in list(drawing):
            fault = next(drawing[name], None)
            if fault is None:
                del drawing[name]
            elif len(drawn) < count:
                drawn.append(Mutation(name, fault))
    return drawn
