"""Every expansion: the same in TensorFlow, needed by a backend, and nowhere else applied."""

# ruff: noqa: E501 (one case, one line)

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from tfjs_verify.conversion import convert
from tfjs_verify.errors import TfjsVerifyError
from tfjs_verify.model import open_model
from tfjs_verify.runtimes.tfjs import TFJS


def floats(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def integers(*shape, low=0, high=10):
    return np.random.default_rng(len(shape)).integers(low, high, shape).astype(np.int32)


raw = tf.raw_ops
X, Y, IMAGE = floats(3, 6, 4), floats(3, 6, 4) + 2, floats(2, 8, 8, 4)
COLOURS = 1 / (1 + np.exp(-floats(2, 4, 4, 3)))
VOLUME = floats(2, 6, 6, 6, 3)
IDS = integers(3, 6)
TRANSFORMS = np.array(
    [[0.9, 0.1, 0.5, -0.1, 1.1, 0.2, 0, 0], [1.3, -0.2, -3, 0.3, 0.8, -2, 0.01, 0.02]], np.float32
)
WIDE = integers(3, 6, low=-(2**31), high=2**31 - 1)
FILTERS = {
    name: floats(*shape) for name, shape in {"groups": (3, 3, 2, 6), "each": (3, 3, 1, 8)}.items()
}


class Expansion(NamedTuple):
    name: str
    backend: str
    """One that fails without it."""
    function: object
    arguments: tuple
    free: bool = True


def case(name, backend, function, *arguments, free=True):
    return Expansion(name, backend, function, arguments, free)


def training(x):
    scale, offset = tf.constant([0.5, 1, 2, 3]), tf.constant([1.0, 2, 3, 4])
    return tf.compat.v1.nn.fused_batch_norm(x, scale, offset, is_training=True)[0]


EXPANSIONS = [
    case("erfc", "cpu", tf.math.erfc, X),
    case("softsign", "cpu", tf.nn.softsign, X),
    case("xlogy", "cpu", lambda x, y: tf.math.xlogy(tf.nn.relu(x), abs(y)), X, Y),
    case("xlog1py", "cpu", lambda x, y: tf.math.xlog1py(tf.nn.relu(x), abs(y)), X, Y),
    case("xdivy", "cpu", lambda x: tf.math.xdivy(tf.nn.relu(x), x), X),
    case("mul-no-nan", "cpu", lambda x, y: tf.math.multiply_no_nan(y, tf.nn.relu(x)), X, Y),
    case("rint", "cpu", lambda x: tf.math.rint(3 * x), X),
    case("inv", "cpu", lambda x: raw.Inv(x=x), X),
    case("l2-loss", "cpu", tf.nn.l2_loss, X),
    case("truncate-div", "cpu", tf.truncatediv, IDS - 5, IDS + 1),
    case("truncate-mod", "cpu", tf.truncatemod, IDS - 5, IDS + 1),
    case("approximate-equal", "cpu", lambda x: raw.ApproximateEqual(x=x, y=x + 0.1, tolerance=0.2), X),
    case("float-floordiv", "cpu", lambda x: tf.floor(x * 1e10) // 3.0, X),
    case("cast-to-bool", "wasm", lambda x: tf.cast(x, tf.bool), np.array([0.5, 256, 0, -1], np.float32)),
    case("cross", "cpu", tf.linalg.cross, floats(4, 3), floats(4, 3) + 1),
    case("fake-quantization", "cpu", lambda x: tf.quantization.fake_quant_with_min_max_vars(x, -1.0, 1.5), X),
    case("bitwise-and", "cpu", tf.bitwise.bitwise_and, WIDE, WIDE[::-1].copy()),
    case("bitwise-or", "cpu", tf.bitwise.bitwise_or, WIDE, WIDE[::-1].copy()),
    case("bitwise-xor", "cpu", tf.bitwise.bitwise_xor, WIDE, WIDE[::-1].copy()),
    case("invert", "cpu", tf.bitwise.invert, WIDE),
    case("shift", "cpu", tf.bitwise.right_shift, WIDE, IDS),
    case("matrix-band-part", "cpu", lambda x: tf.linalg.band_part(x, -1, 0), floats(2, 5, 5)),
    case("einsum", "wasm", lambda x, y: tf.einsum("aecd,abcd->acbe", x, y), floats(2, 5, 4, 3), floats(2, 6, 4, 3)),
    case("batch-matmul-v3", "cpu", lambda x: raw.BatchMatMulV3(x=x, y=floats(4, 3), Tout=tf.float32), X),
    case("matrix-diag", "cpu", tf.linalg.diag, X),
    case("matrix-diag-part", "cpu", tf.linalg.diag_part, X),
    case("matrix-set-diag", "cpu", tf.linalg.set_diag, floats(3, 5, 5), floats(3, 5)),
    case("one-hot", "cpu", lambda i: tf.one_hot(i, 10, axis=1), IDS),
    case("gather-axis", "node", lambda x: tf.gather(x, [2, 0], axis=-1), X),
    case("gather-batched", "wasm", lambda x, i: tf.gather(x, i, axis=2, batch_dims=1), X, IDS % 4),
    case("cumulative-axis", "cpu", lambda x: tf.cumsum(x, -1, reverse=True), X[:2]),
    case("bucketize", "cpu", lambda x: raw.Bucketize(input=x, boundaries=[-1.0, 0.0, 0.5]), X),
    case("search-sorted", "node", lambda x: tf.searchsorted([-1.0, 0.0, 0.5], x, side="right"), floats(7)),
    case("bincount", "node", lambda i: tf.math.bincount(i, minlength=9, maxlength=9, axis=-1), IDS),
    case("roll", "cpu", lambda x: tf.roll(x, [2, -1], [0, 2]), X),
    case("reverse-sequence", "cpu", lambda x, n: tf.reverse_sequence(x, n, 1), X, np.array([2, 6, 1], np.int32)),
    case("space-to-depth", "cpu", lambda x: tf.nn.space_to_depth(x, 2), IMAGE),
    case("tensor-scatter", "cpu", lambda x: tf.tensor_scatter_nd_add(x, [[0], [1], [0]], Y), X),
    case("segment-sum", "wasm", lambda x: tf.math.unsorted_segment_sum(x, [3, -1, 3], 5), X, free=False),
    case("segment-extreme", "cpu", lambda x: tf.math.unsorted_segment_max(x, [3, 0, 3], 5), X, free=False),
    case("segment-product", "cpu", lambda x: tf.math.unsorted_segment_prod(x, [3, 0, 3], 5), X, free=False),
    case("segment-mean", "cpu", lambda x: tf.math.segment_mean(x, [0, 0, 2]), X, free=False),
    case("invert-permutation", "cpu", tf.math.invert_permutation, np.array([2, 0, 1], np.int32)),
    case("ensure-shape", "cpu", lambda x: tf.ensure_shape(x, [None, 6, 4]) * 2, X),
    case("batch-norm-training", "cpu", training, IMAGE),
    case("grouped-convolution", "cpu", lambda x: tf.nn.conv2d(x, FILTERS["groups"], 2, "SAME"), IMAGE),
    case("grouped-convolution", "cpu", lambda x: tf.nn.conv2d(x, FILTERS["each"], 1, "VALID"), IMAGE),
    case("transposed-convolution-3d", "cpu", lambda x: tf.nn.conv3d_transpose(x, floats(3, 2, 3, 5, 3), [2, 12, 11, 12, 5], 2, "SAME"), VOLUME, free=False),
    case("dilated-transposed-convolution", "cpu", lambda x: tf.nn.conv2d_transpose(x, floats(3, 3, 5, 4), [2, 8, 8, 5], 1, "SAME", dilations=2), IMAGE, free=False),
    case("max-pooling-3d", "wasm", lambda x: tf.nn.max_pool3d(-abs(x), 3, 2, "SAME"), VOLUME),
    case("dilation-2d", "wasm", lambda x: tf.nn.dilation2d(x - 9, floats(3, 3, 4), [1, 2, 2, 1], "SAME", "NHWC", [1, 2, 2, 1]), IMAGE),
    case("resize", "cpu", lambda x: tf.image.resize(x, [5, 11], "bicubic"), IMAGE),
    case("resize", "cpu", lambda x: tf.image.resize(x, [4, 6], "area"), IMAGE),
    case("rgb-to-hsv", "cpu", tf.image.rgb_to_hsv, COLOURS),
    case("hsv-to-rgb", "cpu", tf.image.hsv_to_rgb, COLOURS),
    case("adjust-contrast", "cpu", lambda x: tf.image.adjust_contrast(x, 2.0), COLOURS),
    case("adjust-saturation", "cpu", lambda x: tf.image.adjust_saturation(x, 0.5), COLOURS),
    case("adjust-hue", "cpu", lambda x: tf.image.adjust_hue(x, 0.2), COLOURS),
    case("extract-image-patches", "cpu", lambda x: tf.image.extract_patches(x, [1, 3, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME"), IMAGE),
    case("debug-ops", "cpu", lambda x: tf.debugging.check_numerics(x, "x") * 2, X),
    case("scale-and-translate", "cpu", lambda x: raw.ScaleAndTranslate(images=x, size=[5, 11], scale=[0.6, 1.4], translation=[0.5, -0.3], kernel_type="lanczos3", antialias=True), IMAGE),
    case("cast-to-float16", "cpu", lambda x: tf.cast(tf.cast(x, tf.float16), tf.float32), np.concatenate([floats(50) * 10.0 ** np.arange(-25, 25) / 1e6, [65519, 65520, np.inf, -0.0]]).astype(np.float32)),
    case("channels-first", "cpu", lambda x: tf.nn.bias_add(x, [1.0, 2, 3, 4], "NCHW"), floats(2, 4, 6, 4)),
    case("einsum", "cpu", lambda x: tf.einsum("bii->b", x), floats(2, 5, 5)),
    case("max-pool-with-argmax", "node", lambda x: tf.nn.max_pool_with_argmax(x, 3, 2, "SAME", include_batch_in_index=True), IMAGE),
    *(
        case("projective-transform", "node", lambda x, fill=fill, how=how: raw.ImageProjectiveTransformV3(images=x, transforms=TRANSFORMS, output_shape=[10, 9], interpolation=how, fill_mode=fill, fill_value=0.5), IMAGE, free=False)
        for fill, how in (("CONSTANT", "BILINEAR"), ("REFLECT", "BILINEAR"), ("WRAP", "NEAREST"), ("NEAREST", "BILINEAR"))
    ),
    case("projective-transform", "cpu", lambda x: raw.ImageProjectiveTransformV3(images=x, transforms=TRANSFORMS[:1], output_shape=[8, 8], interpolation="BILINEAR", fill_mode="CONSTANT", fill_value=0.0), IMAGE),
    case("complex-numbers", "wasm", lambda x: tf.abs(tf.signal.rfft(x, [96])), floats(2, 90)),
    case("complex-numbers", "wasm", lambda x: tf.signal.irfft(tf.signal.rfft(x)[..., 1:], [15]), floats(2, 20)),
    case("complex-numbers", "wasm", lambda x, y: tf.math.angle(tf.signal.ifft2d(tf.complex(x, y) / tf.complex(y, x + 9))), X, Y),
    case("complex-numbers", "wasm", lambda x, y: [tf.math.real(part) for part in tf.split(tf.exp(tf.complex(x, y)) * (1 + 2j), 2, axis=1)], X, Y),
    case("complex-numbers", "cpu", tf.signal.dct, floats(3, 8)),
    case("complex-numbers", "cpu", lambda x, y: tf.math.imag(tf.matmul(tf.complex(x, y), tf.complex(y, x), transpose_b=True)), X, Y),
    case("matrix-diag", "cpu", lambda x: [tf.linalg.diag(x, k=2), tf.linalg.diag(x, k=-1)], X),
    case("dynamic-stitch", "cpu", lambda x: tf.dynamic_stitch([[0, 2], [[1], [2]]], [x[:2], x[1:, None]]), X, free=False),
    case("dynamic-partition", "cpu", lambda x, i: tf.dynamic_partition(x, i[:, 0] % 2, 2), X, IDS),
    case("in-top-k", "cpu", lambda x, i: tf.math.in_top_k(i[:, 0], x[:, :, 0], 3), X, IDS),
    case("tensor-scatter-extreme", "cpu", lambda x: [tf.tensor_scatter_nd_max(x, [[0], [2], [0]], Y), tf.tensor_scatter_nd_min(x, [[1], [1], [1]], Y - 3)], X, free=False),
    case("switch-case", "cpu", lambda x, i: tf.switch_case(i, [lambda: x + 1, lambda: x[:, :2], lambda: -x]), X, np.int32(1)),
    case("switch-case", "cpu", lambda x, i: tf.switch_case(i, [lambda: x + 1, lambda: x * 2]), X, np.int32(-3)),
]  # fmt: skip
CASES = {f"{number}-{expansion.name}": expansion for number, expansion in enumerate(EXPANSIONS)}


@pytest.mark.parametrize("key", CASES)
def test_it_computes_in_tensorflow_what_the_op_computes(key, replayed):
    expansion = CASES[key]
    result = replayed(expansion.function, *expansion.arguments, free=expansion.free)
    assert expansion.name in result.repairs
    for before, after in zip(result.before, result.after, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5, equal_nan=True)
        assert after.dtype == before.dtype


_GROUP = 20


@pytest.fixture(scope="module")
def repaired(together):
    """What each expansion's backend answers, from models of many expansions each."""
    runs = {}
    for backend in ("cpu", "wasm", "node"):
        keys = [key for key, expansion in CASES.items() if expansion.backend == backend]
        for start in range(0, len(keys), _GROUP):
            cases = {key: CASES[key] for key in keys[start : start + _GROUP]}
            group = {k: (e.function, e.arguments, e.free) for k, e in cases.items()}
            runs |= together(backend, group).runs
    return runs


@pytest.mark.parametrize("key", CASES)
def test_the_backend_is_right_with_it(key, repaired):
    assert CASES[key].name in repaired[key].repairs
    assert repaired[key].agrees


@pytest.mark.slow
@pytest.mark.parametrize("key", CASES)
def test_the_backend_needs_it(key, run_on):
    _, backend, function, arguments, free = CASES[key]
    with suppress(TfjsVerifyError):  # refused by the converter, or by the backend; or else wrong:
        assert not run_on(backend, function, *arguments, free=free, repair=False).agrees


UNTOUCHED = {
    "integer quotients": (lambda i: i // 3, IDS),
    "casts between numbers": (lambda x: tf.cast(x, tf.int32), X),
    "whole convolutions": (lambda x: tf.nn.conv2d(x, floats(3, 3, 4, 5), 1, "SAME"), IMAGE),
    "transposed convolutions": (
        lambda x: tf.nn.conv2d_transpose(x, floats(3, 3, 5, 4), [2, 16, 16, 5], 2),
        IMAGE,
    ),
    "positive axes": (lambda x: tf.gather(tf.cumsum(x, 1), [1], axis=2), X),
    "inference": (
        lambda x: tf.compat.v1.nn.fused_batch_norm(
            x, [1.0] * 4, [0.0] * 4, mean=[0.5] * 4, variance=[2.0] * 4, is_training=False
        )[0],
        IMAGE,
    ),
    "flat pooling": (lambda x: tf.nn.max_pool2d(x, 2, 2, "SAME"), IMAGE),
    "comparisons": (lambda x: tf.where(x > 0, tf.exp(x), tf.tanh(x)), X),
}


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_is_right_already_is_not_touched(name, replayed):
    function, *arguments = UNTOUCHED[name]
    assert replayed(function, *arguments).repairs == ()


def test_what_cannot_be_spelled_out_is_left_for_the_op_check(replayed):
    result = replayed(lambda x: tf.linalg.diag(x, k=1, padding_value=3), X)
    assert result.repairs == ()
    assert "MatrixDiagV3" in result.operations


def test_expansions_apply_inside_branches_and_loops(replayed):
    def step(i, a):
        return i + 1, tf.cond(tf.reduce_sum(a) > 0, lambda: tf.math.erfc(a), lambda: a)

    result = replayed(lambda x: tf.while_loop(lambda i, a: i < 3, step, (0, x))[1], X)
    assert result.repairs == ("erfc",)
    assert "Erfc" not in result.operations
    np.testing.assert_allclose(result.after[0], result.before[0], rtol=1e-5)


def test_random_integers_lie_within_their_limits(replayed):
    result = replayed(
        lambda x: tf.random.uniform([500], 3, 6, tf.int32) + 0 * tf.cast(x[0], tf.int32),
        np.zeros(1, np.float32),
    )
    assert result.repairs == ("random-uniform-int",)
    assert set(result.after[0].tolist()) == {3, 4, 5}


def test_strings_are_not_compared_where_the_comparison_would_be_wrong(run_on):
    words = np.array([b"yes", b"no", b"maybe"], object)
    for backend in ("cpu", "node"):
        run = run_on(backend, lambda x: tf.equal(x, "yes"), words)
        assert run.repairs == ("string-comparison-guard",)
        assert run.given[0].tolist() == [True, False, False]
    with pytest.raises(TfjsVerifyError, match="StaticRegexReplace"):
        run_on("wasm", lambda x: tf.equal(x, "yes"), words)


def test_what_is_found_in_a_table_has_the_shape_of_the_keys(tmp_path, worker, sessions):
    module = tf.Module()
    table = tf.lookup.KeyValueTensorInitializer([1, 5, 7], [10, 50, 70], tf.int32, tf.int32)
    module.table = tf.lookup.StaticHashTable(table, -1)
    module.serve = tf.function(
        lambda x: {"y": module.table.lookup(x)},
        input_signature=[tf.TensorSpec([None, 2], tf.int32, "x")],
    )
    keys = np.array([[1, 2], [7, 5]], np.int32)
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=module.serve)
    with open_model(tmp_path / "model") as model:
        artifact = convert(model, tmp_path / "out", worker=worker)
    assert "lookup-shape" in [repair.name for repair in artifact.repairs]
    with TFJS(artifact, session=sessions("cpu")) as runtime:
        assert runtime.run({"x": keys})["y"].tolist() == [[10, -1], [70, 50]]
