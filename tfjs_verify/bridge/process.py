"""One Node process: started, listened to, ended, and described when it dies."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO

from tfjs_verify.errors import EnvironmentProblem

_PIPE_BYTES = 1 << 20
_STDERR_LINES = 200
_QUOTED_LINES = 12
_PATIENCE_S = 2.0


class NodeProcess:
    """A child process whose stdin and stdout are the wire and whose stderr is kept for errors.

    Its life ends when its stdin ends, so that a killed parent leaves no orphan behind.
    """

    def __init__(self, command: Sequence[str], *, env: dict[str, str] | None = None) -> None:
        """Start `command`; raises EnvironmentProblem where it cannot be started."""
        try:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=env,
                start_new_session=True,  # Ctrl-C reaches us; we end the process in order
            )
        except OSError as error:
            raise EnvironmentProblem(
                f"Node cannot be started as {command[0]!r}: {error.strerror}. "
                "Run `tfjs-verify doctor` to see what is installed."
            ) from error
        assert self._popen.stdin and self._popen.stdout and self._popen.stderr
        self.write_fd = self._popen.stdin.fileno()
        self.read_fd = self._popen.stdout.fileno()
        for fd in (self.write_fd, self.read_fd):
            os.set_blocking(fd, False)
            _enlarge(fd)
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._drain = threading.Thread(
            target=_keep_lines, args=(self._popen.stderr, self._stderr), daemon=True
        )
        self._drain.start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._popen.pid

    @property
    def stderr_tail(self) -> tuple[str, ...]:
        """The last lines that the process wrote to stderr."""
        return tuple(self._stderr)[-_QUOTED_LINES:]

    def kill(self) -> None:
        """End the process at once."""
        self._popen.kill()
        self._reap()

    def close_input(self) -> None:
        """Close the process's stdin, which asks it to end."""
        with suppress(BrokenPipeError):
            self._stream(self._popen.stdin).close()

    def close(self) -> None:
        """End the process in order: close its stdin, wait, terminate, kill."""
        self.close_input()
        for escalate in (None, self._popen.terminate, self._popen.kill):
            if escalate:
                escalate()
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(_PATIENCE_S)
                break
        self._reap()

    def describe_end(self) -> str:
        """How a process that closed its stdout ended, and its last words on stderr."""
        try:
            self._popen.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return "it closed its stdout and went on running; it was ended"
        self._drain.join(_PATIENCE_S)
        code = self._popen.returncode
        how = f"exit status {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        tail = self.stderr_tail
        if not tail:
            return f"{how}; it wrote nothing to stderr"
        return f"{how}; its last lines on stderr:\n" + "\n".join(f"    {line}" for line in tail)

    def _reap(self) -> None:
        self._popen.wait()
        self._drain.join(_PATIENCE_S)
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            with suppress(BrokenPipeError):
                self._stream(stream).close()

    @staticmethod
    def _stream(stream: object) -> BinaryIO:
        assert stream is not None
        return stream  # type: ignore[return-value]

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _keep_lines(stream: BinaryIO, lines: deque[str]) -> None:
    with suppress(ValueError, OSError):  # the stream is closed under us when the process is reaped
        for line in iter(stream.readline, b""):
            lines.append(line.decode(errors="replace").rstrip())


def _enlarge(fd: int) -> None:
    """Let a whole megabyte be in flight; fewer hand-overs between the processes."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # over the user's limit: the default size works too
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
