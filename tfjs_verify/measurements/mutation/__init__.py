"""Proof of power: would verification have noticed a fault? Planted ones say."""

from __future__ import annotations

from tfjs_verify.measurements.mutation.faults import Fault, Operator
from tfjs_verify.measurements.mutation.measuring import measure_mutation
from tfjs_verify.measurements.mutation.operators import OPERATORS, Mutation, draw_mutations
from tfjs_verify.measurements.mutation.score import Fate, Mutant, MutationScore

__all__ = [
    "OPERATORS",
    "Fate",
    "Fault",
    "Mutant",
    "Mutation",
    "MutationScore",
    "Operator",
    "draw_mutations",
    "measure_mutation",
]
