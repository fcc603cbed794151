"""SavedModel directories, taken as they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfjs_verify.errors import ModelError
from tfjs_verify.model.saved_model import is_saved_model

_LISTED = 6


@dataclass(frozen=True)
class SavedModelDirectory:
    """A directory that the user says is a SavedModel."""

    directory: Path

    @property
    def name(self) -> str:
        """The directory's own name."""
        return self.directory.resolve().name

    @property
    def path(self) -> str:
        """The directory as the user wrote it."""
        return str(self.directory)

    def save(self, directory: Path) -> Path:
        """The user's directory; ModelError, with what it holds instead, if it is no SavedModel."""
        if not is_saved_model(self.directory):
            raise ModelError(
                f"{self.directory} is no SavedModel: expected a saved_model.pb in it,"
                f" found {self._content()}.{self._hint()}"
            )
        return self.directory

    def _content(self) -> str:
        names = sorted(entry.name for entry in self.directory.iterdir())
        if not names:
            return "nothing"
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return ", ".join(names[:_LISTED]) + more

    def _hint(self) -> str:
        if (self.directory / "model.json").is_file():
            return " It looks like a TensorFlow.js model: that is what --artifact takes."
        nested = [entry for entry in sorted(self.directory.iterdir()) if is_saved_model(entry)]
        return f" There is one in {nested[0]}." if nested else ""
