"""What a graph writes into variables, and the graph without it.

TensorFlow.js keeps no state between answers, and TensorFlow freezes no variable that is written to.
A counter of calls can go; what an output depends on cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

_READS = frozenset(
    {"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "VarIsInitializedOp"}
)
"""All else that takes a variable, as AssignAddVariableOp or RngReadAndSkip, may change it."""
_PASSES = frozenset({"Identity", "Enter", "Exit", "NextIteration", "Switch", "_SwitchN", "Merge"})
_CALLS = frozenset(
    {
        *("If", "StatelessIf", "Case", "StatelessCase", "While", "StatelessWhile"),
        *("PartitionedCall", "StatefulPartitionedCall"),
    }
)
_LISTED = 3

_Place: TypeAlias = tuple[str, str]
"""A function's name, "" for the main graph, and a node's."""


class VariableChanged(ValueError):
    """An output depends on a variable that the model changes when it answers."""


def drop_assignments(graph: Any, variables: Mapping[str, str], outputs: Iterable[str]) -> None:
    """Takes out of a GraphDef what changes variables, and what takes anything from that.

    `variables` are names by placeholder, `outputs` references. Raises VariableChanged where an
    output depends on a variable that is changed.
    """
    program = _Program(graph, list(outputs))
    changed: dict[str, frozenset[_Place]] = {}
    for placeholder, name in variables.items():
        uses = dict(program.uses(program.main, placeholder))
        if not _READS.issuperset(uses.values()):
            changed[name] = frozenset(uses)
    deciding = [name for name, uses in changed.items() if program.decides(program.main, uses)]
    if deciding:
        names = ", ".join(map(repr, deciding[:_LISTED])) + ", ..." * (len(deciding) > _LISTED)
        raise VariableChanged(
            f"the model changes the variable {names} when it answers, and the answer depends on it."
            " TensorFlow.js keeps no variables: export the model in inference mode, as Keras does"
            " with training=False."
        )
    if changed:
        program.drop(program.main, frozenset().union(*changed.values()))


@dataclass(frozen=True, eq=False)
class _Body:
    """The main graph or a function: how references are written does not matter here."""

    name: str
    owner: Any
    """The GraphDef or FunctionDef."""
    nodes: Any
    arguments: tuple[str, ...]
    results: list[str]

    @cached_property
    def takers(self) -> dict[str, list[Any]]:
        """The nodes that take a value from a node or argument."""
        takers: dict[str, list[Any]] = {}
        for node in self.nodes:
            for source in set(_sources(node)):
                takers.setdefault(source, []).append(node)
        return takers

    @cached_property
    def live(self) -> frozenset[str]:
        """The nodes from which the results take a value."""
        by_name = {node.name: node for node in self.nodes}
        live: set[str] = set()
        pending = [_source(result) for result in self.results]
        while pending:
            name = pending.pop()
            if name not in live and name in by_name:
                live.add(name)
                pending += _sources(by_name[name])
        return frozenset(live)


class _Program:
    """A GraphDef with its functions."""

    def __init__(self, graph: Any, outputs: list[str]) -> None:
        self.main = _Body("", graph, graph.node, (), outputs)
        self._functions = {
            function.signature.name: _Body(
                function.signature.name,
                function,
                function.node_def,
                tuple(argument.name for argument in function.signature.input_arg),
                list(function.ret.values()),
            )
            for function in graph.library.function
        }

    def uses(self, body: _Body, handle: str) -> Iterator[tuple[_Place, str]]:
        """The nodes, of functions too, that take a variable and do more than hand it on, by op."""
        pending, seen = [handle], {handle}
        while pending:
            taken = pending.pop()
            for node in body.takers.get(taken, ()):
                if node.op in _CALLS:
                    for called in self._called(node):
                        given = _sources(node)[-len(called.arguments) :]
                        for argument, source in zip(called.arguments, given, strict=True):
                            if source == taken:
                                yield from self.uses(called, argument)
                elif node.op not in _PASSES:
                    yield (body.name, node.name), node.op
                elif node.name not in seen:
                    seen.add(node.name)
                    pending.append(node.name)

    def decides(self, body: _Body, uses: frozenset[_Place]) -> bool:
        """Whether the results of a body take a value from any of these nodes."""
        return any(
            (body.name, node.name) in uses
            or any(self.decides(called, uses) for called in self._called(node))
            for node in body.nodes
            if node.name in body.live
        )

    def drop(self, body: _Body, uses: frozenset[_Place]) -> None:
        """Removes these nodes from a body, whose results take no value from them."""
        dropped: set[str] = set()
        for node in body.nodes:
            if node.name in body.live:
                for called in self._called(node):
                    self.drop(called, uses)
            elif self._holds(body, node, uses):
                dropped.add(node.name)
        _remove(body, dropped)

    def _called(self, node: Any) -> list[_Body]:
        if node.op not in _CALLS:
            return []
        functions = [
            function
            for attribute in node.attr.values()
            for function in (attribute.func, *attribute.list.func)
        ]
        return [self._functions[each.name] for each in functions if each.name in self._functions]

    def _holds(self, body: _Body, node: Any, uses: frozenset[_Place]) -> bool:
        return (body.name, node.name) in uses or any(
            self._holds(called, inner, uses)
            for called in self._called(node)
            for inner in called.nodes
        )


def _remove(body: _Body, dropped: set[str]) -> None:
    """Removes nodes with all that takes a value from them, and nobody waits for them any more."""
    grown = True
    while grown:
        takers = {node.name for node in body.nodes if dropped & set(_sources(node))}
        grown = not takers <= dropped
        dropped |= takers
    kept = [node for node in body.nodes if node.name not in dropped]
    for node in kept:
        node.input[:] = [
            each for each in node.input if not (each[0] == "^" and each[1:] in dropped)
        ]
    del body.nodes[:]
    body.nodes.extend(kept)
    waited = getattr(body.owner, "control_ret", {})
    for name in [name for name, node in waited.items() if node in dropped]:
        del waited[name]
        body.owner.signature.control_output.remove(name)


def _sources(node: Any) -> list[str]:
    """The nodes or arguments whose values a node takes."""
    return [_source(each) for each in node.input if not each.startswith("^")]


def _source(reference: str) -> str:
    return reference.partition(":")[0]
