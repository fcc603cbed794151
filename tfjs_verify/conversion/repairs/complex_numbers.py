"""Complex numbers as pairs of real ones.

The wasm backend has no complex numbers at all, and the cpu backend no slices of them and NaN for
some products. Where a graph computes with them in between (spectrograms, cosine transforms), every
complex tensor becomes two real ones, and a Fourier transform becomes matrix products. A complex
input or output of the model stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import node_def_pb2, types_pb2

from tfjs_verify.conversion.graph import (
    Body,
    Program,
    constant_value,
    data_inputs,
    node_of,
    tensor_of,
)
from tfjs_verify.conversion.repairs.base import Rewrite, shown
from tfjs_verify.conversion.repairs.fourier import Pair, fourier, transformable
from tfjs_verify.conversion.splicing import Call, insert
from tfjs_verify.conversion.statics import Statics

_PARTS = {
    types_pb2.DT_COMPLEX64: types_pb2.DT_FLOAT,
    types_pb2.DT_COMPLEX128: types_pb2.DT_DOUBLE,
}
_PARTWISE = frozenset(
    {
        *("Identity", "StopGradient", "Reshape", "Transpose", "ExpandDims", "Squeeze"),
        *("Slice", "StridedSlice", "ConcatV2", "Pack", "Unpack", "Split", "SplitV", "Tile"),
        *("Pad", "MirrorPad", "GatherV2", "GatherNd", "ReverseV2", "BroadcastTo", "ZerosLike"),
        *("Add", "AddV2", "AddN", "Sub", "Neg", "Sum", "Mean", "Select", "SelectV2"),
    }
)
"""What does to both parts what it does to the whole."""
_TAKING_APART = frozenset({"Real", "Imag"})


def _lower(program: Program) -> list[str]:
    return [name for body in program.bodies() for name in _lower_body(body, program)]


def _lower_body(body: Body, program: Program) -> Iterator[str]:
    if not any(node.op in _STARTING for node in body.nodes.values()):
        return
    statics = Statics(body, program)
    pairs: dict[str, tuple[str, str]] = {}
    wholes: dict[str, str] = {}
    for name in _in_order(body):
        node = body.nodes[name]
        complex_inputs = [_is_complex(statics, reference) for reference in data_inputs(node)]
        complex_outputs = [tensor.dtype.is_complex for tensor in statics.outputs(name)]
        if node.op == "Complex":
            real, imaginary = data_inputs(node)
            pairs[f"{name}:0"] = real, imaginary
        elif not any((*complex_inputs, *complex_outputs)) or _is_boundary(node, pairs):
            continue
        elif node.op in _PARTWISE:
            names = _split(body, node, pairs, complex_inputs)
            for index in range(len(complex_outputs)):
                suffix = f":{index}" if index else ""
                parts = names[0] + suffix, names[1] + suffix
                wholes.update(_recompose(body, node, index, parts, pairs))
            yield shown(body, name)
        elif node.op in _COMPUTED and _compute(body, statics, node, pairs):
            yield shown(body, name)
    body.redirect(wholes)


def _is_boundary(node: Any, pairs: Mapping[str, tuple[str, str]]) -> bool:
    """Whether the node takes apart what is not known in parts: a complex input of the model."""
    return node.op in _TAKING_APART and tensor_of(node.input[0]) not in pairs


def _split(
    body: Body, node: Any, pairs: dict[str, tuple[str, str]], complex_inputs: Sequence[bool]
) -> tuple[str, str]:
    """One copy of the node for the real parts and one for the imaginary ones."""
    names = []
    for part, suffix in enumerate(("real", "imaginary")):
        copy = node_def_pb2.NodeDef()
        copy.CopyFrom(node)
        copy.name = f"{node.name}/{suffix}"
        copy.input[:] = [
            _parts(body, reference, pairs)[part] if is_complex else reference
            for reference, is_complex in zip(data_inputs(node), complex_inputs, strict=True)
        ]
        for attribute in copy.attr.values():
            if attribute.type in _PARTS:
                attribute.type = _PARTS[attribute.type]
        names.append(body.add(copy))
    return names[0], names[1]


def _compute(body: Body, statics: Statics, node: Any, pairs: dict[str, tuple[str, str]]) -> bool:
    """Replaces a node by what its entry in `_COMPUTED` makes of the parts; False if it declines."""
    call = Call(node, tuple(statics.outputs(node.name)))
    sources: dict[str, str] = {}

    def operand(reference: str, shape: Any, dtype: Any) -> Any:
        value = body.constant(reference)
        if value is not None and not np.iscomplexobj(value):
            tensor = tf.constant(value, dtype)
        else:
            tensor = tf.compat.v1.placeholder(dtype, shape)
        sources[tensor.op.name] = tensor_of(reference)
        return tensor

    with tf.Graph().as_default() as trace:
        operands = []
        for reference in data_inputs(node):
            tensor = statics.tensor(reference)
            if tensor.dtype.is_complex:
                parts = _parts(body, reference, pairs)
                operands.append(tuple(operand(p, tensor.shape, tf.float32) for p in parts))
            else:
                operands.append(operand(reference, tensor.shape, tensor.dtype))
        result = _COMPUTED[node.op](call, *operands)
        if result is None:
            return False
    results = list(result) if isinstance(result, tuple) else [result]
    references = insert(body, node.name, trace, results, sources)
    if isinstance(result, tuple):
        _recompose(body, node, 0, (references[0], references[1]), pairs)
    else:
        identity = node_def_pb2.NodeDef(name=node.name, op="Identity", input=references)
        identity.attr["T"].type = results[0].dtype.as_datatype_enum
        body.nodes[node.name] = identity
    return True


def _recompose(
    body: Body, node: Any, index: int, parts: tuple[str, str], pairs: dict[str, tuple[str, str]]
) -> dict[str, str]:
    """Keeps the complex tensor for whoever takes it whole; otherwise it is pruned.

    Gives what references to a second or later output have to become.
    """
    whole = node_def_pb2.NodeDef(name=node.name, op="Complex", input=parts)
    whole.attr["T"].type, whole.attr["Tout"].type = types_pb2.DT_FLOAT, types_pb2.DT_COMPLEX64
    reference = f"{node.name}:{index}"
    pairs[reference] = parts
    if not index:
        body.nodes[node.name] = whole
        return {}
    whole.name = f"{node.name}/whole_{index}"
    name = body.add(whole)
    pairs[f"{name}:0"] = parts
    return {reference: name}


def _parts(body: Body, reference: str, pairs: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """The references of real and imaginary part; taken apart where something else gave it whole."""
    known = pairs.get(tensor_of(reference))
    if known is not None:
        return known
    names = []
    for op in ("Real", "Imag"):
        node = node_def_pb2.NodeDef(
            name=f"{node_of(reference)}/{op.lower()}", op=op, input=[reference]
        )
        node.attr["T"].type, node.attr["Tout"].type = types_pb2.DT_COMPLEX64, types_pb2.DT_FLOAT
        names.append(body.add(node))
    pairs[tensor_of(reference)] = names[0], names[1]
    return names[0], names[1]


def _is_complex(statics: Statics, reference: str) -> bool:
    return bool(statics.knows(reference) and statics.dtype(reference).is_complex)


def _in_order(body: Body) -> list[str]:
    """The nodes, each behind what it takes."""
    order: dict[str, None] = {}
    for start in body.nodes:
        waiting = [start]
        while waiting:
            name = waiting[-1]
            missing = [n for n in map(node_of, body.nodes[name].input) if n not in order]
            if missing and name not in order:
                waiting.extend(missing)
            else:
                order[waiting.pop()] = None
    return list(order)


def _constant(call: Call) -> Any:
    value = constant_value(call.node)
    return tf.constant(value.real, tf.float32), tf.constant(value.imag, tf.float32)


def _cast(call: Call, x: Any) -> Any:
    to = call.attribute("DstT")
    if isinstance(x, tuple):
        return x if to.is_complex else tf.cast(x[0], to)
    real = tf.cast(x, tf.float32)
    return real, tf.zeros_like(real)


def _product(call: Call, x: Pair, y: Pair) -> Pair:
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


def _quotient(call: Call, x: Pair, y: Pair) -> Pair:
    square = tf.square(y[0]) + tf.square(y[1])
    real, imaginary = _product(call, x, (y[0], -y[1]))
    return real / square, imaginary / square


def _matrix_product(call: Call, x: Pair, y: Pair) -> Pair:
    x, y = (
        (tf.linalg.matrix_transpose(part[0]), -tf.linalg.matrix_transpose(part[1]))
        if call.attribute(adjoint)
        else part
        for part, adjoint in ((x, "adj_x"), (y, "adj_y"))
    )
    options = {name: bool(call.attribute(name)) for name in ("transpose_a", "transpose_b")}
    return (
        tf.matmul(x[0], y[0], **options) - tf.matmul(x[1], y[1], **options),
        tf.matmul(x[0], y[1], **options) + tf.matmul(x[1], y[0], **options),
    )


def _exponential(call: Call, x: Pair) -> Pair:
    return tf.exp(x[0]) * tf.cos(x[1]), tf.exp(x[0]) * tf.sin(x[1])


def _magnitude(call: Call, x: Pair) -> Any:
    """Scaled by the larger part, so that squares neither overflow nor vanish."""
    largest = tf.maximum(tf.abs(x[0]), tf.abs(x[1]))
    a, b = (tf.math.divide_no_nan(part, largest) for part in x)
    return largest * tf.sqrt(tf.square(a) + tf.square(b))


def _transform(*, inverse: bool, dimensions: int = 1) -> Callable[..., Any]:
    def transform(call: Call, x: Pair) -> Pair | None:
        rank = x[0].shape.rank
        if rank is None or not all(map(transformable, x[0].shape.as_list()[-dimensions:])):
            return None
        count = int(np.prod(x[0].shape.as_list()[-dimensions:]))
        result = fourier(x, inverse=inverse)
        if dimensions == 2:
            result = _columns(fourier(_columns(result), inverse=inverse))
        return (result[0] / count, result[1] / count) if inverse else result

    return transform


def _columns(pair: Pair) -> Pair:
    return tf.linalg.matrix_transpose(pair[0]), tf.linalg.matrix_transpose(pair[1])


def _real_transform(call: Call, x: Any, length: Any) -> Pair | None:
    sizes = tf.get_static_value(length)
    given = None if x.shape.rank is None else x.shape[-1]
    if sizes is None or given is None or not transformable(int(sizes[0])):
        return None
    result = fourier((_fitted(x, int(sizes[0])), None))
    kept = int(sizes[0]) // 2 + 1
    return result[0][..., :kept], result[1][..., :kept]


def _inverse_real_transform(call: Call, x: Pair, length: Any) -> Any:
    """The other half of the spectrum is the mirrored conjugate."""
    sizes = tf.get_static_value(length)
    given = None if x[0].shape.rank is None else x[0].shape[-1]
    if sizes is None or given is None or not transformable(int(sizes[0])):
        return None
    count = int(sizes[0])
    real, imaginary = (_fitted(part, count // 2 + 1) for part in x)
    mirrored = [part[..., 1 : (count + 1) // 2] for part in (real, -imaginary)]
    whole = [
        tf.concat([part, tf.reverse(other, [-1])], axis=-1)
        for part, other in zip((real, imaginary), mirrored, strict=True)
    ]
    return fourier((whole[0], whole[1]), inverse=True)[0] / count


def _fitted(x: Any, length: int) -> Any:
    """Cut, or padded with zeros, along the last dimension."""
    x = x[..., :length]
    return tf.pad(x, [[0, 0]] * (x.shape.rank - 1) + [[0, length - x.shape[-1]]])


_COMPUTED: Mapping[str, Callable[..., Any]] = {
    "Const": _constant,
    "Cast": _cast,
    "Real": lambda call, x: tf.identity(x[0]),
    "Imag": lambda call, x: tf.identity(x[1]),
    "ComplexAbs": _magnitude,
    "Angle": lambda call, x: tf.atan2(x[1], x[0]),
    "Conj": lambda call, x: (tf.identity(x[0]), -x[1]),
    "Mul": _product,
    "RealDiv": _quotient,
    "Square": lambda call, x: _product(call, x, x),
    "Exp": _exponential,
    "MatMul": _matrix_product,
    "BatchMatMulV2": _matrix_product,
    "FFT": _transform(inverse=False),
    "IFFT": _transform(inverse=True),
    "FFT2D": _transform(inverse=False, dimensions=2),
    "IFFT2D": _transform(inverse=True, dimensions=2),
    "RFFT": _real_transform,
    "IRFFT": _inverse_real_transform,
}
_STARTING = _TAKING_APART | {"Complex", "FFT", "IFFT", "FFT2D", "IFFT2D", "RFFT", "IRFFT"}

complex_numbers = Rewrite(
    "complex-numbers",
    "the wasm backend has no complex numbers, and the cpu backend cannot slice them",
    _lower,
)
REWRITES = (complex_numbers,)
