"""One Node process: started, listened to, ended, and described when it dies."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from tfjs_verify.errors import EnvironmentProblem
from tfjs_verify.lifetime import Closing

_IN_FLIGHT_BYTES = 1 << 20
_STDERR_LINES = 200
_QUOTED_LINES = 12
_PATIENCE_S = 2.0


class NodeProcess(Closing):
    """A child process whose stdin and stdout are the wire and whose stderr is kept for errors.

    Its life ends when its stdin ends, so that a killed parent leaves no orphan behind. Both are
    sockets: of a pipe, writer and reader take turns, while on a socket they work at the same time,
    which moves tensors in half the time.
    """

    def __init__(self, command: Sequence[str], *, env: dict[str, str] | None = None) -> None:
        """Start `command`; raises EnvironmentProblem where it cannot be started."""
        self._input, its_stdin = _socket_pair()
        self._output, its_stdout = _socket_pair()
        with its_stdin, its_stdout:
            try:
                self._popen: subprocess.Popen[bytes] = subprocess.Popen(
                    command,
                    stdin=its_stdin.fileno(),
                    stdout=its_stdout.fileno(),
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    env=env,
                    start_new_session=True,  # Ctrl-C reaches us; we end the process in order
                )
            except OSError as error:
                self._input.close()
                self._output.close()
                raise EnvironmentProblem(
                    f"Node cannot be started as {command[0]!r}: {error.strerror}. "
                    "Run `tfjs-verify doctor` to see what is installed."
                ) from error
        self.write_fd = self._input.fileno()
        self.read_fd = self._output.fileno()
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._drain = threading.Thread(
            target=_keep_lines, args=(self._stderr_stream, self._stderr), daemon=True
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
        self._input.close()

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
        for stream in (self._input, self._output, self._stderr_stream):
            stream.close()

    @property
    def _stderr_stream(self) -> IO[bytes]:
        assert self._popen.stderr is not None  # it was asked for
        return self._popen.stderr


def _keep_lines(stream: IO[bytes], lines: deque[str]) -> None:
    with suppress(ValueError, OSError):  # the stream is closed under us when the process is reaped
        for line in iter(stream.readline, b""):
            lines.append(line.decode(errors="replace").rstrip())


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    """Our end, which never blocks, and the child's; as much in flight as the system allows."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    for end in (ours, theirs):
        with suppress(OSError):  # some systems refuse what is over their limit: less works too
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _IN_FLIGHT_BYTES)
    return ours, theirs
