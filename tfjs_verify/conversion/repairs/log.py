"""What was done to a graph, for `model.json` and the report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class RepairLog:
    """The repairs that were applied, in the order of their first use."""

    _nodes: dict[str, list[str]] = field(default_factory=dict)
    _why: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The repairs that touched anything."""
        return tuple(self._nodes)

    def add(self, name: str, why: str, nodes: Iterable[str]) -> None:
        """Notes nodes that a repair touched; none is noted as nothing."""
        known = self._nodes.get(name, [])
        added = [node for node in dict.fromkeys(nodes) if node not in known]
        if added:
            self._why[name] = why
            self._nodes[name] = known + added

    def add_all(self, other: RepairLog) -> None:
        """Takes over what another pass noted."""
        for name, nodes in other._nodes.items():
            self.add(name, other._why[name], nodes)

    def as_json(self) -> list[dict[str, Any]]:
        """Name, nodes and reason of each."""
        return [
            {"name": name, "nodes": nodes, "why": self._why[name]}
            for name, nodes in self._nodes.items()
        ]
