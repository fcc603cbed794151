"""What preflight wants to know of a model's graph, before and after the repairs (worker side)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from tensorflow import dtypes

from tfjs_verify.conversion import op_list
from tfjs_verify.conversion.freezing import Frozen, freeze
from tfjs_verify.conversion.graph import Program, constant_value
from tfjs_verify.conversion.graph_route import repaired
from tfjs_verify.conversion.preflight.audit import plain
from tfjs_verify.conversion.quantizing import survives
from tfjs_verify.conversion.repairs.base import shown
from tfjs_verify.conversion.routes import Job
from tfjs_verify.conversion.statics import Statics
from tfjs_verify.errors import ConversionError
from tfjs_verify.tensors import NARROWED, Array

_QUANTIZED = ("float16", "uint16", "uint8")
_LEVELS = {"uint8": 255, "uint16": 65535}
_LONGEST = 8
"""Attributes with more items are data."""


def inspect(job: Job) -> dict[str, Any]:
    """Facts as JSON: the `original` graph, the `final` one, the `repairs` that lie between them.

    Without repairs the final graph is the original one. `error` is why there is no final one, and
    `listed` what the converter's list says of the ops.
    """
    frozen = freeze(
        job.saved_model,
        job.tags,
        job.signature_key,
        control_flow=job.options.effective_control_flow,
    )
    program = Program.from_graph_def(frozen.graph, [info.name for info in frozen.outputs.values()])
    for body in program.bodies():
        body.prune()
    original = _facts(program, frozen)
    final, repairs, error = original, [], None
    if job.options.repair:
        try:
            program, log = repaired(program, strip_debug_ops=job.options.effective_strip_debug_ops)
        except ConversionError as raised:
            error = raised.message
        else:
            final, repairs = _facts(program, frozen), log.as_json()
    ops = {op for facts in (original, final) for _, op, _ in facts["nodes"]}
    return {
        "original": original,
        "final": final,
        "repairs": repairs,
        "error": error,
        "listed": {op: entry for op, entry in op_list.entries().items() if op in ops},
    }


def _facts(program: Program, frozen: Frozen) -> dict[str, Any]:
    initializer = () if frozen.initializer is None else frozen.initializer.graph.node
    nodes = [
        *((shown(body, n.name), n) for body in program.bodies() for n in body.nodes.values()),
        *((node.name, node) for node in initializer),
    ]
    return {
        "nodes": [
            [name, node.op, dict(_attributes(node))] for name, node in nodes if node.op != "Const"
        ],
        "dtypes": _dtypes(program),
        "weights": [
            stated
            for name, node in nodes
            if node.op == "Const"
            for stated in _hazards(name, constant_value(node))
        ],
    }


def _attributes(node: Any) -> Iterator[tuple[str, Any]]:
    """What is simple, and the dtype of the operands by its name."""
    for name in ("T", "Tparams"):
        if name in node.attr and node.attr[name].type:
            yield "T", dtypes.as_dtype(node.attr[name].type).name
    for name, value in node.attr.items():
        simple = plain(value)
        if simple is not None and not name.startswith("_") and len(str(simple)) < 200:
            yield name, simple


def _dtypes(program: Program) -> dict[str, list[str]]:
    """From each dtype that TensorFlow.js lacks to the nodes that compute in it."""
    found: dict[str, list[str]] = {}
    for body in program.bodies():
        statics = Statics(body, program)
        for name, node in body.nodes.items():
            if node.op in ("Const", "Placeholder") or not statics.knows(name):
                continue
            for tensor in statics.outputs(name)[:1]:
                if tensor.dtype.name in NARROWED:
                    found.setdefault(tensor.dtype.name, []).append(shown(body, name))
    return found


def _hazards(name: str, value: Array) -> Iterator[dict[str, Any]]:
    """What each quantisation would do to a weight that is worse than rounding."""
    if value.dtype not in (np.float32, np.float64, np.float16) or not value.size:
        return
    finite = value[np.isfinite(value)].astype(np.float64)
    lost = value.size - finite.size
    for dtype in _QUANTIZED:
        harm = _harm(finite, lost, dtype)
        if harm:
            spared = not survives(value, dtype)
            yield {"name": name, "dtype": dtype, "harm": harm, "spared": spared}


def _harm(finite: Array, lost: int, dtype: str) -> str | None:
    if lost:
        return f"{lost} values are not finite"
    magnitude = np.abs(finite)
    if dtype == "float16":
        with np.errstate(over="ignore", under="ignore"):
            half = magnitude.astype(np.float16)
        infinite = int(np.count_nonzero(np.isinf(half)))
        if infinite:
            return f"{infinite} values become infinite, the largest is {magnitude.max():.3g}"
        zero = int(np.count_nonzero((half == 0) & (magnitude > 0)))
        if zero and zero > finite.size // 100:
            smallest = magnitude[magnitude > 0].min()
            return f"{zero} values become 0, the smallest is {smallest:.3g}"
        return None
    if finite.size < 2:
        return None
    step = float(np.ptp(finite)) / _LEVELS[dtype]
    middle = np.percentile(finite, (5, 95))
    spread = float(middle[1] - middle[0])
    if step > 0 and spread / step < _LONGEST:
        return (
            f"outliers stretch the range to {finite.min():.3g}..{finite.max():.3g}: nine tenths of"
            f" the values fall on {int(spread / step) + 1} of its {_LEVELS[dtype] + 1} levels"
        )
    return None
