"""Where a command's words go: the report to stdout, everything else to stderr."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar

from tfjs_verify.errors import EnvironmentProblem, RequestError
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
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
    )
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Output(bar)


def load_tensorflow() -> None:
    """Import TensorFlow without what its C++ writes to stderr before it can be configured.

    They are of plugins registered twice and mean nothing; where the import fails they are shown.
    """
    with tempfile.TemporaryFile() as said:
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except ImportError as error:
            said.seek(0)
            os.write(stderr, said.read())
            raise EnvironmentProblem(
                f"TensorFlow cannot be imported: {error}. Run `tfjs-verify doctor`."
            ) from error
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def check_writable(*files: Path | None) -> None:
    """Refuse an output file that cannot be written before the run, not after it."""
    for file in files:
        if file is None:
            continue
        if file.is_dir():
            raise RequestError(f"{file} is a directory; name a file to write the report to")
        if not file.parent.is_dir():
            raise RequestError(f"{file} cannot be written: there is no directory {file.parent}")
        if not os.access(file if file.exists() else file.parent, os.W_OK):
            raise RequestError(f"{file} cannot be written: permission denied")


def write_text(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=file.parent, prefix=f".{file.name}.", delete=False, encoding="utf-8"
        ) as temporary:
            temporary.write(text)
        os.chmod(temporary.name, 0o644)
        os.replace(temporary.name, file)
    except OSError as error:
        raise RequestError(f"{file} cannot be written: {error.strerror}") from error
