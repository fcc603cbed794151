from __future__ import annotations

import numpy as np

from tfjs_verify.bridge.memory import AttachmentMemory

SIZE = 1 << 20


def address(view):
    return np.frombuffer(view, dtype=np.uint8).ctypes.data


def test_memory_that_nobody_looks_at_is_lent_again():
    memory = AttachmentMemory()
    first = memory.lend(SIZE)
    where = address(first)
    del first
    assert address(memory.lend(SIZE)) == where


def test_memory_that_an_array_looks_at_is_left_alone():
    memory = AttachmentMemory()
    first = memory.lend(SIZE)
    first[:] = bytes([7]) * SIZE
    array = np.frombuffer(first[8:], dtype="<f4").reshape(2, -1)[1:]
    expected = array.copy()
    del first
    for _ in range(3):
        memory.lend(SIZE)[:] = bytes(SIZE)
    np.testing.assert_array_equal(array, expected)


def test_a_small_attachment_does_not_hold_on_to_a_large_memory():
    memory = AttachmentMemory()
    large = memory.lend(8 * SIZE)
    where = address(large)
    del large
    small = memory.lend(SIZE)
    assert address(small) != where
    assert len(small) == SIZE
