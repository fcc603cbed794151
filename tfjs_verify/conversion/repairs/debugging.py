"""Assertions and prints: wanted while a model is made, and unknown to TensorFlow.js."""

from __future__ import annotations

from tfjs_verify.conversion.graph import Program
from tfjs_verify.conversion.repairs.base import Rewrite, shown

_DEBUG_OPS = frozenset({"Assert", "Print", "PrintV2", "CheckNumerics"})
_FRAMED = frozenset({"Switch", "Merge", "Enter"})
"""With control flow of version 1, control inputs say which branch a node belongs to."""


def _remove(program: Program) -> list[str]:
    """Nothing but these ops waits for others in a frozen graph, so all waiting goes with them."""
    if program.operations() & _FRAMED:
        return []
    before = set(_debug_nodes(program))
    for body in program.bodies():
        body.forget_control()
    _prune(program)
    return sorted(before - set(_debug_nodes(program)))


def _debug_nodes(program: Program) -> list[str]:
    return [
        shown(body, node.name)
        for body in program.bodies()
        for node in body.nodes.values()
        if node.op in _DEBUG_OPS
    ]


def _prune(program: Program) -> None:
    for body in program.bodies():
        body.prune()
    reachable = program.reachable_functions()
    for name in set(program.functions) - set(reachable):
        del program.functions[name]


strip_debug_ops = Rewrite("debug-ops", "TensorFlow.js has no assertions and no printing", _remove)
