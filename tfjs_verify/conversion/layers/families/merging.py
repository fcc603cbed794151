"""Layers of several inputs, and the operators of Keras 3 between tensors."""

from __future__ import annotations

from tfjs_verify.conversion.layers.activations import negative, scaled
from tfjs_verify.conversion.layers.site import Site
from tfjs_verify.conversion.layers.term import Term, layer


def elementwise(site: Site) -> Term:
    """The same on both sides, for two inputs or more."""
    if len(site.inputs) == 1:
        site.refuse("a single input has no equal in TF.js layers")
    return layer(site.kind, *site.inputs)


def subtract(site: Site) -> Term:
    """The sum with the negative, which rounds to the same."""
    first, second = site.inputs
    return layer("Add", first, negative(second))


def concatenate(site: Site) -> Term:
    """TensorFlow.js takes every negative axis for the last one."""
    axis = int(site.take("axis")) % site.rank
    if len(site.inputs) == 1:
        site.refuse("a single input has no equal in TF.js layers")
    return layer("Concatenate", *site.inputs, axis=axis)


def dot(site: Site) -> Term:
    """Of two inputs of one rank, 2 or 3."""
    ranks = [len(shape) for shape in site.input_shapes]
    if ranks not in ([2, 2], [3, 3]):
        site.refuse(f"inputs of ranks {ranks[0]} and {ranks[1]} have no equal in TF.js layers")
    axes = site.take("axes")
    pair = list(axes) if isinstance(axes, (list, tuple)) else [axes, axes]
    pair = [int(axis) % site.rank for axis in pair]
    if 0 in pair:
        site.refuse("a product along the batch has no equal in TF.js layers")
    return layer("Dot", *site.inputs, axes=pair, normalize=bool(site.take("normalize")))


def operator(site: Site) -> Term:
    """`a + b`, `a - b`, `a * b` of tensors, and `a + 1`, `2 * a`, `a / 3` with numbers."""
    left, right = site.arguments.pop("operands")
    if isinstance(left, Term) and isinstance(right, Term):
        if len({len(shape) for shape in site.input_shapes}) != 1:
            site.refuse("operands of different ranks have no equal in TF.js layers")
        if site.kind == "Subtract":
            return layer("Add", left, negative(right))
        if site.kind in ("Add", "Multiply"):
            return layer(site.kind, left, right)
        site.refuse("has no equal in TF.js layers")
    number = float(right if isinstance(left, Term) else left)
    tensor = left if isinstance(left, Term) else right
    if site.kind == "Add":
        return scaled(tensor, 1.0, number)
    if site.kind == "Multiply":
        return scaled(tensor, number)
    if site.kind == "Subtract":
        return scaled(tensor, 1.0, -number) if tensor is left else scaled(tensor, -1.0, number)
    if tensor is right:
        site.refuse("a number divided by a tensor has no equal in TF.js layers")
    return scaled(tensor, 1.0 / number)


TRANSLATORS = {
    "Add": elementwise,
    "Average": elementwise,
    "Concatenate": concatenate,
    "Dot": dot,
    "Maximum": elementwise,
    "Minimum": elementwise,
    "Multiply": elementwise,
    "Subtract": subtract,
}

OPERATORS = frozenset({"Add", "Subtract", "Multiply", "TrueDivide", "Divide"})
"""Keras 3 operations that `operator` translates."""
