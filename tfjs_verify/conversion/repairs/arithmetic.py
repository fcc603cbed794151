"""Elementwise ops that TensorFlow.js lacks or computes differently, as others that are right."""

# ruff: noqa: D103 (what is declared by `expansion` is documented by its op and its `why`)

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfjs_verify.conversion.repairs.base import expansion
from tfjs_verify.conversion.splicing import Call

_NO_OP = "TensorFlow.js has no such op; it is spelled out in ops that it has"


@expansion("Erfc", why=_NO_OP, upstream="https://github.com/tensorflow/tfjs/issues/7889")
def erfc(call: Call, x: Any) -> Any:
    """The exact GELU of Keras (ConvNeXt, transformers) uses it."""
    return 1.0 - tf.math.erf(x)


@expansion("Softsign", why=_NO_OP)
def softsign(call: Call, x: Any) -> Any:
    return x / (1.0 + tf.abs(x))


@expansion("Xlogy", why=_NO_OP)
def xlogy(call: Call, x: Any, y: Any) -> Any:
    return tf.where(tf.equal(x, 0), tf.zeros_like(x * y), x * tf.math.log(y))


@expansion("Xlog1py", why=_NO_OP)
def xlog1py(call: Call, x: Any, y: Any) -> Any:
    return tf.where(tf.equal(x, 0), tf.zeros_like(x * y), x * tf.math.log1p(y))


@expansion("Xdivy", why=_NO_OP)
def xdivy(call: Call, x: Any, y: Any) -> Any:
    return tf.where(tf.equal(x, 0), tf.zeros_like(x * y), x / y)


@expansion("MulNoNan", why=_NO_OP)
def mul_no_nan(call: Call, x: Any, y: Any) -> Any:
    return tf.where(tf.equal(y, 0), tf.zeros_like(x * y), x * y)


@expansion("Log1p", why="the wasm backend adds 1 first, and what is small beside it is lost")
def log1p(call: Call, x: Any) -> Any:
    """What 1 + x lost is made good by the quotient: Kahan's formula.

    1 is subtracted from, or simplification would make it a Log1p again.
    """
    if not x.dtype.is_floating:
        return None
    more = x - tf.constant(-1, x.dtype)
    log = tf.math.log(more)
    small = tf.where(tf.equal(more, 1), x, log * (x / (more - 1)))
    return tf.where(tf.abs(x) < 0.5, small, log)


@expansion("Sign", why="the wasm backend takes what is smaller than 1e-7 for 0")
def sign(call: Call, x: Any) -> Any:
    """The magnitude is that of zeros and of NaN. Integers stay, of which none is small."""
    if not x.dtype.is_floating:
        return None
    one = tf.ones((), x.dtype)
    return tf.where(x > 0, one, tf.where(x < 0, -one, tf.abs(x)))


@expansion(
    "Range",
    name="float-range",
    why="TensorFlow.js adds up the steps with their errors, and counts them in float64",
)
def float_range(call: Call, start: Any, limit: Any, delta: Any) -> Any:
    if not start.dtype.is_floating:
        return None
    count = tf.cast(tf.math.ceil(tf.abs((limit - start) / delta)), tf.int32)
    return start + tf.cast(tf.range(count), start.dtype) * delta


@expansion("Rint", why=_NO_OP)
def rint(call: Call, x: Any) -> Any:
    return tf.round(x)


@expansion("Inv", why=_NO_OP)
def inv(call: Call, x: Any) -> Any:
    return tf.math.reciprocal(x)


@expansion("L2Loss", why=_NO_OP)
def l2_loss(call: Call, x: Any) -> Any:
    return tf.reduce_sum(tf.square(x)) / 2


@expansion("TruncateDiv", why=_NO_OP)
def truncate_div(call: Call, x: Any, y: Any) -> Any:
    quotient = tf.abs(x) // tf.abs(y)
    return tf.where(tf.equal(tf.less(x, 0), tf.less(y, 0)), quotient, -quotient)


@expansion("TruncateMod", why=_NO_OP)
def truncate_mod(call: Call, x: Any, y: Any) -> Any:
    remainder = tf.math.floormod(tf.abs(x), tf.abs(y))
    return tf.where(tf.less(x, 0), -remainder, remainder)


@expansion("ApproximateEqual", why=_NO_OP)
def approximate_equal(call: Call, x: Any, y: Any) -> Any:
    return tf.abs(x - y) < call.attribute("tolerance")


@expansion(
    "FloorDiv",
    name="float-floordiv",
    why="TensorFlow.js computes the floor of a float quotient as int32, which overflows",
)
def float_floordiv(call: Call, x: Any, y: Any) -> Any:
    """Integers stay: their floor quotient is right."""
    return tf.floor(x / y) if x.dtype.is_floating else None


@expansion(
    "Cast",
    name="cast-to-bool",
    why="the wasm backend keeps the bytes of a number that becomes bool, so 256 and 0.5 are false",
)
def cast_to_bool(call: Call, x: Any) -> Any:
    if call.attribute("DstT") != tf.bool or not (x.dtype.is_floating or x.dtype.is_integer):
        return None
    return tf.not_equal(x, tf.zeros((), x.dtype))


@expansion("Cross", why=_NO_OP)
def cross(call: Call, a: Any, b: Any) -> Any:
    a0, a1, a2 = tf.split(a, 3, axis=-1)
    b0, b1, b2 = tf.split(b, 3, axis=-1)
    return tf.concat([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)


@expansion(
    "FakeQuantWithMinMaxVars",
    "FakeQuantWithMinMaxVarsPerChannel",
    "FakeQuantWithMinMaxArgs",
    name="fake-quantization",
    why="TensorFlow.js passes the values through as they are",
)
def fake_quantization(call: Call, x: Any, *limits: Any) -> Any:
    """Rounding to the grid of a range that is moved so that 0 is on it."""
    low, high = limits or (tf.constant(call.attribute(name)) for name in ("min", "max"))
    least = 1.0 if call.attribute("narrow_range") else 0.0
    most = 2.0 ** (call.attribute("num_bits") or 8) - 1.0
    scale = (high - low) / (most - least)
    zero = tf.clip_by_value(tf.floor(least - low / scale + 0.5), least, most)
    low, high = (least - zero) * scale, (most - zero) * scale
    clipped = tf.minimum(tf.maximum(x, low), high)
    return tf.floor((clipped - low) / scale + 0.5) * scale + low


@expansion("CheckNumerics", name="debug-ops", why="TensorFlow.js has no assertions and no printing")
def check_numerics(call: Call, x: Any) -> Any:
    return tf.identity(x)


REWRITES = (
    fake_quantization,
    check_numerics,
    erfc,
    softsign,
    xlogy,
    xlog1py,
    xdivy,
    mul_no_nan,
    log1p,
    sign,
    float_range,
    rint,
    inv,
    l2_loss,
    truncate_div,
    truncate_mod,
    approximate_equal,
    float_floordiv,
    cast_to_bool,
    cross,
)
