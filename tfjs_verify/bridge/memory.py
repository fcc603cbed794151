"""Memory for attachments, used again when nobody looks at it any more."""

from __future__ import annotations

import weakref

import numpy as np
from numpy.typing import NDArray

_WORTH_KEEPING = 1 << 20


class AttachmentMemory:
    """Lends memory that nobody has zeroed, and keeps the last large piece that came back.

    Fresh pages for 64 MiB cost the system as much as moving the bytes, and several times that when
    its memory is fragmented.
    """

    def __init__(self) -> None:
        self._spare: NDArray[np.uint8] | None = None

    def lend(self, size: int) -> memoryview:
        """`size` bytes; they come back when the last view of them, array or slice, is gone."""
        if size < _WORTH_KEEPING:
            return np.empty(size, dtype=np.uint8).data
        spare, self._spare = self._spare, None
        if spare is None or not size <= spare.nbytes <= 2 * size:
            spare = np.empty(size, dtype=np.uint8)
        lent = spare[:size]
        weakref.finalize(lent, self._take_back, spare).atexit = False
        return lent.data

    def _take_back(self, memory: NDArray[np.uint8]) -> None:
        self._spare = memory
