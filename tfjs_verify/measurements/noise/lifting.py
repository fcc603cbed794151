"""A float32 graph rewritten to compute in float64: real numbers, as far as 53 bits go.

Types are rewritten wherever TensorFlow has a float64 kernel, which it is asked (`dtypes`); where
it has none, the op's definition takes its place (`definitions`). What has neither computes on in
float32 between two casts, and is an obstacle, unless all that it gives are integers or booleans.
Constants stay as they are and are widened, which is exact. Nothing is compiled: Keras gives grouped
convolutions to XLA, which compiles those of float64 for seconds, to loops that take fifty times as
long as TensorFlow's kernel.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from tfjs_verify.measurements.noise.absorption import ABSORBING
from tfjs_verify.measurements.noise.angles import PERIODIC
from tfjs_verify.measurements.noise.bodies import Body
from tfjs_verify.measurements.noise.definitions import Definition, trace
from tfjs_verify.measurements.noise.dither import Terms, add_dither, add_signs
from tfjs_verify.measurements.noise.dtypes import lifted_types
from tfjs_verify.measurements.noise.layouts import channels_last
from tfjs_verify.measurements.noise.products import PRODUCTS
from tfjs_verify.measurements.noise.rewriting import Rewrite
from tfjs_verify.measurements.noise.sequence import SEQUENTIAL

_COMPILED = "_XlaMustCompile"
_ROUNDED = frozenset({*ABSORBING, *PERIODIC, *PRODUCTS, *SEQUENTIAL})
"""Ops whose definitions round on purpose, and are not lifted themselves."""


@dataclass(frozen=True)
class Lifted:
    """A graph in float64."""

    graph: Any
    obstacles: tuple[str, ...]
    """What still computes in float32, as "Op (node)"."""
    random: tuple[str, ...]
    """What draws random numbers anew at every call, as "Op (node)"."""


def lift(
    graph: Any,
    *,
    suffix: str,
    dither: bool = False,
    seed: int = 0,
    narrow: Collection[str] = (),
) -> Lifted:
    """Lifts a GraphDef and its function library.

    Functions are renamed with `suffix`, which must be new in this process: TensorFlow knows
    functions by name alone. With `dither`, random rounding noise of float32 follows every op
    that rounds to that: what the model itself computes in float64 stays as it is. Nodes that are
    called as one in `narrow` compute in float32.
    """
    return _Lifting(graph, suffix, dither, seed, narrow).run()


class _Lifting:
    def __init__(
        self, graph: Any, suffix: str, dither: bool, seed: int, narrow: Collection[str]
    ) -> None:
        self._source = graph
        self._functions = {function.signature.name for function in graph.library.function}
        self._suffix = suffix
        self.dithers = dither
        self.narrow = narrow
        self._seed = seed
        self._obstacles: list[str] = []
        self._random: list[str] = []
        self._definitions: dict[bytes, str] = {}
        self._library: list[Any] = []

    def run(self) -> Lifted:
        from tensorflow.core.framework import graph_pb2

        result = graph_pb2.GraphDef(versions=self._source.versions)
        for function in self._source.library.function:
            self._library.append(self._function(function))
        nodes = channels_last(self._source.node, function=False)
        result.node.extend(Rewrite(self, nodes, function=False).run().nodes)
        result.library.function.extend(self._library)
        return Lifted(
            result, tuple(dict.fromkeys(self._obstacles)), tuple(dict.fromkeys(self._random))
        )

    def _function(self, function: Any, *, defines: bool = False) -> Any:
        from tensorflow.core.framework import function_pb2

        wide = lifted_types()
        result = function_pb2.FunctionDef()
        result.CopyFrom(function)
        result.signature.name += self._suffix
        result.attr.pop(_COMPILED, None)
        for argument in (*result.signature.input_arg, *result.signature.output_arg):
            argument.type = wide.get(argument.type, argument.type)
        del result.node_def[:]
        nodes = channels_last(function.node_def, function=True)
        rewrite = Rewrite(self, nodes, function=True, defines=defines)
        result.node_def.extend(rewrite.run().nodes)
        for name, reference in function.ret.items():
            result.ret[name] = rewrite.redirected(reference)
        return result

    def obstacle(self, node: Any) -> None:
        self._obstacles.append(f"{node.op} ({node.name})")

    def random(self, node: Any) -> None:
        self._random.append(f"{node.op} ({node.name})")

    def rename(self, node: Any) -> None:
        """Lets a node call the lifted functions, as they are."""
        node.attr.pop(_COMPILED, None)
        if node.op in self._functions:
            node.op += self._suffix
        for value in node.attr.values():
            if value.func.name in self._functions:
                value.func.name += self._suffix
            for function in value.list.func:
                if function.name in self._functions:
                    function.name += self._suffix

    def defined(self, node: Any, dtypes: tuple[int, ...], definition: Definition) -> str:
        """The name of a function of the library that means what `node` does."""
        from tensorflow.core.framework import node_def_pb2

        alike = node_def_pb2.NodeDef(op=node.op, attr=node.attr)
        key = alike.SerializeToString(deterministic=True) + bytes(dtypes)
        if key not in self._definitions:
            traced, called = trace(definition, node.attr, dtypes)
            self._library.extend(called)
            if node.op not in _ROUNDED:
                traced = self._function(traced, defines=True)
            traced.attr["_noinline"].b = True  # inlined, its nodes could be called like others
            self._library.append(traced)
            self._definitions[key] = traced.signature.name
        return self._definitions[key]

    def dither(
        self, body: Body, node: str, reference: str, narrow: int, terms: Terms | None = None
    ) -> str:
        self._seed += 1
        return add_dither(body, f"{node}/rounding", reference, narrow, self._seed, terms)

    def sign(self, body: Body, node: str, exact: str, dithered: str, dtype: int) -> str:
        self._seed += 1
        return add_signs(body, f"{node}/signs", exact, dithered, dtype, self._seed)
