"""Which ops TensorFlow.js says that it executes (worker side)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache

from tensorflowjs import resource_loader

from tfjs_verify.conversion.graph import Program
from tfjs_verify.errors import ConversionError

_SHOWN = 8
_LISTED_ONLY = frozenset({"RaggedGather", "RaggedRange", "RaggedTensorToTensor"})
"""In the list, but no executor of the npm package is registered for them."""


@cache
def executable_ops() -> frozenset[str]:
    """The op types in the converter's list, which is also that of the npm package."""
    names: set[str] = set()
    for file in resource_loader.list_dir("op_list"):
        if file.endswith(".json"):
            with resource_loader.open_file(f"op_list/{file}") as content:
                names.update(entry["tfOpName"] for entry in json.load(content))
    return frozenset(names - _LISTED_ONLY)


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
    raise ConversionError(
        f"{shown}: TensorFlow.js has no {' and no '.join(kinds)}: {', '.join(ops[:_SHOWN])}{more}."
        " Build the model without it, or register the op in JavaScript (--js-module) and convert"
        " with skip_op_check.",
        ops=ops,
        cause_type="UnsupportedOps",
    )
