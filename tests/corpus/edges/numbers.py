"""Activations, integers, short and long, and signals."""

from __future__ import annotations

from tests.corpus.edges.common import (
    BYTES,
    LARGE,
    LONG,
    weights,
)
from tests.corpus.op_table import (
    BOOL,
    IMAGE,
    NATURAL,
    POSITIVE,
    WHOLE,
    Entry,
    In,
    X,
    op,
)

ROWS: tuple[Entry, ...] = (
    op(
        "relu_family",
        lambda tf, x: {
            "r6": tf.nn.relu6(x * 4),
            "elu": tf.nn.elu(x),
            "selu": tf.nn.selu(x),
            "leaky": tf.nn.leaky_relu(x),
            "crelu": tf.nn.crelu(x),
        },
        X,
    ),
    op(
        "swish_family",
        lambda tf, x: {
            "silu": tf.nn.silu(x),
            "beta": tf.nn.silu(x, 1.7),
            "hard": x * tf.nn.relu6(x + 3) / 6,
            "mish": x * tf.tanh(tf.nn.softplus(x)),
        },
        X,
    ),
    op(
        "leaky_relu_int_alpha0",
        lambda tf, x: {
            "a": tf.nn.leaky_relu(x, 0.0),
            "b": tf.nn.leaky_relu(x, 1.5),
            "c": tf.nn.leaky_relu(x, -0.2),
        },
        X,
    ),
    op("clip_dynamic", lambda tf, x, y: tf.clip_by_value(x, -y, y), X, POSITIVE),
    op(
        "softplus_large",
        lambda tf, x: {
            "p": tf.nn.softplus(x * 50),
            "s": tf.sigmoid(x * 50),
            "l": tf.math.log_sigmoid(x * 50),
        },
        X,
    ),
    op("logsumexp_large", lambda tf, x: tf.reduce_logsumexp(x * 500, 1), X),
    op(
        "pow_negative_base", lambda tf, x: {"a": tf.pow(x, 2.0), "b": tf.pow(x, 3.0), "c": x**-1}, X
    ),
    op(
        "floor_mod_negative",
        lambda tf, x, y: {"m": x % -y, "d": x // -y, "t": tf.truncatemod(x, -y)},
        WHOLE,
        NATURAL,
    ),
    op(
        "floor_mod_float_negative",
        lambda tf, x, y: {"m": x % -y, "d": x // -y, "t": tf.math.floormod(-x, y)},
        X,
        POSITIVE,
    ),
    op(
        "int32_overflow",
        lambda tf, x, y: x * y,
        In((None, 5), "int 100000..2000000", "int32"),
        In((None, 5), "int 10000..2000000", "int32"),
    ),
    op(
        "int32_large_mean",
        lambda tf, x: tf.reduce_mean(x, 1),
        In((None, 5), "int 10000000..100000000", "int32"),
    ),
    op(
        "int_large_ops",
        lambda tf, x, y: {
            "mod": x % 7,
            "div": x // 7,
            "sub": x - y,
            "neg": -x,
            "abs": tf.abs(-x),
            "sel": tf.where(x > y, x, y),
            "gather": tf.gather(x, [1], axis=1),
            "clip": tf.clip_by_value(x, 2000000003, 2000000006),
            "min": tf.minimum(x, y),
            "tile": tf.tile(x, [1, 2]),
            "uq": tf.reshape(tf.cumsum(x - 2000000000, 1), [-1]),
        },
        LARGE,
        LARGE,
    ),
    op(
        "int_negative_shift_div",
        lambda tf, x: {
            "d": x // 4,
            "m": x % 4,
            "td": tf.truncatediv(x, 4),
            "tm": tf.truncatemod(x, 4),
        },
        In((None, 6), "int -2000000009..-2000000000", "int32"),
    ),
    op("int64_floor_mod", lambda tf, x: {"m": x % 7, "d": x // -7}, LONG),
    op("uint8_arith", lambda tf, x: x + 1, BYTES),
    op("uint8_subtract", lambda tf, x, y: x - y, BYTES, BYTES),
    op("uint8_from_int", lambda tf, x: tf.cast(x * 30, tf.uint8), WHOLE),
    op(
        "int8_chain",
        lambda tf, x, y: (x * y - x) * 2,
        In((None, 5), "int -128..127", "int8"),
        In((None, 5), "int -128..127", "int8"),
    ),
    op("int16_cast", lambda tf, x: tf.cast(tf.cast(x * 5000, tf.int16), tf.int32), WHOLE),
    op("uint32_cast", lambda tf, x: tf.cast(tf.cast(x, tf.uint32), tf.int64), WHOLE),
    op("bfloat16_cast", lambda tf, x: tf.cast(tf.cast(x, tf.bfloat16), tf.float32), X),
    op(
        "uint8_mean_sum", lambda tf, x: {"m": tf.reduce_mean(x, 1), "s": tf.reduce_sum(x, 1)}, BYTES
    ),
    op("bool_where_select", lambda tf, x, y: tf.where(x, y, ~y), BOOL, BOOL),
    op(
        "norm_group",
        lambda tf, x: (
            lambda g: tf.reshape(
                (g - tf.reduce_mean(g, [1, 2, 4], keepdims=True))
                * tf.math.rsqrt(tf.math.reduce_variance(g, [1, 2, 4], keepdims=True) + 1e-5),
                tf.shape(x),
            )
        )(tf.reshape(x, [-1, 4, 5, 2, 3])),
        In((None, 4, 5, 6)),
    ),
    op(
        "norm_instance",
        lambda tf, x: (lambda m, v: (x - m) * tf.math.rsqrt(v + 1e-5))(
            *tf.nn.moments(x, [1, 2], keepdims=True)
        ),
        IMAGE,
    ),
    op(
        "norm_rms",
        lambda tf, x: (
            x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), -1, keepdims=True) + 1e-6) * weights(5)
        ),
        X,
    ),
    op(
        "attention_masked",
        lambda tf, x, y: tf.einsum(
            "bqk,bkd->bqd",
            tf.nn.softmax(
                tf.where(
                    tf.linalg.band_part(tf.ones([4, 4]), -1, 0)[None]
                    * tf.cast(tf.sequence_mask(y, 4), tf.float32)[:, None]
                    > 0,
                    tf.einsum("bqd,bkd->bqk", x, x) / 2,
                    -1e9,
                )
            ),
            x,
        ),
        In((3, 4, 6)),
        In((3,), "int 1..4", "int32"),
    ),
    op(
        "mel_spectrogram",
        lambda tf, x: tf.matmul(
            tf.abs(tf.signal.stft(x, 16, 8, 16)),
            tf.signal.linear_to_mel_weight_matrix(5, 9, 8000, 20.0, 4000.0),
        ),
        In((2, 64)),
    ),
    op("istft", lambda tf, x: tf.signal.inverse_stft(tf.signal.stft(x, 16, 8), 16, 8), In((2, 64))),
    op(
        "dct_types",
        lambda tf, x: {
            "1": tf.signal.dct(x, 1),
            "2o": tf.signal.dct(x, 2, norm="ortho"),
            "3": tf.signal.dct(x, 3),
            "i": tf.signal.idct(x),
        },
        In((None, 8)),
    ),
    op(
        "complex_polar",
        lambda tf, x, y: {
            "a": tf.math.angle(tf.complex(x, y)),
            "c": tf.math.real(tf.math.conj(tf.complex(x, y)) * tf.complex(x, y)),
        },
        X,
        X,
    ),
)
