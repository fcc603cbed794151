"""Branches by number: TensorFlow.js has `If`, and no `Case`."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from tensorflow.core.framework import function_pb2, node_def_pb2, types_pb2

from tfjs_verify.conversion.graph import (
    Body,
    Program,
    constant_node,
    data_inputs,
    node_of,
)
from tfjs_verify.conversion.repairs.base import Rewrite, shown

_CASES = {"Case": "If", "StatelessCase": "StatelessIf"}
_INDEX = "tfjs_verify_branch"
_SWITCH_N = "_SwitchN"


def _as_conditionals(program: Program) -> list[str]:
    touched = []
    for body in list(program.bodies()):
        for node in [node for node in body.nodes.values() if node.op in _CASES]:
            _replace(program, body, node)
            touched.append(shown(body, node.name))
    return touched


def _replace(program: Program, body: Body, case: Any) -> None:
    """`Case` of n branches as n - 1 nested `If`s; what no number fits is the last branch."""
    index, *inputs = data_inputs(case)
    branches = [_with_index(program, function.name) for function in case.attr["branches"].list.func]
    last = branches.pop()
    for number in reversed(range(1, len(branches))):
        last = _rest(program, case, number, branches[number], last)
    if not branches:  # one branch, whatever the number
        branches = [last]
    body.nodes[case.name] = _conditional(
        body, case, 0, (branches[0], last), [*inputs, index], case.name
    )


def _rest(program: Program, case: Any, number: int, then: str, otherwise: str) -> str:
    """A function that decides between branch `number` and those after it; its name."""
    pattern = program.functions[then]
    placeholders = {name: _copied(pattern.nodes[name]) for name in pattern.arguments}
    name = _unused(program, f"{then}_or_later")
    body = Body(name, placeholders, [], pattern.arguments)
    conditional = _conditional(
        body, case, number, (then, otherwise), list(pattern.arguments), "decided"
    )
    body.nodes["decided"] = conditional
    outputs = len(pattern.results)
    body.results = [f"decided:{index}" if index else "decided" for index in range(outputs)]
    definition = function_pb2.FunctionDef()
    definition.CopyFrom(program.definitions[then])
    definition.signature.name = name
    program.functions[name], program.definitions[name] = body, definition
    return name


def _conditional(
    body: Body, case: Any, number: int, branches: tuple[str, str], inputs: list[str], name: str
) -> Any:
    """An `If` on whether the last of the inputs, the index, is `number`."""
    wanted = body.add(constant_node(f"{name}/number", np.array(number, np.int32)))
    equal = node_def_pb2.NodeDef(name=f"{name}/is_number", op="Equal", input=[inputs[-1], wanted])
    equal.attr["T"].type = types_pb2.DT_INT32
    equal.attr["incompatible_shape_error"].b = True
    node = node_def_pb2.NodeDef(name=name, op=_CASES[case.op], input=[body.add(equal), *inputs])
    node.attr["Tcond"].type = types_pb2.DT_BOOL
    node.attr["Tin"].list.type.extend([*case.attr["Tin"].list.type, types_pb2.DT_INT32])
    node.attr["Tout"].CopyFrom(case.attr["Tout"])
    node.attr["output_shapes"].CopyFrom(case.attr["output_shapes"])
    node.attr["then_branch"].func.name, node.attr["else_branch"].func.name = branches
    return node


def _with_index(program: Program, name: str) -> str:
    """A copy of a function that takes the index as one more argument; its name."""
    original = program.functions[name]
    body = Body(
        _unused(program, f"{name}_with_index"),
        {key: _copied(node) for key, node in original.nodes.items()},
        list(original.results),
        original.arguments,
    )
    placeholder = node_def_pb2.NodeDef(name=_INDEX, op="Placeholder")
    placeholder.attr["dtype"].type = types_pb2.DT_INT32
    placeholder.attr["shape"].shape.SetInParent()
    argument = body.add(placeholder)
    body.arguments = (*body.arguments, argument)
    definition = copy.deepcopy(program.definitions[name])
    definition.signature.name = body.name
    definition.signature.input_arg.add(name=argument, type=types_pb2.DT_INT32)
    definition.control_ret.clear()
    del definition.signature.control_output[:]
    program.functions[body.name], program.definitions[body.name] = body, definition
    return body.name


def _unused(program: Program, wanted: str) -> str:
    name = wanted
    while name in program.functions:
        name += "_"
    return name


def _copied(node: Any) -> Any:
    result = node_def_pb2.NodeDef()
    result.CopyFrom(node)
    return result


def _as_switches(program: Program) -> list[str]:
    touched = []
    for body in program.bodies():
        for node in [node for node in body.nodes.values() if node.op == _SWITCH_N]:
            _split(body, node)
            touched.append(shown(body, node.name))
    return touched


def _split(body: Body, node: Any) -> None:
    """`Switch` after `Switch`: each gives one branch its value, or hands it on to the others."""
    value, index = data_inputs(node)
    count = node.attr["num_outs"].i
    outputs = {}
    for number in range(count - 1):
        wanted = constant_node(f"{node.name}/number_{number}", np.array(number, np.int32))
        wanted.input.append(f"^{node_of(index)}")  # a constant of the same loop, if there is one
        chosen = node_def_pb2.NodeDef(
            name=f"{node.name}/is_{number}", op="Equal", input=[index, body.add(wanted)]
        )
        chosen.attr["T"].type = types_pb2.DT_INT32
        chosen.attr["incompatible_shape_error"].b = True
        switch = node_def_pb2.NodeDef(
            name=f"{node.name}/switch_{number}", op="Switch", input=[value, body.add(chosen)]
        )
        switch.attr["T"].CopyFrom(node.attr["T"])
        value = body.add(switch)
        outputs[f"{node.name}:{number}"] = f"{value}:1"
    outputs[f"{node.name}:{count - 1}"] = value
    del body.nodes[node.name]
    body.redirect(outputs)


switch_n = Rewrite(
    "switch-n",
    "TensorFlow.js has no switch with more than two ways, which branches by number are lowered to"
    " with control flow of version 1",
    _as_switches,
)
switch_case = Rewrite("switch-case", "TensorFlow.js has no branches by number", _as_conditionals)
REWRITES = (switch_case, switch_n)
