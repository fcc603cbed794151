"""What is known of kernels that are there and differ from TensorFlow's: found by running them.

Neither the op list nor the registries tell. What a repair takes care of wherever it occurs is not
listed here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

_INTEGERS = frozenset({"int32", "int64"})
_ALL = ("node", "wasm", "cpu")
_FUSED = frozenset({"_FusedConv2D", "_FusedMatMul", "FusedDepthwiseConv2dNative"})
_CLAMPED = "NaN becomes a number where it is fused"


@dataclass(frozen=True)
class Known:
    """One difference of an op's kernels."""

    backends: tuple[str, ...]
    level: Literal["blocks", "risk", "note"]
    message: str
    dtypes: frozenset[str] | None = None
    """Of its operands; `None` is any."""


_STRING = frozenset({"string"})
_STRINGS = Known(("wasm",), "blocks", "it compares where strings lie, not what they say", _STRING)
_NO_STRINGS = Known(_ALL, "blocks", "TensorFlow.js does it to numbers only", _STRING)
_FIRST_NAN = Known(
    ("wasm", "cpu"), "note", "it passes NaN over, which TensorFlow takes for largest"
)
_LONG = Known(("wasm",), "note", "it rounds integers beyond 2²⁴", _INTEGERS)
_KNOWN: Mapping[str, tuple[Known, ...]] = {
    "Equal": (_STRINGS,),
    "NotEqual": (_STRINGS,),
    "GatherV2": (_NO_STRINGS,),
    "Select": (_NO_STRINGS,),
    "SelectV2": (_NO_STRINGS,),
    "Tile": (Known(("wasm",), "blocks", "it takes strings for numbers, and aborts", _STRING),),
    "CropAndResize": (
        Known(
            ("cpu",),
            "risk",
            "it computes places in float64 and TensorFlow in float32, so that where a box ends on"
            " the border of the image one of them may find the border outside and fill it",
        ),
    ),
    "NonMaxSuppressionV5": (
        Known(_ALL, "risk", "where suppression is soft, of boxes that are the same only one stays"),
    ),
    "ArgMax": (_FIRST_NAN,),
    "ArgMin": (Known(("wasm", "cpu"), "note", "a NaN in the first place is taken for the least"),),
    "TopKV2": (_LONG,),
    "Mul": (Known(("cpu",), "note", "products of integers beyond 2⁵³ do not wrap", _INTEGERS),),
    "Prod": (Known(("cpu",), "note", "products of integers beyond 2⁵³ do not wrap", _INTEGERS),),
    "SquaredDifference": (
        Known(("cpu",), "note", "squares of integers beyond 2⁵³ do not wrap", _INTEGERS),
    ),
    "Pad": (_LONG,),
    "PadV2": (_LONG,),
    "MaxPool": (Known(("wasm",), "note", "NaN becomes -inf"),),
    "Pow": (Known(("cpu",), "note", "1 to the power of NaN is NaN"), _LONG),
    "Relu6": (Known(("wasm",), "note", "NaN becomes 0"),),
    "Sign": (Known(("wasm", "cpu"), "note", "the sign of NaN is 0"),),
    "Softmax": (Known(_ALL, "note", "a NaN makes its whole row NaN"),),
}
_KNOWN_FUSED: Mapping[str, tuple[Known, ...]] = {
    "Relu": (Known(("wasm",), "note", _CLAMPED),),
    "Relu6": _KNOWN["Relu6"],
    "Elu": (Known(("wasm",), "note", _CLAMPED),),
}


def known_of(
    op: str, attributes: Mapping[str, Any], backends: Collection[str]
) -> Iterator[tuple[str, Known, tuple[str, ...]]]:
    """What is known of a node on these backends: the op that it is about, and where it applies.

    A fused node is about the activation in it, which is what the model has.
    """
    about = [(op, _KNOWN.get(op, ()))]
    if op in _FUSED:
        activations = attributes.get("fused_ops") or ()
        about = [(each, _KNOWN_FUSED.get(each, ())) for each in activations]
    for subject, facts in about:
        for fact in facts:
            where = tuple(backend for backend in backends if backend in fact.backends)
            if where and (fact.dtypes is None or attributes.get("T") in fact.dtypes):
                yield subject, fact, where
