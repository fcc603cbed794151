"""The rewrite of one body, a graph's or a function's, node by node."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, TypeAlias

from tfjs_verify.measurements.graph_facts import draws_anew, draws_random_numbers
from tfjs_verify.measurements.noise.absorption import ABSORBING
from tfjs_verify.measurements.noise.angles import PERIODIC
from tfjs_verify.measurements.noise.bodies import Body
from tfjs_verify.measurements.noise.definitions import DEFINITIONS, STEPS, Definition
from tfjs_verify.measurements.noise.dither import EXACT, Terms, terms_of
from tfjs_verify.measurements.noise.dtypes import (
    FLOAT32_DIGITS,
    Port,
    definition_of,
    digits,
    fill_defaults,
    has_kernel,
    lift_attributes,
    lifted_types,
    lowered_types,
    ports,
    wide_types,
)
from tfjs_verify.measurements.noise.products import PRODUCTS
from tfjs_verify.measurements.noise.sequence import SEQUENTIAL

_FLOW = frozenset({"flow", "flow_in", "flow_out"})
"""Arguments of tensor arrays that only order them; their value means nothing."""

_AGAIN = "/again"
"""What is added to the name of a node that computes a second time, from dithered terms."""

_BACKWARD = 4.0
"""What an op hides of its rounding in float32: for most kernels, slightly other operands."""


Types: TypeAlias = tuple[int, ...]
"""Enum values."""


class Whole(Protocol):
    """What the rewrite of one body asks of the whole."""

    dithers: bool
    narrow: Collection[str]
    """The names of nodes that compute in float32."""

    def obstacle(self, node: Any) -> None:
        """Note that `node` stays in float32."""

    def random(self, node: Any) -> None:
        """Note that `node` draws random numbers."""

    def rename(self, node: Any) -> None:
        """Let `node` call the lifted functions."""

    def defined(self, node: Any, dtypes: tuple[int, ...], definition: Definition) -> str:
        """The name of a function of the library that means what `node` does."""

    def dither(
        self, body: Body, node: str, reference: str, narrow: int, terms: Terms | None = None
    ) -> str:
        """Add random rounding to `narrow` to a tensor; the reference of the result."""

    def sign(self, body: Body, node: str, exact: str, dithered: str, dtype: int) -> str:
        """Let the elements of `dithered` deviate either way; the reference of the result."""


class Rewrite:
    """The rewrite of one body: first every node, then every reference between them."""

    def __init__(
        self, whole: Whole, nodes: Sequence[Any], *, function: bool, defines: bool = False
    ) -> None:
        """`function` where the body is a function's, `defines` where that is a definition."""
        self._whole = whole
        self._defines = defines
        self._nodes = nodes
        self._named = {node.name: node for node in nodes}
        self._body = Body(function=function, taken=[node.name for node in nodes])
        self._redirects: dict[str, str] = {}
        self._kept: list[tuple[Any, Callable[[int, str], str]]] = []

    def run(self) -> Body:
        """Rewrite everything; the new body."""
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
        if node.op == "Const" or draws_random_numbers(node.op):
            if draws_anew(node.op):
                self._whole.random(node)
            self._border(node, inputs, outputs)
            return
        rounded = self._rounded(node.op, inputs, outputs)
        narrow = type(node)()
        narrow.CopyFrom(node)
        lift_attributes(node)
        fixed = any(p.fixed and p.type in lossy for p in (*inputs, *outputs))
        changed = narrow != node
        named = {node.name, node.name + _AGAIN} & {*self._whole.narrow}
        refused = bool(named) or not has_kernel(node, definition)
        if (changed and refused) or fixed:
            if node.op in DEFINITIONS:
                coarse = _coarse(rounded)
                self._replace(node, narrow, inputs, outputs, DEFINITIONS[node.op], rounded=coarse)
                return
            if refused:
                node.CopyFrom(narrow)
        self._whole.rename(node)
        lifted_inputs = ports(node, definition.input_arg)
        lifted_outputs = ports(node, definition.output_arg)
        double = self._is_double(outputs)
        if double or not lifted_outputs or lifted_outputs[0].type != _double():
            self._border(node, lifted_inputs, lifted_outputs, rounded)
        elif node.op in ABSORBING and not self._adds_constant(node):
            absorbing = ABSORBING[node.op]
            self._replace(node, node, lifted_inputs, lifted_outputs, absorbing, rounded=rounded)
        elif rounded and node.op in SEQUENTIAL:
            self._add_up(node, lifted_inputs, lifted_outputs, rounded)
        elif rounded and node.op in PERIODIC:
            periodic = PERIODIC[node.op]
            self._replace(node, node, lifted_inputs, lifted_outputs, periodic, rounded=rounded)
        elif rounded and node.op in STEPS:
            steps, coarse = STEPS[node.op], _coarse(rounded)
            self._replace(node, node, lifted_inputs, lifted_outputs, steps, rounded=coarse)
        else:
            self._border(node, lifted_inputs, lifted_outputs, rounded)

    def _rounded(self, op: str, inputs: Sequence[Port], outputs: Sequence[Port]) -> Types:
        """The types that the model rounds the outputs to; none where `op` rounds nothing."""
        if not self._whole.dithers or op in EXACT or self._is_double(outputs):
            return ()
        if op == "Cast" and digits(outputs[0].type) >= digits(inputs[0].type):
            return ()
        return tuple(lowered_types().get(port.type, port.type) for port in outputs)

    def _is_double(self, outputs: Sequence[Port]) -> bool:
        """Whether the model itself computes this in float64, and rounds as good as nothing."""
        return not self._defines and any(port.type in wide_types() for port in outputs)

    def _adds_constant(self, node: Any) -> bool:
        return any(self._constant(reference) is not None for reference in node.input)

    def _add_up(
        self, node: Any, inputs: Sequence[Port], outputs: Sequence[Port], rounded: Types
    ) -> None:
        """Makes `node` a sum in order, of its terms as they are and of dithered ones."""
        references = list(node.input)
        references.insert(len(inputs), references[0])  # what only orders the node stays last
        del node.input[:]
        node.input.extend(references)
        dithered = Terms(len(inputs))
        inputs = (*inputs, inputs[0])
        added = SEQUENTIAL[node.op]
        self._replace(node, node, inputs, outputs, added, terms=dithered, rounded=rounded)

    def _replace(
        self,
        node: Any,
        narrow: Any,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        definition: Definition,
        *,
        terms: Terms | None = None,
        rounded: Types = (),
    ) -> None:
        """Makes `node` a call of its definition: of dithered `terms`, its outputs `rounded`.

        Definitions that are lifted have their dither inside, that of float32.
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
            if rounded and given[position] in wide_types():
                new = self._whole.dither(self._body, node.name, new, rounded[position])
            if old != new:
                self._redirects[old] = new
        self._kept.append((node, self._dithering(node.name, terms, taken)))

    def _in_order(self, node: Any, inputs: Sequence[Port], exact: str, dithered: str) -> str:
        """What a kernel that adds up in order may make of a product; the reference of that."""
        from tensorflow.core.framework import node_def_pb2

        types = tuple(port.type for port in inputs)
        taken = (*types, _double(), _double())
        call = node_def_pb2.NodeDef(name=self._body.free(f"{node.name}/in_order"))
        call.op = "PartitionedCall"
        call.input.extend([*node.input[: len(types)], exact, dithered, *node.input[len(types) :]])
        call.attr["Tin"].list.type.extend(taken)
        call.attr["Tout"].list.type.append(_double())
        call.attr["f"].func.name = self._whole.defined(node, taken, PRODUCTS[node.op])
        self._body.nodes.append(call)
        results = {len(types): exact, len(types) + 1: dithered}
        self._kept.append((call, lambda position, reference: results.get(position, reference)))
        return self._body.reference(call.name, "output", 0, 0)

    def _dithering(
        self, name: str, terms: Terms | None, types: Sequence[int]
    ) -> Callable[[int, str], str]:
        """What makes of a reference to an operand one to its dithered terms."""

        def passed(position: int, reference: str) -> str:
            if terms is None or position != terms.operand:
                return reference
            narrow = lowered_types()[types[position]]
            return self._whole.dither(self._body, name, reference, narrow, terms)

        return passed

    def _border(
        self, node: Any, inputs: Sequence[Port], outputs: Sequence[Port], rounded: Types = ()
    ) -> None:
        """Casts what `node` takes and gives in float32; dithers what it gives, and is `rounded`."""
        narrow_inputs = {
            position: port for position, port in enumerate(inputs) if port.type in lifted_types()
        }
        narrow_outputs = {
            position: port for position, port in enumerate(outputs) if port.type in lifted_types()
        }
        given = node.op == "Const" or draws_random_numbers(node.op)
        obstacle = not given and any(p.argument not in _FLOW for p in narrow_outputs.values())
        if obstacle:
            self._whole.obstacle(node)
        terms = terms_of(node, self._filter_shape(node)) if rounded else None
        again = None
        if terms is not None and terms.shared and outputs[0].type in wide_types():
            again = self._body.keep(node)
            again.name = self._body.free(node.name + _AGAIN)
        for position, port in enumerate(outputs):
            old = self._body.reference(node.name, port.argument, port.index, position)
            new, dtype = old, port.type
            if position in narrow_outputs:
                dtype = lifted_types()[port.type]
                new = self._body.add(
                    f"{node.name}/widened", "Cast", [old], SrcT=port.type, DstT=dtype
                )
            if again is not None:
                other = self._body.reference(again.name, port.argument, port.index, position)
                new = self._whole.sign(self._body, node.name, old, other, dtype)
                if node.op in PRODUCTS and dtype == _double():
                    new = self._in_order(node, inputs, old, new)
            if rounded and dtype in wide_types() and port.argument not in _FLOW:
                new = self._whole.dither(self._body, node.name, new, rounded[position])
            if new != old:
                self._redirects[old] = new
        dithered = self._dithering(node.name, terms, [port.type for port in inputs])

        def passed(position: int, reference: str) -> str:
            kind = inputs[position].type
            wide = lifted_types().get(kind, kind)
            if rounded and obstacle and wide in wide_types():
                slightly, narrow = Terms(position, scale=_BACKWARD), lowered_types()[wide]
                reference = self._whole.dither(self._body, node.name, reference, narrow, slightly)
            if position in narrow_inputs:
                return self._body.add(
                    f"{node.name}/narrowed", "Cast", [reference],
                    SrcT=lifted_types()[kind], DstT=kind,
                )  # fmt: skip
            if inputs[position].type in wide_types():
                return dithered(position, reference)
            return reference

        if again is not None:
            self._kept.append((node, _unchanged))
        self._kept.append((node if again is None else again, passed))

    def _filter_shape(self, node: Any) -> tuple[int, ...]:
        """The shape of the constant that is the second operand; empty where none is."""
        constant = self._constant(node.input[1]) if len(node.input) > 1 else None
        if constant is None:
            return ()
        return tuple(dimension.size for dimension in constant.attr["value"].tensor.tensor_shape.dim)

    def _constant(self, reference: str) -> Any:
        """The constant that `reference` is, as it is or handed on; None where it is another."""
        source = self._named.get(reference.partition(":")[0])
        while source is not None and source.op == "Identity" and source.input:
            source = self._named.get(source.input[0].partition(":")[0])
        return source if source is not None and source.op == "Const" else None


def _unchanged(position: int, reference: str) -> str:
    return reference


def _coarse(rounded: Types) -> Types:
    """`rounded`, if one of these types has fewer digits than float32."""
    return rounded if any(digits(each) < FLOAT32_DIGITS for each in rounded) else ()


def _double() -> int:
    import tensorflow as tf

    return int(tf.float64.as_datatype_enum)
