"""Op graphs at the edges: unusual attributes, axes, shapes, dtypes and control flow.

Rows are those of `op_table`. Each was written to find something that converts and is wrong.
"""

from __future__ import annotations

from tests.corpus.edges import contractions, indexing, layers, loops, numbers, shapes
from tests.corpus.op_table import Entry

ROWS: tuple[Entry, ...] = (
    *layers.ROWS,
    *shapes.ROWS,
    *indexing.ROWS,
    *contractions.ROWS,
    *numbers.ROWS,
    *loops.ROWS,
)
