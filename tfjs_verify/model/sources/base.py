"""What a kind of model must be able to do."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Source(Protocol):
    """Something that can become a SavedModel."""

    @property
    def name(self) -> str:
        """What the model is called, before sanitising."""

    @property
    def path(self) -> str:
        """What the user named, as messages and reports show it."""

    def save(self, directory: Path) -> Path:
        """A SavedModel directory: `directory`, now filled, or the user's own, untouched.

        Raises ModelError where the model cannot be read or exported.
        """
