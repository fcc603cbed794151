"""The route to the graph format: freeze, repair, simplify, fuse, write (worker side)."""

from __future__ import annotations

import time
from typing import Any

from tensorflow.core.framework import node_def_pb2

from tfjs_verify.conversion import op_list
from tfjs_verify.conversion.dtypes import replace_unread_dtypes
from tfjs_verify.conversion.folding import fold_batch_norms
from tfjs_verify.conversion.freezing import Frozen, freeze
from tfjs_verify.conversion.fusion import fuse_contractions
from tfjs_verify.conversion.graph import Program, node_of
from tfjs_verify.conversion.inlining import inline_calls
from tfjs_verify.conversion.narrowing import note_narrowing
from tfjs_verify.conversion.optimization import SIMPLIFY, displace, optimize
from tfjs_verify.conversion.reasons import Reason
from tfjs_verify.conversion.repairs import FINAL_REWRITES, RepairLog, debugging, repair
from tfjs_verify.conversion.repairs.base import shown
from tfjs_verify.conversion.repairs.loops import refuse_lost_items
from tfjs_verify.conversion.routes import Job
from tfjs_verify.conversion.static_shapes import fix_known_sizes
from tfjs_verify.conversion.writing import write_graph_model

ROUTE = "saved-model → graph"
_STRUCTURED = frozenset({"While", "StatelessWhile", "If", "StatelessIf"})
_CONTROL_FLOW = Reason(
    "control-flow",
    "the stock converter lowers loops and branches to Switch and Merge, with which recurrent layers"
    " fail on every backend",
)


def convert_to_graph(job: Job) -> None:
    """Fills the job's directory; raises ConversionError where TensorFlow.js lacks an op."""
    started = time.perf_counter()
    options = job.options
    frozen = freeze(
        job.saved_model,
        job.tags,
        job.signature_key,
        control_flow=options.effective_control_flow,
    )
    program = Program.from_graph_def(frozen.graph, [info.name for info in frozen.outputs.values()])
    program, log = repaired(program, strip_debug_ops=options.effective_strip_debug_ops)
    if options.control_flow is None:
        log.add(_CONTROL_FLOW, _structured(program))
    _restore_inputs(program, frozen)
    if not options.skip_op_check:
        op_list.check(program, job.shown)
    refuse_lost_items(program, job.shown)
    note_narrowing(program, frozen.initializer, log, job.shown)
    replace_unread_dtypes(program)
    provenance: dict[str, Any] = {
        "route": ROUTE,
        "quantization": options.quantization_label,
        "seconds": round(time.perf_counter() - started, 3),
        "repairs": log.as_json(),
    }
    write_graph_model(job.directory, program, frozen, options, provenance)


def repaired(program: Program, *, strip_debug_ops: bool = True) -> tuple[Program, RepairLog]:
    """The program that TensorFlow.js computes right, optimised, and what was done to get there."""
    log = RepairLog()
    inline_calls(program)
    if strip_debug_ops:
        repair(program, log, [debugging.strip_debug_ops])
    fix_known_sizes(program)
    for body in program.bodies():
        body.prune()
    repair(program, log)
    program = optimize(program, SIMPLIFY)
    displace(program)
    repair(program, log)  # what the simplification brought in
    log.add_all(fold_batch_norms(program))
    log.add_all(fuse_contractions(program))
    repair(program, log, FINAL_REWRITES)
    return program, log


def _structured(program: Program) -> list[str]:
    """The loops and branches of a program."""
    return [
        shown(body, node.name)
        for body in program.bodies()
        for node in body.nodes.values()
        if node.op in _STRUCTURED
    ]


def _restore_inputs(program: Program, frozen: Frozen) -> None:
    """An input that nothing depends on is pruned, yet JavaScript will feed it by its name."""
    for info in frozen.inputs.values():
        name = node_of(info.name)
        if name not in program.main.nodes:
            node = node_def_pb2.NodeDef(name=name, op="Placeholder")
            node.attr["dtype"].type = info.dtype
            node.attr["shape"].shape.CopyFrom(info.tensor_shape)
            program.main.nodes[name] = node
