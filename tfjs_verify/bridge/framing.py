"""Frames over a pair of file descriptors: a header block, JSON, raw attachment bytes.

Both descriptors are non-blocking and every wait has a deadline (a `time.monotonic()` instant), so
that a peer which neither reads nor answers cannot hold the caller. bridge/README.md has the format.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tfjs_verify.bridge.memory import AttachmentMemory

_HEADER_LIMIT = 4096
_READ_AHEAD = 8192
_MAX_CHUNKS_PER_WRITE = 64
_MAX_FRAME = 1 << 40


class EndOfStream(Exception):
    """The peer closed its end, in the middle of a frame or before one."""


class MalformedFrame(Exception):
    """The bytes are not a frame of our format."""


class WaitedTooLong(Exception):
    """The deadline passed before the frame was through."""


@dataclass(frozen=True)
class Frame:
    """One message: its JSON document, and the bytes that tensor descriptors point into."""

    message: dict[str, Any]
    attachment: memoryview


def write_frame(
    fd: int, message: dict[str, Any], chunks: Sequence[memoryview], deadline: float
) -> None:
    """Write one frame without joining its chunks.

    Raises EndOfStream where the peer is gone, WaitedTooLong past the deadline.
    """
    body = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    header = f"Content-Length: {len(body)}\r\n"
    size = sum(chunk.nbytes for chunk in chunks)
    if size:
        header += f"Attachment-Length: {size}\r\n"
    pending = [memoryview(header.encode() + b"\r\n" + body), *(c for c in chunks if c.nbytes)]
    while pending:
        try:
            written = os.writev(fd, pending[:_MAX_CHUNKS_PER_WRITE])
        except BlockingIOError:
            _wait(fd, select.POLLOUT, deadline)
            continue
        except ConnectionError:  # a closed pipe, or a socket closed before all was read
            raise EndOfStream("the peer closed its input") from None
        while pending and written >= pending[0].nbytes:
            written -= pending.pop(0).nbytes
        if written:
            pending[0] = pending[0][written:]


class FrameReader:
    """Reads frames from one descriptor; keeps what it read ahead of the current frame."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._ahead = b""
        self._memory = AttachmentMemory()

    def read(self, deadline: float) -> Frame:
        """The next frame.

        Raises EndOfStream, MalformedFrame (with the bytes that were there) or WaitedTooLong.
        """
        body_length, attachment_length = self._read_header(deadline)
        body = self._read_exactly(body_length, deadline)
        attachment = self._read_exactly(attachment_length, deadline)
        try:
            message = json.loads(bytes(body))
        except ValueError as error:
            raise MalformedFrame(f"the JSON of a frame cannot be read: {error}") from error
        if not isinstance(message, dict):
            raise MalformedFrame(f"a frame holds {type(message).__name__}, not an object")
        return Frame(message, attachment)

    def _read_header(self, deadline: float) -> tuple[int, int]:
        while b"\r\n\r\n" not in self._ahead:
            if (
                not b"Content-Length:".startswith(self._ahead[:15])
                or len(self._ahead) > _HEADER_LIMIT
            ):
                raise MalformedFrame(f"expected 'Content-Length:', got {self._ahead[:80]!r}")
            self._ahead += self._read_some(deadline)
        header, self._ahead = self._ahead.split(b"\r\n\r\n", 1)
        lengths: dict[bytes, int] = {}
        for line in header.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name not in (b"Content-Length", b"Attachment-Length") or not value.strip().isdigit():
                raise MalformedFrame(f"not a header line of a frame: {line[:80]!r}")
            lengths[name] = int(value)
        if b"Content-Length" not in lengths or max(lengths.values()) > _MAX_FRAME:
            raise MalformedFrame(f"not the header of a frame: {header[:80]!r}")
        return lengths[b"Content-Length"], lengths.get(b"Attachment-Length", 0)

    def _read_exactly(self, size: int, deadline: float) -> memoryview:
        buffer = self._memory.lend(size)
        filled = min(size, len(self._ahead))
        buffer[:filled] = self._ahead[:filled]
        self._ahead = self._ahead[filled:]
        while filled < size:
            try:
                count = os.readv(self._fd, [buffer[filled:]])
            except BlockingIOError:
                _wait(self._fd, select.POLLIN, deadline)
                continue
            if not count:
                raise EndOfStream(f"the stream ended after {filled} of {size} bytes")
            filled += count
        return buffer

    def _read_some(self, deadline: float) -> bytes:
        while True:
            try:
                data = os.read(self._fd, _READ_AHEAD)
            except BlockingIOError:
                _wait(self._fd, select.POLLIN, deadline)
                continue
            if not data:
                raise EndOfStream("the stream ended between frames")
            return data


def _wait(fd: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(fd, event)
    remaining = deadline - time.monotonic()
    if remaining <= 0 or not poll.poll(remaining * 1000):
        raise WaitedTooLong
