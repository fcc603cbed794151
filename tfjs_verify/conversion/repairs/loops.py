"""Loops: what TensorFlow.js needs so that the tensors in a TensorList outlive an iteration.

When the body of a loop ends, TensorFlow.js disposes every tensor that the body computed, except the
body's own results: also those that were just written to a list. They survive where they are results
themselves; so each becomes the value of one more loop variable, which nothing reads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import node_def_pb2, types_pb2

from tfjs_verify.conversion.graph import (
    Body,
    Program,
    called_functions,
    data_inputs,
    index_of,
    node_of,
    tensor_of,
)
from tfjs_verify.conversion.repairs.base import Rewrite, shown
from tfjs_verify.errors import ConversionError

_LOOPS = frozenset({"While", "StatelessWhile"})
_BRANCHES = frozenset({"If", "StatelessIf"})
_ITEM = {"TensorListSetItem": 2, "TensorListPushBack": 1}
_CARRIED = "tfjs_verify_carried"


def _carry_list_items(program: Program) -> list[str]:
    touched: list[str] = []
    uses = _uses(program)
    for owner in list(program.bodies()):
        for loop in [node for node in owner.nodes.values() if node.op in _LOOPS]:
            condition, name = loop.attr["cond"].func.name, loop.attr["body"].func.name
            if uses[condition] > 1 or uses[name] > 1:
                continue
            body = program.functions[name]
            for write in [node for node in body.nodes.values() if node.op in _ITEM]:
                if _survives(body, data_inputs(write)[_ITEM[write.op]]):
                    continue
                _carry(program, owner, loop, body, write)
                touched.append(shown(body, write.name))
    return touched


def refuse_lost_items(program: Program, shown_model: str) -> None:
    """Raises ConversionError for lists that leave a branch with what was written to them there.

    It is disposed like in a loop, and a branch, unlike a loop, has no variable to keep it in.
    """
    branches = {
        branch.func.name
        for body in program.bodies()
        for node in body.nodes.values()
        if node.op in _BRANCHES
        for branch in (node.attr["then_branch"], node.attr["else_branch"])
    }
    lost = [
        f"{write.op} ({shown(body, write.name)})"
        for body in program.functions.values()
        if body.name in branches and _gives_list(program.definitions[body.name])
        for write in body.nodes.values()
        if write.op in _ITEM and not _survives(body, data_inputs(write)[_ITEM[write.op]])
    ]
    if lost:
        raise ConversionError(
            f"{shown_model}: TensorFlow.js disposes what a branch writes to a TensorArray when the"
            f" branch ends: {', '.join(lost)}. Choose the value in the branch and write it behind.",
            ops=tuple(lost),
            cause_type="LostListItems",
        )


def _gives_list(definition: Any) -> bool:
    return any(output.type == types_pb2.DT_VARIANT for output in definition.signature.output_arg)


def _uses(program: Program) -> dict[str, int]:
    counts = dict.fromkeys(program.functions, 0)
    for body in program.bodies():
        for node in body.nodes.values():
            for name in called_functions(node):
                if name in counts:
                    counts[name] += 1
    return counts


def _survives(body: Body, item: str) -> bool:
    results = {tensor_of(reference) for reference in body.results}
    return node_of(item) in body.arguments or tensor_of(item) in results


def _carry(program: Program, owner: Body, loop: Any, body: Body, write: Any) -> None:
    """Adds a loop variable that takes the written item; its first value is never read."""
    position = _ITEM[write.op]
    item = write.input[position]
    dtype = write.attr["element_dtype"].type
    if index_of(item):  # TensorFlow.js cannot return two outputs of one node
        identity = node_def_pb2.NodeDef(name=f"{write.name}/item", op="Identity", input=[item])
        identity.attr["T"].type = dtype
        write.input[position] = item = body.add(identity)
    text = dtype == types_pb2.DT_STRING
    zero = np.array(b"") if text else np.zeros((), tf.dtypes.as_dtype(dtype).as_numpy_dtype)
    loop.input.insert(len(data_inputs(loop)), owner.add_constant(f"{loop.name}/{_CARRIED}", zero))
    loop.attr["T"].list.type.append(dtype)
    if "output_shapes" in loop.attr:
        loop.attr["output_shapes"].list.shape.add().unknown_rank = True
    condition = program.functions[loop.attr["cond"].func.name]
    for function in (condition, body):
        _add_argument(program, function, dtype)
    body.results.append(item)
    definition = program.definitions[body.name]
    definition.signature.output_arg.add(name=f"{_CARRIED}_{len(body.results)}", type=dtype)


def _add_argument(program: Program, function: Body, dtype: int) -> None:
    node = node_def_pb2.NodeDef(name=_CARRIED, op="Placeholder")
    node.attr["dtype"].type = dtype or types_pb2.DT_FLOAT
    node.attr["shape"].shape.unknown_rank = True
    name = function.add(node)
    function.arguments = (*function.arguments, name)
    program.definitions[function.name].signature.input_arg.add(name=name, type=dtype)


carry_list_items = Rewrite(
    "loop-list-items",
    "TensorFlow.js disposes what a loop wrote to a list when the iteration ends",
    _carry_list_items,
)
REWRITES = (carry_list_items,)
