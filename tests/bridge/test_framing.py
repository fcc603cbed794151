from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from tfjs_verify.bridge.framing import (
    EndOfStream,
    FrameReader,
    MalformedFrame,
    WaitedTooLong,
    write_frame,
)


@pytest.fixture
def pipe():
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    yield read, write
    for fd in (read, write):
        try:
            os.close(fd)
        except OSError:
            continue  # the test closed it


def soon() -> float:
    return time.monotonic() + 20


def test_a_frame_larger_than_the_pipe_goes_through(pipe):
    read, write = pipe
    sent = np.random.default_rng(0).bytes(3_000_001)
    chunks = [memoryview(sent[:7]), memoryview(b""), memoryview(sent[7:])]
    writer = threading.Thread(target=write_frame, args=(write, {"id": 1}, chunks, soon()))
    writer.start()
    frame = FrameReader(read).read(soon())
    writer.join()
    assert frame.message == {"id": 1}
    assert bytes(frame.attachment) == sent


def test_frames_that_arrive_together_are_told_apart(pipe):
    read, write = pipe
    for number in range(3):
        write_frame(write, {"id": number}, [memoryview(b"abc" * number)], soon())
    reader = FrameReader(read)
    frames = [reader.read(soon()) for _ in range(3)]
    assert [frame.message["id"] for frame in frames] == [0, 1, 2]
    assert [bytes(frame.attachment) for frame in frames] == [b"", b"abc", b"abcabc"]


def test_a_frame_that_arrives_byte_by_byte_is_read(pipe):
    read, write = pipe
    data = b'Content-Length: 8\r\nAttachment-Length: 2\r\n\r\n{"id":5}xy'

    def trickle():
        for byte in data:
            os.write(write, bytes([byte]))

    threading.Thread(target=trickle).start()
    frame = FrameReader(read).read(soon())
    assert (frame.message, bytes(frame.attachment)) == ({"id": 5}, b"xy")


@pytest.mark.parametrize(
    "data",
    [
        b"Hello from a native library\n",
        b"Content-Length: x\r\n\r\n",
        b"Content-Length: 2\r\nContent-Type: y\r\n\r\n{}",
        b"Content-Length: 3\r\n\r\n{]}",
        b"Content-Length: 2\r\n\r\n[]",
        b"Content-Length: 99999999999999\r\n\r\n",
        b"Content-Length: 1" + b"0" * 5000,
    ],
)
def test_bytes_that_are_no_frame_are_refused(pipe, data):
    read, write = pipe
    os.write(write, data)
    with pytest.raises(MalformedFrame):
        FrameReader(read).read(soon())


@pytest.mark.parametrize("data", [b"", b"Content-Le", b"Content-Length: 40\r\n\r\n{"])
def test_an_end_inside_or_before_a_frame_is_told(pipe, data):
    read, write = pipe
    os.write(write, data)
    os.close(write)
    with pytest.raises(EndOfStream):
        FrameReader(read).read(soon())


def test_neither_a_silent_nor_a_deaf_peer_holds_the_caller(pipe):
    read, write = pipe
    with pytest.raises(WaitedTooLong):
        FrameReader(read).read(time.monotonic() + 0.05)
    with pytest.raises(WaitedTooLong):
        write_frame(write, {}, [memoryview(bytes(4_000_000))], time.monotonic() + 0.05)


def test_a_peer_that_is_gone_is_told(pipe):
    read, write = pipe
    os.close(read)
    with pytest.raises(EndOfStream):
        write_frame(write, {}, [], soon())
