"""The parent's end of the conversion worker: one process, replaced when it dies or overstays."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tfjs_verify.conversion.options import ConversionOptions
from tfjs_verify.errors import ArtifactError, ConversionError, EnvironmentProblem
from tfjs_verify.lifetime import Closing
from tfjs_verify.model import Model

_STDERR_LINES = 200
_QUOTED_LINES = 5
_CLOSE_SECONDS = 5.0


class ConversionWorker(Closing):
    """A warm process that converts one model after another.

    It starts with the first conversion. A process that crashed, or that was ended because it missed
    its deadline, is replaced at the next one. Use it as a context manager.
    """

    def __init__(self) -> None:
        self._process: _Process | None = None

    def convert(
        self, model: Model, directory: Path, options: ConversionOptions, *, timeout: float
    ) -> None:
        """Fills `directory`; raises ConversionError where the model cannot be converted."""
        self._ask("convert", model, options, timeout, directory=str(directory))

    def inspect(self, model: Model, options: ConversionOptions, *, timeout: float) -> Any:
        """What `preflight.inspection` finds out about a model; raises ConversionError likewise."""
        return self._ask("inspect", model, options, timeout, directory="")

    def _ask(
        self, task: str, model: Model, options: ConversionOptions, timeout: float, *, directory: str
    ) -> Any:
        return self._request(
            {
                "task": task,
                "name": model.path,
                "saved_model": str(model.saved_model),
                "tags": list(model.tags),
                "signature_key": model.signature_key,
                "directory": directory,
                "options": options.as_json(),
            },
            shown=model.path,
            timeout=timeout,
        )

    def warm_up(self) -> None:
        """Starts the process now; it loads TensorFlow while the caller does something else."""
        if self._process is None:
            self._process = _Process.start()

    def close(self) -> None:
        """Ends the process, if there is one."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _request(self, request: dict[str, Any], *, shown: str, timeout: float) -> Any:
        self.warm_up()
        process = self._process
        assert process is not None
        try:
            reply = process.ask(request, timeout)
        except BaseException:
            self._process = None
            process.kill()
            raise
        if reply is _MISSED:
            self._process = None
            process.kill()
            raise ConversionError(
                f"{shown}: the conversion did not end within {timeout:g} s and was stopped; if the"
                " model is merely large, allow more with --timeout.",
                cause_type="Timeout",
            )
        if reply is _DIED:
            self._process = None
            raise ConversionError(
                f"{shown}: the conversion process {process.ending()}.{process.last_words()}",
                cause_type="Crash",
            )
        return _result(reply)


def _result(reply: Any) -> Any:
    error = reply.get("error")
    if error is None:
        return reply["result"]
    if error["kind"] == "disk":
        raise EnvironmentProblem(error["message"])
    if error["kind"] == "output":
        raise ArtifactError(error["message"])
    raise ConversionError(error["message"], ops=tuple(error["ops"]), cause_type=error["type"])


_DIED = object()
_MISSED = object()


@dataclass
class _Process:
    """A running worker and the threads that read it."""

    popen: subprocess.Popen[bytes]
    replies: queue.SimpleQueue[Any]
    stderr: deque[str]
    readers: tuple[threading.Thread, ...]

    @classmethod
    def start(cls) -> _Process:
        package_root = str(Path(__file__).resolve().parents[2])
        search_path = [package_root, *filter(None, [os.environ.get("PYTHONPATH")])]
        popen = subprocess.Popen(
            [sys.executable, "-m", "tfjs_verify.conversion.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(search_path),
                "TF_CPP_MIN_LOG_LEVEL": "2",
                "TFDF_DISABLE_WELCOME_MESSAGE": "1",
                "CUDA_VISIBLE_DEVICES": "-1",
            },
        )
        replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
        stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        readers = (
            threading.Thread(target=_read_replies, args=(popen.stdout, replies), daemon=True),
            threading.Thread(target=_read_stderr, args=(popen.stderr, stderr), daemon=True),
        )
        for reader in readers:
            reader.start()
        return cls(popen, replies, stderr, readers)

    def ask(self, request: dict[str, Any], timeout: float) -> Any:
        assert self.popen.stdin is not None
        try:
            self.popen.stdin.write(json.dumps(request).encode() + b"\n")
            self.popen.stdin.flush()
        except BrokenPipeError:
            return _DIED
        try:
            return self.replies.get(timeout=timeout)
        except queue.Empty:
            return _MISSED

    def ending(self) -> str:
        code = self.popen.wait()
        self._join()
        if code < 0:
            return f"crashed with {signal.Signals(-code).name}"
        return f"ended with exit status {code}"

    def last_words(self) -> str:
        lines = [line for line in self.stderr if line.strip()][-_QUOTED_LINES:]
        return " Its last words on stderr:\n  " + "\n  ".join(lines) if lines else ""

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()
        self._join()

    def close(self) -> None:
        assert self.popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.popen.stdin.close()
        try:
            self.popen.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self._join()

    def _join(self) -> None:
        for reader in self.readers:
            reader.join(_CLOSE_SECONDS)
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def _read_replies(pipe: IO[bytes], replies: queue.SimpleQueue[Any]) -> None:
    for line in pipe:
        replies.put(json.loads(line))
    replies.put(_DIED)


def _read_stderr(pipe: IO[bytes], lines: deque[str]) -> None:
    for line in pipe:
        lines.append(line.decode(errors="replace").rstrip())
