"""What was done to a graph, for `model.json` and the report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tfjs_verify.conversion.reasons import Reason


@dataclass
class RepairLog:
    """The repairs that were applied, in the order of their first use."""

    _nodes: dict[Reason, list[str]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The repairs that touched anything."""
        return tuple(entry["name"] for entry in self.as_json())

    def add(self, reason: Reason, nodes: Iterable[str]) -> None:
        """Notes nodes that a repair touched; none is noted as nothing."""
        known = self._nodes.get(reason, [])
        added = [node for node in dict.fromkeys(nodes) if node not in known]
        if added:
            self._nodes[reason] = known + added

    def add_all(self, other: RepairLog) -> None:
        """Takes over what another pass noted."""
        for reason, nodes in other._nodes.items():
            self.add(reason, nodes)

    def as_json(self) -> list[dict[str, Any]]:
        """Name, nodes and reason of each; one entry for all that share a name."""
        entries: dict[str, dict[str, Any]] = {}
        for reason, nodes in self._nodes.items():
            entry = entries.setdefault(reason.name, reason.as_json([]))
            entry["nodes"] += [node for node in nodes if node not in entry["nodes"]]
        return list(entries.values())
