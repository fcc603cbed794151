"""SavedModel directories, taken as they are; modules of TensorFlow Hub are such directories too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfjs_verify.errors import ModelError
from tfjs_verify.model.saved_model import is_saved_model, lacks_signatures
from tfjs_verify.model.sources.base import first_line
from tfjs_verify.model.sources.functions import ModuleInMemory

_LISTED = 6


@dataclass(frozen=True)
class SavedModelDirectory:
    """A directory that the user says is a SavedModel."""

    directory: Path
    shown: str | None = None
    """What the user named, where it was not the directory."""

    @property
    def name(self) -> str:
        """The directory's own name."""
        return self.directory.resolve().name

    @property
    def path(self) -> str:
        """The directory as the user wrote it."""
        return self.shown or str(self.directory)

    @property
    def keras_model(self) -> None:
        """A SavedModel holds a graph, no layers."""
        return None

    def save(self, directory: Path) -> Path:
        """The user's directory; ModelError, with what it holds instead, if it is no SavedModel.

        One without signatures, as modules of TensorFlow Hub may be, is copied to `directory` with
        the signatures that follow from its functions.
        """
        if not is_saved_model(self.directory):
            raise ModelError(
                f"{self.path} is no SavedModel: expected a saved_model.pb in it,"
                f" found {self._content()}.{self._hint()}"
            )
        if not lacks_signatures(self.directory, shown=self.path):
            return self.directory
        return self._with_signatures(directory)

    def _with_signatures(self, directory: Path) -> Path:
        import tensorflow as tf

        try:
            module = ModuleInMemory(tf.saved_model.load(str(self.directory)))
            return module.save(directory)
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise ModelError(f"{self.path} cannot be loaded: {first_line(error)}") from error
        except ModelError as error:
            raise ModelError(
                f"{self.path} has no signature, so nothing names its inputs and outputs; save it"
                f" with tf.saved_model.save(model, directory, signatures=...). {error.message}"
            ) from error

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
