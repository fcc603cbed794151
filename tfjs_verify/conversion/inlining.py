"""Function calls replaced by the function's body: TensorFlow.js has loops and branches, no calls.

Freezing inlines most calls; those marked for compilation (Keras does so for grouped convolutions)
and those inside the bodies of loops stay.
"""

from __future__ import annotations

from tensorflow.core.framework import node_def_pb2

from tfjs_verify.conversion.graph import Body, Program, data_inputs, index_of, node_of

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})


def inline_calls(program: Program) -> None:
    """Inlines all calls, also those that come with an inlined body."""
    for body in program.bodies():
        waiting = [node.name for node in body.nodes.values() if _callee(node, program)]
        while waiting:
            inserted = _inline(program, body, waiting.pop())
            waiting.extend(name for name in inserted if _callee(body.nodes[name], program))


def _callee(node: object, program: Program) -> str | None:
    op, attributes = node.op, node.attr  # type: ignore[attr-defined]
    if op in program.functions:
        return str(op)
    if op in _CALLS and attributes["f"].func.name in program.functions:
        return str(attributes["f"].func.name)
    return None


def _inline(program: Program, body: Body, name: str) -> list[str]:
    call = body.nodes[name]
    callee = _callee(call, program)
    assert callee is not None
    function = program.functions[callee]
    places = dict(zip(function.arguments, data_inputs(call), strict=True))
    copies = {}
    for original in function.nodes.values():
        if original.name not in function.arguments:
            copy = node_def_pb2.NodeDef()
            copy.CopyFrom(original)
            copy.name = f"{name}/{original.name}"
            places[original.name] = body.add(copy)
            copies[copy.name] = copy
    for copy in copies.values():
        copy.input[:] = [_placed(reference, places) for reference in copy.input]
    results = [_placed(reference, places) for reference in function.results]
    del body.nodes[name]
    body.drop_control({name})
    body.redirect({f"{name}:{index}": result for index, result in enumerate(results)})
    return list(copies)


def _placed(reference: str, places: dict[str, str]) -> str:
    """A reference of the function's body in the caller; an argument may be any tensor there."""
    place = places[node_of(reference)]
    if reference.startswith("^"):
        return f"^{node_of(place)}"
    index = index_of(reference)
    return f"{place}:{index}" if index else place
