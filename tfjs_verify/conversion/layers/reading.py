"""A Keras model as calls of layers on tensors, the same for Keras 3 and for tf_keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tfjs_verify.errors import ConversionError
from tfjs_verify.tensors import Shape


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer (or of a nested model, or of a Keras 3 operation)."""

    layer: Any
    inputs: tuple[Ref, ...]
    """The tensors among the arguments, in the order in which Keras lists them."""
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    """Arguments as they were given, tensors replaced by their `Ref`."""
    output_shapes: tuple[Shape, ...]
    output_dtypes: tuple[str, ...]
    masked: bool
    """Whether Keras hands a mask to this call."""

    @property
    def is_input(self) -> bool:
        """Whether it is an input of the model, which is a call without arguments."""
        return not self.inputs and type(self.layer).__name__ == "InputLayer"


@dataclass(frozen=True, eq=False)
class Ref:
    """One output of a call."""

    call: Call
    index: int

    @property
    def shape(self) -> Shape:
        """The shape, batch included."""
        return self.call.output_shapes[self.index]

    @property
    def dtype(self) -> str:
        """TensorFlow's name of the dtype."""
        return self.call.output_dtypes[self.index]


@dataclass(frozen=True)
class Graph:
    """The calls that lead from a model's inputs to its outputs, each after what it needs."""

    name: str
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    calls: tuple[Call, ...]
    input_names: tuple[str, ...]
    """The names that the exported signature has for them, in the same order."""
    output_names: tuple[str, ...]


def is_model(layer: Any) -> bool:
    """Whether a layer is a model of layers, of either Keras."""
    return any(kind.__name__ in ("Functional", "Sequential") for kind in type(layer).__mro__)


def is_legacy(thing: Any) -> bool:
    """Whether a layer or model is tf_keras's."""
    return any(kind.__module__.partition(".")[0] == "tf_keras" for kind in type(thing).__mro__)


def read(model: Any) -> Graph:
    """The graph of a functional or sequential model.

    Raises ConversionError for a subclassed model, whose calls are Python code.
    """
    if not is_model(model) or not getattr(model, "inputs", None):
        raise ConversionError(
            f'model "{model.name}" ({type(model).__name__}) has no topology to translate, since its'
            " call is Python code; TF.js layers need a Functional or Sequential model. Use --format"
            " graph."
        )
    reader = _Reader()
    outputs = tuple(reader.ref(tensor) for tensor in model.outputs)
    inputs = tuple(reader.ref(tensor) for tensor in model.inputs)
    return Graph(
        name=str(model.name),
        inputs=inputs,
        outputs=outputs,
        calls=tuple(reader.calls.values()),
        input_names=_input_names(model),
        output_names=_output_names(model, len(outputs)),
    )


def _input_names(model: Any) -> tuple[str, ...]:
    """In Keras 3 the signature has the names of tensors, in tf_keras those of layers."""
    if is_legacy(model):
        return tuple(str(name) for name in model.input_names)
    return tuple(str(tensor.name) for tensor in model.inputs)


def _output_names(model: Any, count: int) -> tuple[str, ...]:
    if is_legacy(model):
        return tuple(str(name) for name in model.output_names)
    structure = getattr(model, "_outputs_struct", None)
    if isinstance(structure, dict):
        return tuple(sorted(structure))
    return tuple(f"output_{index}" for index in range(count))


@dataclass
class _Reader:
    calls: dict[tuple[int, int], Call] = field(default_factory=dict)

    def ref(self, tensor: Any) -> Ref:
        """Follows a Keras tensor to where it comes from; deep models need no deep recursion."""
        operation, index, position = tensor._keras_history
        pending = [(operation, index)]
        while pending:
            operation_, index_ = pending[-1]
            key = (id(operation_), index_)
            if key in self.calls:
                pending.pop()
                continue
            node = operation_._inbound_nodes[index_]
            missing = [
                (history[0], history[1])
                for history in (given._keras_history for given in _node_inputs(node))
                if (id(history[0]), history[1]) not in self.calls
            ]
            if missing:
                pending.extend(reversed(missing))
                continue
            pending.pop()
            self.calls[key] = self._call(operation_, node)
        return Ref(self.calls[(id(operation), index)], position)

    def _call(self, operation: Any, node: Any) -> Call:
        given = _node_inputs(node)
        args, kwargs = _arguments(node)
        outputs = list(_flat(node.outputs if hasattr(node, "outputs") else node.output_tensors))
        refs = tuple(self._known(tensor) for tensor in given)
        return Call(
            layer=operation,
            inputs=refs,
            args=tuple(self._replaced(value) for value in args),
            kwargs={k: self._replaced(value) for k, value in kwargs.items() if k != "mask"},
            output_shapes=tuple(tuple(tensor.shape) for tensor in outputs),
            output_dtypes=tuple(_dtype(tensor) for tensor in outputs),
            masked=any(getattr(tensor, "_keras_mask", None) is not None for tensor in given)
            or any(_is_tensor(part) for part in _flat(kwargs.get("mask"))),
        )

    def _known(self, tensor: Any) -> Ref:
        operation, index, position = tensor._keras_history
        return Ref(self.calls[(id(operation), index)], position)

    def _replaced(self, value: Any) -> Any:
        if _is_tensor(value):
            return self._known(value)
        if isinstance(value, (list, tuple)):
            return [self._replaced(part) for part in value]
        if isinstance(value, dict):
            return {key: self._replaced(part) for key, part in value.items()}
        return value


def _node_inputs(node: Any) -> list[Any]:
    """The tensors that a node takes, in order, without the masks that Keras passes along."""
    if hasattr(node, "keras_inputs"):
        return [] if node.is_input else list(node.keras_inputs)
    _, kwargs = _arguments(node)
    masks = {id(part) for part in _flat(kwargs.get("mask"))}
    return [tensor for tensor in node.input_tensors if id(tensor) not in masks]


def _arguments(node: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if hasattr(node, "call_args"):
        return tuple(node.call_args or ()), dict(node.call_kwargs or {})
    if node.arguments is None:
        return (), {}
    return tuple(node.arguments.args), dict(node.arguments.kwargs)


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "_keras_history")


def _flat(structure: Any) -> Iterator[Any]:
    if isinstance(structure, (list, tuple)):
        for part in structure:
            yield from _flat(part)
    elif isinstance(structure, dict):
        for key in sorted(structure):
            yield from _flat(structure[key])
    else:
        yield structure


def _dtype(tensor: Any) -> str:
    return str(getattr(tensor.dtype, "name", tensor.dtype))
