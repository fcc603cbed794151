"""The library of operators, and how a sample of mutations is drawn from it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Any

from tfjs_verify.artifact.contents import Contents
from tfjs_verify.measurements.mutation import attributes, layer_settings, weights, wiring
from tfjs_verify.measurements.mutation.faults import Fault, Operator


def _either(in_graphs: Operator, in_layers: Operator) -> Operator:
    """One kind of fault in both formats; to contents of the other one an operator does nothing."""

    def operate(contents: Contents, random: Random) -> Iterator[Fault]:
        return itertools.chain(in_graphs(contents, random), in_layers(contents, random))

    return operate


def _setting(key: str, change: Callable[[Any, Random], Any]) -> Operator:
    return layer_settings.change_setting(key, change)


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
        "activation": _either(
            attributes.change_activation,
            _setting("activation", layer_settings.other_activation),
        ),
        "stride": _either(
            attributes.change_steps("strides"), _setting("strides", layer_settings.other_steps)
        ),
        "window": _either(
            attributes.change_steps("ksize"), _setting("pool_size", layer_settings.other_steps)
        ),
        "dilation": _either(
            attributes.change_steps("dilations"),
            _setting("dilation_rate", layer_settings.other_steps),
        ),
        "padding": _either(
            attributes.change_padding, _setting("padding", layer_settings.other_padding)
        ),
        "axis": _either(attributes.change_axis, _setting("axis", layer_settings.other_axis)),
        "epsilon": _either(
            attributes.change_epsilon, _setting("epsilon", layer_settings.ten_times)
        ),
        "data format": _either(
            attributes.change_data_format, _setting("data_format", layer_settings.other_format)
        ),
        "flag": _either(attributes.flip_flag, _setting("return_sequences", layer_settings.negated)),
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
