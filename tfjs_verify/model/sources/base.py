"""What a kind of model must be able to do."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

_TRACED = "in user code:"
"""With this TensorFlow begins a traceback, whose last line is the error."""
_HEADING = re.compile("Exception encountered when calling ")
"""With this Keras begins; the error itself follows in bold, and then its circumstances."""
_CIRCUMSTANCES = re.compile("(?:Call a|A)rguments received by ")
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


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

    @property
    def keras_model(self) -> Any:
        """The Keras model that was saved, or `None` where the source is none."""


def first_line(error: BaseException) -> str:
    """What a foreign error says, short enough for a message of ours."""
    stripped = (line.strip() for line in _STYLE.sub("", str(error)).splitlines())
    said = itertools.takewhile(lambda line: not _CIRCUMSTANCES.match(line), stripped)
    lines = [line for line in said if line and not _HEADING.match(line)]
    if lines and lines[0] == _TRACED:
        return lines[-1]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keras and TensorFlow print progress; our stdout carries nothing but the report."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
