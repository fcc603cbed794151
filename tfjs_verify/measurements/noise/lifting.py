"""A float32 graph rewritten to compute in float64: real numbers, as far as 53 bits go.

Types are rewritten wherever TensorFlow has a float64 kernel, which it is asked (`dtypes`); where
it has none, the op's definition takes its place (`definitions`). What has neither computes on in
float32 between two casts, and is an obstacle, unless all that it gives are integers or booleans.
Constants stay as they are and are widened, which is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tfjs_verify.measurements.noise.bodies import Body
from tfjs_verify.measurements.noise.definitions import DEFINITIONS, Definition, trace
from tfjs_verify.measurements.noise.dither import EXACT, Terms, add_dither, terms_of
from tfjs_verify.measurements.noise.dtypes import (
    Port,
    definition_of,
    fill_defaults,
    has_kernel,
    lift_attributes,
    lifted_types,
    ports,
    wide_types,
)
from tfjs_verify.measurements.noise.sequence import SEQUENTIAL

_FLOW = frozenset({"flow", "flow_in", "flow_out"})
"""Arguments of tensor arrays that only order them; their value means nothing."""

_DRAWS = (
    "Random", "Uniform", "StandardNormal", "TruncatedNormal", "ParameterizedTruncated",
    "Multinomial", "RngReadAndSkip",
)  # fmt: skip


@dataclass(frozen=True)
class Lifted:
    """A graph in float64."""

    graph: Any
    obstacles: tuple[str, ...]
    """What still computes in float32, as "Op (node)"."""
    random: tuple[str, ...]
    """What draws random numbers anew at every call, as "Op (node)"."""


def lift(graph: Any, *, suffix: str, dither: bool = False, seed: int = 0) -> Lifted:
    """Lifts a GraphDef and its function library.

    Functions are renamed with `suffix`, which must be new in this process: TensorFlow knows
    functions by name alone. With `dither`, random rounding noise of float32 follows every op
    that rounds.
    """
    return _Lifting(graph, suffix, dither, seed).run()


class _Lifting:
    def __init__(self, graph: Any, suffix: str, dither: bool, seed: int) -> None:
        self._source = graph
        self._functions = {function.signature.name for function in graph.library.function}
        self._suffix = suffix
        self._dither = dither
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
        result.node.extend(_Rewrite(self, self._source.node, function=False).run().nodes)
        result.library.function.extend(self._library)
        return Lifted(
            result, tuple(dict.fromkeys(self._obstacles)), tuple(dict.fromkeys(self._random))
        )

    def _function(self, function: Any) -> Any:
        from tensorflow.core.framework import function_pb2

        wide = lifted_types()
        result = function_pb2.FunctionDef()
        result.CopyFrom(function)
        result.signature.name += self._suffix
        for argument in (*result.signature.input_arg, *result.signature.output_arg):
            argument.type = wide.get(argument.type, argument.type)
        del result.node_def[:]
        rewrite = _Rewrite(self, function.node_def, function=True)
        result.node_def.extend(rewrite.run().nodes)
        for name, reference in function.ret.items():
            result.ret[name] = rewrite.redirected(reference)
        return result

    # --- what a rewrite of one body asks of the whole

    def obstacle(self, node: Any) -> None:
        self._obstacles.append(f"{node.op} ({node.name})")

    def random(self, node: Any) -> None:
        self._random.append(f"{node.op} ({node.name})")

    def rename(self, node: Any) -> None:
        """Lets a node call the lifted functions."""
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
            traced = trace(definition, node.attr, dtypes)
            if node.op not in SEQUENTIAL:  # what rounds on purpose stays as it is
                traced = self._function(traced)
            self._library.append(traced)
            self._definitions[key] = traced.signature.name
        return self._definitions[key]

    def dither(
        self, body: Body, node: str, reference: str, dtype: int, terms: Terms | None = None
    ) -> str:
        self._seed += 1
        return add_dither(body, f"{node}/rounding", reference, dtype, self._seed, terms)

    @property
    def dithers(self) -> bool:
        return self._dither


class _Rewrite:
    """The rewrite of one body: first every node, then every reference between them."""

    def __init__(self, whole: _Lifting, nodes: Sequence[Any], *, function: bool) -> None:
        self._whole = whole
        self._nodes = nodes
        self._named = {node.name: node for node in nodes}
        self._body = Body(function=function, taken=[node.name for node in nodes])
        self._redirects: dict[str, str] = {}
        self._kept: list[tuple[Any, Callable[[int, str], str]]] = []

    def run(self) -> Body:
        for node in self._nodes:
            self._node(node)
        for node, passed in self._kept:
            references = [self.redirected(reference) for reference in node.input]
            del node.input[:]
            node.input.extend(
                reference if reference.startswith("^") else passed(position, reference)
                for position, reference in enumerate(references)
            )
        return self._body

    def redirected(self, reference: str) -> str:
        """Where the tensor that was called `reference` is now."""
        normal = self._body.normal(reference)
        return self._redirects.get(normal, normal)

    def _node(self, original: Any) -> None:
        node = self._body.keep(original)
        definition = definition_of(node.op)
        if definition is None:
            self._whole.rename(node)
            self._kept.append((node, _unchanged))
            return
        fill_defaults(node, definition)
        inputs, outputs = ports(node, definition.input_arg), ports(node, definition.output_arg)
        lossy = lifted_types()
        if node.op == "Const":
            self._border(node, inputs, outputs)
            return
        if _draws_random_numbers(node.op):
            if definition.is_stateful:
                self._whole.random(node)
            self._border(node, inputs, outputs)
            return
        narrow = type(node)()
        narrow.CopyFrom(node)
        lift_attributes(node)
        fixed = any(p.fixed and p.type in lossy for p in (*inputs, *outputs))
        changed = narrow != node
        if (changed and not has_kernel(node, definition)) or fixed:
            if node.op in DEFINITIONS:
                self._replace(node, narrow, inputs, outputs, DEFINITIONS[node.op])
                return
            if not has_kernel(node, definition):
                node.CopyFrom(narrow)
        self._whole.rename(node)
        lifted_inputs = ports(node, definition.input_arg)
        lifted_outputs = ports(node, definition.output_arg)
        if self._whole.dithers and node.op in SEQUENTIAL and lifted_outputs[0].type == _double():
            added = SEQUENTIAL[node.op]
            self._replace(node, node, lifted_inputs, lifted_outputs, added, Terms(0))
            return
        self._border(node, lifted_inputs, lifted_outputs)

    def _replace(
        self,
        node: Any,
        narrow: Any,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        definition: Definition,
        terms: Terms | None = None,
    ) -> None:
        """Makes `node` a call of its definition; with `terms`, of dithered ones to a dithered sum.

        Definitions that are lifted have their dither inside.
        """
        from tensorflow.core.framework import node_def_pb2

        wide = lifted_types()
        taken = tuple(wide.get(port.type, port.type) for port in inputs)
        given = tuple(wide.get(port.type, port.type) for port in outputs)
        name = self._whole.defined(narrow, taken, definition)
        call = node_def_pb2.NodeDef(name=node.name, op="PartitionedCall", input=node.input)
        call.attr["Tin"].list.type.extend(taken)
        call.attr["Tout"].list.type.extend(given)
        call.attr["f"].func.name = name
        node.CopyFrom(call)
        for position, port in enumerate(outputs):
            old = self._body.reference(node.name, port.argument, port.index, position)
            new = self._body.reference(node.name, "output", position, position)
            if terms is not None:
                new = self._whole.dither(self._body, node.name, new, given[position])
            if old != new:
                self._redirects[old] = new
        self._kept.append((node, self._dithering(node.name, terms, taken)))

    def _dithering(
        self, name: str, terms: Terms | None, types: Sequence[int]
    ) -> Callable[[int, str], str]:
        """What makes of a reference to an operand one to its dithered terms."""

        def passed(position: int, reference: str) -> str:
            if terms is None or position != terms.operand:
                return reference
            return self._whole.dither(self._body, name, reference, types[position], terms)

        return passed

    def _border(self, node: Any, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
        """Casts what `node` takes and gives in float32, and dithers what it gives in float64."""
        narrow_inputs = {
            position: port for position, port in enumerate(inputs) if port.type in lifted_types()
        }
        narrow_outputs = {
            position: port for position, port in enumerate(outputs) if port.type in lifted_types()
        }
        given = node.op == "Const" or _draws_random_numbers(node.op)
        if not given and any(port.argument not in _FLOW for port in narrow_outputs.values()):
            self._whole.obstacle(node)
        rounds = self._whole.dithers and not given and node.op not in EXACT
        for position, port in enumerate(outputs):
            old = self._body.reference(node.name, port.argument, port.index, position)
            new, dtype = old, port.type
            if position in narrow_outputs:
                dtype = lifted_types()[port.type]
                new = self._body.add(
                    f"{node.name}/widened", "Cast", [old], SrcT=port.type, DstT=dtype
                )
            if rounds and dtype in wide_types() and port.argument not in _FLOW:
                new = self._whole.dither(self._body, node.name, new, dtype)
            if new != old:
                self._redirects[old] = new
        terms = terms_of(node, self._filter_shape(node)) if rounds else None
        dithered = self._dithering(node.name, terms, [port.type for port in inputs])

        def passed(position: int, reference: str) -> str:
            if position in narrow_inputs:
                kind = narrow_inputs[position].type
                return self._body.add(
                    f"{node.name}/narrowed", "Cast", [reference],
                    SrcT=lifted_types()[kind], DstT=kind,
                )  # fmt: skip
            if inputs[position].type in wide_types():
                return dithered(position, reference)
            return reference

        self._kept.append((node, passed))

    def _filter_shape(self, node: Any) -> tuple[int, ...]:
        """The shape of the constant that is the second operand; empty where none is."""
        source = node
        while source is not None and source.op != "Const":
            position = 0 if source.op == "Identity" else 1
            if (source is not node and position) or len(source.input) <= position:
                return ()
            source = self._named.get(source.input[position].partition(":")[0])
        if source is None:
            return ()
        return tuple(dimension.size for dimension in source.attr["value"].tensor.tensor_shape.dim)


def _unchanged(position: int, reference: str) -> str:
    return reference


def _double() -> int:
    import tensorflow as tf

    return int(tf.float64.as_datatype_enum)


def _draws_random_numbers(op: str) -> bool:
    """Whether an op draws numbers, which would be others in another type."""
    return op.removeprefix("Stateless").removeprefix("Stateful").startswith(_DRAWS)
