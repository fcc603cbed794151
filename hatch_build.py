"""Puts the Node side into the wheel, at the place where the package looks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NODE_SIDE = (
    "bridge/contract.json",
    "js/package.json",
    "js/package-lock.json",
    "js/src",
)


class NodeSideHook(BuildHookInterface):  # type: ignore[type-arg]
    """Copies `bridge/contract.json` and what of `js/` runs to `tfjs_verify/_node/`.

    The two keep their places relative to each other, for `js/src` reads
    `../../bridge/contract.json`. An editable installation needs no copy: it finds both beside the
    package.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to a standard wheel; raises FileNotFoundError where one is missing."""
        if version != "standard":
            return
        for name in _NODE_SIDE:
            source = Path(self.root, name)
            if not source.exists():
                raise FileNotFoundError(f"the wheel needs {name}, which is not in {self.root}")
            build_data["force_include"][str(source)] = f"tfjs_verify/_node/{name}"
