"""Why something was repaired, in a module which all parts of it can afford to import."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reason:
    """A repair's name, and one sentence on what TensorFlow.js would do without it."""

    name: str
    why: str

    def as_json(self, nodes: Iterable[str]) -> dict[str, Any]:
        """The entry of a repair that touched these nodes, or layers, or weights."""
        return {"name": self.name, "nodes": list(nodes), "why": self.why}
