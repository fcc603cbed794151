"""Which ops TensorFlow.js says that it executes (worker side)."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tfjs_verify.conversion.graph import Program
from tfjs_verify.errors import ConversionError

_SHOWN = 8
_LISTED_ONLY = frozenset(
    {
        *("RaggedGather", "RaggedRange", "RaggedTensorToTensor"),
        *("TensorListConcatV2", "TensorListSplit"),
    }
)
"""In the list, but never executed: for the ragged ones nothing is registered in the package, and
those of lists take the shape of an element from where it is not."""


@cache
def entries() -> Mapping[str, Mapping[str, Any]]:
    """The converter's list by op type: which inputs and attributes become which parameters.

    Read without importing the converter, which takes seconds and prints greetings.
    """
    spec = importlib.util.find_spec("tensorflowjs")
    assert spec is not None and spec.submodule_search_locations
    directory = Path(spec.submodule_search_locations[0]) / "op_list"
    return {
        entry["tfOpName"]: entry
        for file in sorted(directory.glob("*.json"))
        for entry in json.loads(file.read_text(encoding="utf-8"))
    }


@cache
def executable_ops() -> frozenset[str]:
    """The op types in the converter's list, which is also that of the npm package."""
    return frozenset(entries().keys() - _LISTED_ONLY)


def unsupported(program: Program, *, allowed: Iterable[str] = ()) -> tuple[str, ...]:
    """What TensorFlow.js cannot execute, as "OpType (node name)"."""
    known = executable_ops().union(allowed)
    return tuple(
        f"{node.op} ({'/'.join(filter(None, (body.name, node.name)))})"
        for body in program.bodies()
        for node in body.nodes.values()
        if node.op not in known
    )


def check(program: Program, shown: str) -> None:
    """Raises ConversionError, with every op that stands in the way by node name."""
    ops = unsupported(program)
    if not ops:
        return
    kinds = sorted({op.partition(" ")[0] for op in ops})
    more = f" and {len(ops) - _SHOWN} more" if len(ops) > _SHOWN else ""
    advice = "Build the model without it"
    if any("Random" in kind for kind in kinds):
        advice = (
            "The model draws random numbers whenever it answers, as layers do that were called with"
            " training=True: call them with training=False"
        )
    raise ConversionError(
        f"{shown}: TensorFlow.js has no {' and no '.join(kinds)}: {', '.join(ops[:_SHOWN])}{more}."
        f" {advice}, or register it in JavaScript, in a module named with --js-module.",
        ops=ops,
        cause_type="UnsupportedOps",
    )
