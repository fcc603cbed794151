"""Which ops compute with which weight, through identities and into functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tfjs_verify.artifact.contents import Contents, Node, Site

_FIRST_ARGUMENT = {"If": 1, "StatelessIf": 1, "Case": 1, "StatelessCase": 1}
"""Where the arguments of a function begin among the inputs of the node that calls it."""


@dataclass(frozen=True)
class Use:
    """One op that takes a weight."""

    node: Node
    position: int
    """Which of the op's inputs the weight is."""

    @property
    def op(self) -> str:
        """The op's type."""
        return str(self.node["op"])


class Uses:
    """The uses of every tensor, looked up by the name of its node."""

    def __init__(self, contents: Contents) -> None:
        self._functions = {
            function["signature"]["name"]: index
            for index, function in enumerate(contents.functions())
        }
        self._arguments = [
            [argument["name"] for argument in function["signature"].get("inputArg", ())]
            for function in contents.functions()
        ]
        self._takers: Mapping[tuple[int | None, str], list[tuple[Site, Use]]] = defaultdict(list)
        self._homes: dict[str, int | None] = {}
        for site, node in contents.nodes():
            if node["op"] == "Const":
                self._homes[node["name"]] = site.function
            for position, reference in enumerate(node.get("input", ())):
                if not reference.startswith("^"):
                    key = (site.function, reference.partition(":")[0])
                    self._takers[key].append((site, Use(node, position)))

    def of(self, weight: str) -> tuple[Use, ...]:
        """The ops that compute with a weight, in the order of the graph."""
        if weight not in self._homes:
            return ()
        return tuple(self._follow(self._homes[weight], weight, set()))

    def _follow(
        self, function: int | None, name: str, seen: set[tuple[int | None, str]]
    ) -> Iterator[Use]:
        if (function, name) in seen:
            return
        seen.add((function, name))
        for site, use in self._takers.get((function, name), ()):
            called = list(self._called(use.node))
            if use.op == "Identity":
                yield from self._follow(site.function, use.node["name"], seen)
            elif not called:
                yield use
            for index in called:
                position = use.position - _FIRST_ARGUMENT.get(use.op, 0)
                if 0 <= position < len(self._arguments[index]):
                    yield from self._follow(index, self._arguments[index][position], seen)

    def _called(self, node: Node) -> Iterator[int]:
        for value in node.get("attr", {}).values():
            name = value.get("func", {}).get("name")
            if name in self._functions:
                yield self._functions[name]
