"""Where a command's words go: the report to stdout, everything else to stderr."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar

from tfjs_verify.errors import RequestError
from tfjs_verify.report import Report
from tfjs_verify.report.text import print_report
from tfjs_verify.verification import Progress

_PIPED_WIDTH = 200


class Output:
    """The terminal of one command."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=None)
        self.progress = Progress(stage=self._stage, cases=self._cases)

    def show(self, report: Report) -> None:
        """Print the report to stdout; piped, it is plain and as wide as it needs."""
        console = Console()
        if console.is_terminal:
            print_report(report, console)
            return
        plain = Console(file=io.StringIO(), width=_PIPED_WIDTH)
        print_report(report, plain)
        text = plain.file.getvalue()  # type: ignore[attr-defined]
        click.echo("\n".join(line.rstrip() for line in text.splitlines()))

    def _stage(self, text: str) -> None:
        self._bar.update(self._task, description=text, total=None, completed=0)

    def _cases(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)


@contextmanager
def reporting() -> Iterator[Output]:
    """A progress bar on stderr while the block runs; nothing where stderr is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
    )
    with _native_stderr_aside() as stream:
        console = Console(file=stream)
        with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            yield Output(bar)


@contextmanager
def _native_stderr_aside() -> Iterator[TextIO]:
    """A stderr of our own, while what C++ writes to fd 2 is put aside.

    TensorFlow's C++ logs plugins and devices before its log level can be set, in every run; what
    Python writes to `sys.stderr` still arrives.
    """
    sys.stderr.flush()
    python_stderr = sys.stderr
    ours = os.dup(2)
    with (
        open(ours, "w", encoding=python_stderr.encoding, buffering=1) as stream,
        tempfile.TemporaryFile() as aside,
    ):
        os.dup2(aside.fileno(), 2)
        sys.stderr = stream
        try:
            yield stream
        finally:
            sys.stderr = python_stderr
            os.dup2(ours, 2)


def check_writable(*files: Path | None) -> None:
    """Refuse an output file that cannot be written before the run, not after it."""
    for file in files:
        if file is None:
            continue
        if file.is_dir():
            raise RequestError(f"{file} is a directory; name a file to write the report to")
        if not file.parent.is_dir():
            raise RequestError(f"{file} cannot be written: there is no directory {file.parent}")
        if file.exists() and not os.access(file, os.W_OK):
            raise RequestError(f"{file} cannot be written: permission denied")
        if _is_stream(file):
            continue
        try:
            tempfile.TemporaryFile(dir=file.parent).close()
        except OSError as error:
            raise RequestError(f"{file} cannot be written: {error.strerror}") from error


def write_text(file: Path, text: str) -> None:
    """Write a file whole or not at all; a pipe or device, as /dev/stdout, gets the text."""
    try:
        if _is_stream(file):
            with file.open("a", encoding="utf-8") as stream:
                stream.write(text)
            return
        with tempfile.NamedTemporaryFile(
            "w", dir=file.parent, prefix=f".{file.name}.", delete=False, encoding="utf-8"
        ) as temporary:
            temporary.write(text)
        os.chmod(temporary.name, 0o644)
        os.replace(temporary.name, file)
    except OSError as error:
        raise RequestError(f"{file} cannot be written: {error.strerror}") from error


def _is_stream(file: Path) -> bool:
    """Whether renaming a file to this name would destroy something: /dev/stdout, a named pipe."""
    return file.is_relative_to("/dev") or (file.exists() and not file.is_file())
