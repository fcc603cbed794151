"""What a repair is, and how one is declared.

A `Rewrite` is a named reason that reports show, the upstream issue where there is one, and a
function that edits a program and says which nodes it touched. Most replace one op by others, and
are declared by `expansion`:

    @expansion("Softsign", why="TensorFlow.js has no Softsign")
    def softsign(call, x):
        return x / (1.0 + tf.abs(x))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tfjs_verify.conversion.graph import Body, Program
from tfjs_verify.conversion.reasons import Reason
from tfjs_verify.conversion.splicing import Expansion, splice
from tfjs_verify.conversion.statics import Statics


@dataclass(frozen=True)
class Rewrite(Reason):
    """A named change of a graph that keeps what it computes in TensorFlow."""

    apply: Callable[[Program], Sequence[str]]
    """Edits the program in place; returns the names of the nodes that it touched."""
    upstream: str | None = None
    """The issue or source where this can be looked up."""


def expansion(
    *ops: str, why: str, name: str | None = None, upstream: str | None = None
) -> Callable[[Expansion], Rewrite]:
    """Declares the decorated function to be what nodes of these op types are replaced by."""

    def declare(expand: Expansion) -> Rewrite:
        def apply(program: Program) -> list[str]:
            return list(_expand(program, frozenset(ops), expand))

        return Rewrite(name or expand.__name__.replace("_", "-"), why, apply, upstream)

    return declare


def shown(body: Body, node: str) -> str:
    """A node's name as reports give it: with its function in front."""
    return f"{body.name}/{node}" if body.name else node


def _expand(program: Program, ops: frozenset[str], expand: Expansion) -> Iterator[str]:
    for body in program.bodies():
        names = [name for name, node in body.nodes.items() if node.op in ops]
        if not names:
            continue
        statics = Statics(body, program)
        for name in names:
            if splice(body, statics, name, expand):
                yield shown(body, name)
