"""Grappler, TensorFlow's own graph optimiser, set as the stock converter sets it (worker side)."""

from __future__ import annotations

from collections.abc import Sequence

from tensorflow.core.protobuf import config_pb2, meta_graph_pb2
from tensorflow.python.grappler import tf_optimizer
from tensorflowjs.converters import tf_saved_model_conversion_v2 as stock

from tfjs_verify.conversion.graph import Program, node_of

SIMPLIFY = ("pruning", "constfold", "arithmetic", "dependency") * 2
FUSE = ("remap", "constfold", "arithmetic", "dependency")


def optimize(program: Program, optimizers: Sequence[str]) -> Program:
    """Runs these Grappler passes; the results keep their nodes."""
    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.optimizers[:] = optimizers
    meta = meta_graph_pb2.MetaGraphDef()
    meta.graph_def.CopyFrom(program.to_graph_def())
    fetches = meta.collection_def["train_op"].node_list.value
    fetches.extend(sorted({node_of(reference) for reference in program.main.results}))
    graph = tf_optimizer.OptimizeGraph(config, meta, cluster=stock.get_cluster())
    return Program.from_graph_def(graph, program.main.results)


def place_on_cpu(program: Program) -> None:
    """Grappler fuses convolutions and matrix products only where it knows them on the CPU."""
    for body in program.bodies():
        for node in body.nodes.values():
            if node.op in ("Conv2D", "MatMul"):
                node.device = "/device:CPU:0"


def displace(program: Program) -> None:
    """Removes all devices and placement hints: they mean nothing in TensorFlow.js."""
    for body in program.bodies():
        for node in body.nodes.values():
            node.device = ""
            if "_class" in node.attr:
                del node.attr["_class"]
