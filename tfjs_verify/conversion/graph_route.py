"""The route to the graph format: freeze, repair, optimise, repair, write (worker side)."""

from __future__ import annotations

import time
from typing import Any

from tensorflow.core.framework import node_def_pb2

from tfjs_verify.conversion import op_list
from tfjs_verify.conversion.freezing import Frozen, freeze
from tfjs_verify.conversion.graph import Program, node_of
from tfjs_verify.conversion.optimization import FUSE, SIMPLIFY, displace, optimize, place_on_cpu
from tfjs_verify.conversion.routes import Job
from tfjs_verify.conversion.writing import write_graph_model

ROUTE = "saved-model → graph"


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
    program.main.prune()
    if not options.skip_op_check:
        op_list.check(program, job.shown)
    program = optimize(program, SIMPLIFY)
    place_on_cpu(program)
    program = optimize(program, FUSE)
    displace(program)
    _restore_inputs(program, frozen)
    if not options.skip_op_check:
        op_list.check(program, job.shown)
    provenance: dict[str, Any] = {
        "route": ROUTE,
        "quantization": options.quantization_label,
        "seconds": round(time.perf_counter() - started, 3),
        "repairs": [],
    }
    write_graph_model(job.directory, program, frozen, options, provenance)


def _restore_inputs(program: Program, frozen: Frozen) -> None:
    """An input that nothing depends on is pruned, yet JavaScript will feed it by its name."""
    for info in frozen.inputs.values():
        name = node_of(info.name)
        if name not in program.main.nodes:
            node = node_def_pb2.NodeDef(name=name, op="Placeholder")
            node.attr["dtype"].type = info.dtype
            node.attr["shape"].shape.CopyFrom(info.tensor_shape)
            program.main.nodes[name] = node
