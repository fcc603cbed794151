"""What functions return: TensorFlow.js knows nodes there, and not which output of them."""

from __future__ import annotations

from collections import Counter

from tensorflow.core.framework import node_def_pb2

from tfjs_verify.conversion.graph import Program, node_of, tensor_of
from tfjs_verify.conversion.repairs.base import Rewrite, shown


def _separate(program: Program) -> list[str]:
    """Gives every output of a node that several are returned of a node of its own."""
    touched = []
    for body in program.functions.values():
        outputs = {tensor_of(reference) for reference in body.results}
        counts = Counter(map(node_of, outputs))
        for position, reference in enumerate(body.results):
            name = node_of(reference)
            if counts[name] < 2:
                continue
            output = program.definitions[body.name].signature.output_arg[position]
            identity = node_def_pb2.NodeDef(name=f"{name}/returned", op="Identity")
            identity.input.append(reference)
            identity.attr["T"].type = output.type
            body.results[position] = body.add(identity)
            touched.append(shown(body, name))
    return touched


separate_returns = Rewrite(
    "separate-returns",
    "TensorFlow.js returns the same output for all that a branch or loop returns of one node",
    _separate,
)
REWRITES = (separate_returns,)
