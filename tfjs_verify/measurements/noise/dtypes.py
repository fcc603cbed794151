"""Which types an op has, which it could have, and which kernels TensorFlow holds for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

_LIFTED_NAMES: Mapping[str, str] = {
    "half": "float64",
    "bfloat16": "float64",
    "float32": "float64",
    "complex64": "complex128",
}


@lru_cache(maxsize=1)
def lifted_types() -> Mapping[int, int]:
    """From every floating-point type that loses digits to the one that does not, as enum values."""
    import tensorflow as tf

    return {
        tf.as_dtype(narrow).as_datatype_enum: tf.as_dtype(wide).as_datatype_enum
        for narrow, wide in _LIFTED_NAMES.items()
    }


@lru_cache(maxsize=1)
def lowered_types() -> Mapping[int, int]:
    """From float64 and complex128 to what TensorFlow.js has instead, as enum values."""
    import tensorflow as tf

    pairs = ((tf.float64, tf.float32), (tf.complex128, tf.complex64))
    return {wide.as_datatype_enum: narrow.as_datatype_enum for wide, narrow in pairs}


@lru_cache(maxsize=1)
def wide_types() -> frozenset[int]:
    """The types that lifting leads to."""
    return frozenset(lifted_types().values())


_DIGITS: Mapping[str, int] = {
    "float16": 11,
    "bfloat16": 8,
    "float64": 53,
    "complex128": 53,
}
FLOAT32_DIGITS = 24


def digits(dtype: int) -> int:
    """How many binary digits a number of this type has; of others than reals, as float32 has it."""
    import tensorflow as tf

    return _DIGITS.get(tf.as_dtype(dtype).name, FLOAT32_DIGITS)


@dataclass(frozen=True)
class Port:
    """One tensor that an op takes or gives."""

    argument: str
    index: int
    """Which of the tensors of its argument."""
    type: int
    fixed: bool
    """Whether the op's definition, and not an attribute, says the type."""


def definition_of(op: str) -> Any | None:
    """TensorFlow's OpDef; None for the name of a function."""
    from tensorflow.python.framework import op_def_registry

    return op_def_registry.get(op)


def fill_defaults(node: Any, definition: Any) -> None:
    """Writes out the attributes that a SavedModel leaves out because they have their default."""
    for attribute in definition.attr:
        if attribute.HasField("default_value") and attribute.name not in node.attr:
            node.attr[attribute.name].CopyFrom(attribute.default_value)


def ports(node: Any, arguments: Any) -> tuple[Port, ...]:
    """The tensors behind the `input_arg` or `output_arg` of a node's definition, in order."""
    return tuple(_ports(node, arguments))


def _ports(node: Any, arguments: Any) -> Iterator[Port]:
    for argument in arguments:
        if argument.type_list_attr:
            for index, each in enumerate(node.attr[argument.type_list_attr].list.type):
                yield Port(argument.name, index, each, False)
            continue
        count = node.attr[argument.number_attr].i if argument.number_attr else 1
        fixed = not argument.type_attr
        kind = argument.type if fixed else node.attr[argument.type_attr].type
        for index in range(count):
            yield Port(argument.name, index, kind, fixed)


def lift_attributes(node: Any) -> None:
    """Widens every attribute of `node` that is a type or a list of types."""
    wide = lifted_types()
    for name, value in node.attr.items():
        if name.startswith("_"):
            continue
        if value.WhichOneof("value") == "type":
            value.type = wide.get(value.type, value.type)
        elif value.list.type:
            types = [wide.get(each, each) for each in value.list.type]
            del value.list.type[:]
            value.list.type.extend(types)


def has_kernel(node: Any, definition: Any) -> bool:
    """Whether TensorFlow has a CPU kernel for `node` with just these types."""
    for attribute in definition.attr:
        allowed = attribute.allowed_values.list.type
        if allowed and not set(_types(node.attr[attribute.name])) <= set(allowed):
            return False
    return any(
        all(set(_types(node.attr[name])) <= types for name, types in constraints)
        for constraints in _kernels(node.op)
    )


def _types(value: Any) -> tuple[int, ...]:
    return (value.type,) if value.WhichOneof("value") == "type" else tuple(value.list.type)


@cache
def _kernels(op: str) -> tuple[tuple[tuple[str, frozenset[int]], ...], ...]:
    from tensorflow.python.framework import kernels

    return tuple(
        tuple((c.name, frozenset(c.allowed_values.list.type)) for c in kernel.constraint)
        for kernel in kernels.get_registered_kernels_for_op(op).kernel
        if kernel.device_type in ("CPU", "DEFAULT") and not kernel.label
    )
