"""The repairs: what TensorFlow.js lacks or gets wrong, rewritten into what it gets right.

Every rewrite keeps what the graph computes in TensorFlow, which is how each is tested. They apply
to the main graph and to the bodies of functions (branches and loops) alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from tfjs_verify.conversion.graph import Program
from tfjs_verify.conversion.repairs import (
    arithmetic,
    bits,
    branches,
    channels,
    choosing,
    complex_numbers,
    convolutions,
    debugging,
    images,
    indexing,
    integers,
    loops,
    matrices,
    normalization,
    partitions,
    reductions,
    returns,
    rounding,
    sampling,
    shapes,
    strings,
)
from tfjs_verify.conversion.repairs.base import Rewrite
from tfjs_verify.conversion.repairs.log import RepairLog
from tfjs_verify.errors import ConversionError

__all__ = ["FINAL_REWRITES", "REWRITES", "RepairLog", "Rewrite", "debugging", "repair"]

REWRITES: tuple[Rewrite, ...] = (
    *branches.REWRITES,
    *channels.REWRITES,
    *arithmetic.REWRITES,
    *bits.REWRITES,
    *complex_numbers.REWRITES,
    *matrices.REWRITES,
    *indexing.REWRITES,
    *partitions.REWRITES,
    *normalization.REWRITES,
    *convolutions.REWRITES,
    *images.REWRITES,
    *rounding.REWRITES,
    *shapes.REWRITES,
    *choosing.REWRITES,
    *integers.REWRITES,
    *reductions.REWRITES,
    *sampling.REWRITES,
    *strings.REWRITES,
)
"""Before and after TensorFlow's own simplification."""
FINAL_REWRITES: tuple[Rewrite, ...] = (*loops.REWRITES, *returns.REWRITES)
"""Last of all: what simplification would undo."""
_ROUNDS = 8


def repair(program: Program, log: RepairLog, rewrites: Sequence[Rewrite] = REWRITES) -> None:
    """Applies the rewrites until none applies, and logs the nodes that each touched.

    What one rewrite puts in may be another's to replace, so several rounds may be needed.
    """
    for _ in range(_ROUNDS):
        changed = False
        for rewrite in rewrites:
            nodes = rewrite.apply(program)
            if nodes:
                changed = True
                log.add(rewrite, nodes)
        if not changed:
            return
        for body in program.bodies():
            body.prune()
    raise ConversionError(f"The repairs {', '.join(log.names)} do not come to an end.")
