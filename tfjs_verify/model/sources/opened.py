"""A model that is open already: it is what it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfjs_verify.model.model import Model


@dataclass(frozen=True)
class OpenedModel:
    """What `open_model` gave, whose context still lasts."""

    model: Model

    @property
    def name(self) -> str:
        """The name that it was opened with."""
        return self.model.name

    @property
    def path(self) -> str:
        """What the user named when it was opened."""
        return self.model.path

    @property
    def keras_model(self) -> Any:
        """The Keras model that it was opened from."""
        return self.model.keras_model

    def save(self, directory: Path) -> Path:
        """The directory that there is."""
        return self.model.saved_model
