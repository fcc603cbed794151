"""Random rounding: as large as any correct kernel's, and nowhere else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.measurements.noise_models import draw, image, saved
from tfjs_verify.conversion import ConversionWorker, convert
from tfjs_verify.measurements.noise import Oracle
from tfjs_verify.runtimes import TFJS, NodePool

EPSILON = float(np.finfo(np.float32).eps)


def test_dither_is_rounding_sized_and_never_twice_the_same(tmp_path: Path) -> None:
    terms = 50
    weights = tf.Variable(draw(terms, 3, seed=1))
    with (
        saved(tmp_path, lambda x: x @ weights, image(None, terms), variables=[weights]) as model,
        Oracle(model) as oracle,
    ):
        inputs = {"x": draw(40, terms)}
        exact = oracle.run(inputs)["y"]
        first, second = (oracle.run_dithered(inputs)["y"] for _ in range(2))
    assert np.any(first != second)
    sizes = np.abs(inputs["x"].astype(np.float64)) @ np.abs(weights.numpy().astype(np.float64))
    deviation = np.abs(first - exact)
    assert np.all(deviation <= 2**-24 * (terms * sizes + np.abs(exact)) * (1 + 1e-6))
    assert np.median(deviation) > 2**-24 * np.median(sizes) / 100


def one_by_one(terms: np.ndarray) -> np.ndarray:
    """The sums over the last axis as the simplest kernel computes them."""
    return np.add.accumulate(terms, axis=-1, dtype=np.float32)[..., -1]


@pytest.mark.parametrize("terms", [16, 256, 4096])
@pytest.mark.parametrize("sign", ["mixed", "same"])
def test_dither_covers_adding_up_one_by_one(terms: int, sign: str, tmp_path: Path) -> None:
    x, w = draw(8, terms), draw(terms, 16, seed=1)
    if sign == "same":
        x, w = np.abs(x), np.abs(w)
    with saved(tmp_path, lambda x: x @ w, image(None, terms)) as model, Oracle(model) as oracle:
        exact = oracle.run({"x": x})["y"]
        dithered = [oracle.run_dithered({"x": x})["y"] for _ in range(4)]
    error = np.abs(one_by_one(x[:, None] * w.T).astype(np.float64) - exact)
    deviation = np.abs(np.array(dithered) - exact)
    assert error.max() < 2 * deviation.max()
    assert deviation.max() < 16 * error.max()


def projecting(op: str, p: np.ndarray) -> Callable[[Any], Any]:
    """x^T P x of every row, the product with P (or its transpose) computed by `op`."""
    square = {
        "MatMul": lambda x: x @ p,
        "MatMul, variable": lambda x: x @ (p + 0 * tf.reduce_sum(x)),
        "MatMul, left": lambda x: tf.transpose(tf.matmul(p, x, transpose_b=True)),
        "Einsum": lambda x: tf.einsum("bi,ij->bj", x, p),
        "Einsum, left": lambda x: tf.einsum("ij,bi->bj", p, x),
        "BatchMatMul": lambda x: (x[:, None] @ p[None])[:, 0],
        "Conv2D": lambda x: tf.nn.conv2d(x[:, None, None], p[None, None], 1, "VALID")[:, 0, 0],
    }[op]
    return lambda x: tf.reduce_sum(square(x) * x, 1)


@pytest.mark.parametrize(
    "op",
    ["MatMul", "MatMul, variable", "MatMul, left", "Einsum", "Einsum, left", "BatchMatMul",
     "Conv2D"],
)  # fmt: skip
def test_dither_covers_what_projects_over_the_results_of_a_product(op: str, tmp_path: Path) -> None:
    """A Gaussian process's variance: P is ill-conditioned, and the errors of x P are not alike."""
    points = np.random.default_rng(0).uniform(-1, 1, (61, 3))
    kernel = np.exp(-((points[:, None] - points) ** 2).sum(-1) / 2)
    p = np.linalg.inv(kernel[1:, 1:] + 1e-3 * np.eye(60)).astype(np.float32)
    x = kernel[:1, 1:].astype(np.float32)
    with saved(tmp_path, projecting(op, p), image(None, 60)) as model, Oracle(model) as oracle:
        exact = oracle.run({"x": x})["y"]
        dithered = [oracle.run_dithered({"x": x})["y"] for _ in range(8)]
    orders = [np.random.default_rng(seed).permutation(60) for seed in range(8)]
    products = [one_by_one(x[:, order] * p[:, order]) for order in orders]
    error = np.abs([one_by_one(each * x[0]) - exact for each in products]).max()
    assert error > 100 * 2**-24 * np.abs(exact).max()
    assert error < 2 * np.abs(np.array(dithered) - exact).max() < 16 * error


def products(x: Any, w: np.ndarray) -> dict[str, Any]:
    """x [8, terms] times w [terms, 3], by every op that does it; `terms` is a multiple of 8."""
    split = tf.reshape(x, [2, 4, -1])
    patches, taps = tf.reshape(x, [8, 4, 2, -1]), w.reshape(4, 2, -1, 3)
    return {
        "MatMul": x @ w,
        "MatMul, turned": tf.matmul(tf.transpose(x), w.T, transpose_a=True, transpose_b=True),
        "MatMul, variable": x @ (w + 0 * tf.reduce_sum(x)),
        "BatchMatMul": split @ w[None],
        "BatchMatMul, turned": tf.matmul(split, w.T[None], transpose_b=True),
        "Einsum": tf.einsum("kn,abk->abn", w, split),
        "Einsum, two axes": tf.einsum(
            "bkl,nkl->bn", tf.reshape(x, [8, -1, 8]), w.T.reshape(3, -1, 8)
        ),
        "Einsum, unnamed": tf.einsum("...k,kn->...n", split, w),
        "Conv2D, channels": tf.nn.conv2d(x[:, None, None], w[None, None], 1, "SAME"),
        "Conv2D, window": tf.nn.conv2d(patches, taps, 1, "VALID"),
    }


@pytest.mark.parametrize("terms", [64, 1000, 10_000])
def test_a_product_of_like_terms_drifts_as_it_does_on_wasm(terms: int, tmp_path: Path) -> None:
    """A mean as a product: every addition rounds the same way."""
    x, w = np.full((8, terms), 0.1, np.float32), np.full((terms, 3), 1 / terms, np.float32)
    with (
        saved(tmp_path, lambda x: products(x, w), image(None, terms)) as model,
        Oracle(model) as oracle,
    ):
        exact = oracle.run({"x": x})
        runs = [oracle.run_dithered({"x": x}) for _ in range(8)]
    drift = one_by_one(x[0] * w[:, 0]) - exact["MatMul"][0, 0]
    for name, expected in exact.items():
        deviations = [run[name] - expected for run in runs]
        assert max(abs(each).max() for each in deviations) == pytest.approx(abs(drift), rel=0.5)
        assert terms == 64 or min(abs(each).max() for each in deviations) < abs(drift) / 4


@pytest.mark.parametrize("sign", ["mixed", "same"])
def test_products_in_order_are_the_same_products(sign: str, tmp_path: Path) -> None:
    """Those of padded, dilated and grouped windows too; and none drift whose terms differ."""
    image_, weights = draw(2, 9, 8, 6), draw(3, 2, 6, 4, seed=1)
    if sign == "same":
        image_, weights = np.abs(image_), np.abs(weights)

    def function(x: Any) -> dict[str, Any]:
        return {
            "strides": tf.nn.conv2d(x, weights, [1, 2, 3, 1], "SAME"),
            "dilations": tf.nn.conv2d(x, weights, 1, "SAME", dilations=[2, 3]),
            "padding": tf.nn.conv2d(x, weights, 2, [[0, 0], [2, 1], [0, 3], [0, 0]]),
            "groups": tf.nn.conv2d(x, weights[:, :, :3], 1, "VALID"),
            "broadcast": x @ weights[0, 0],
            "trace": tf.einsum("bhwc,hwck->wbk", x[:, :8], draw(8, 8, 6, 3)),
            "unnamed": tf.einsum("...c,...ck->...k", x, weights[0, :1]),
        }

    with saved(tmp_path, function, image(None, 9, 8, 6)) as model, Oracle(model) as oracle:
        exact = oracle.run({"x": image_})
        runs = [oracle.run_dithered({"x": image_}) for _ in range(8)]
        empty = oracle.run_dithered({"x": image_[:0]})
    for name, expected in exact.items():
        deviation = max(np.abs(run[name] - expected).max() for run in runs)
        assert 0 < deviation < 16 * EPSILON * np.abs(expected).max()
        assert empty[name].size == 0


def test_products_of_other_numbers(tmp_path: Path) -> None:
    def function(x: Any) -> dict[str, Any]:
        n, z = tf.cast(10 * x, tf.int32), tf.complex(x, x[::-1])
        return {
            "integers": tf.matmul(n, n, transpose_b=True),
            "integers, named": tf.einsum("ij,kj->ik", n, n),
            "complex": tf.matmul(z, z, adjoint_b=True),
            "complex, named": tf.einsum("ij,kj->ik", z, z),
            "double": tf.matmul(tf.cast(x, tf.float64), tf.cast(x, tf.float64), transpose_b=True),
        }

    inputs = {"x": draw(7, 20)}
    with saved(tmp_path, function, image(7, 20)) as model, Oracle(model) as oracle:
        exact, dithered = oracle.run(inputs), oracle.run_dithered(inputs)
    for name, expected in exact.items():
        assert np.any(dithered[name] != expected) == name.startswith("complex")
        np.testing.assert_allclose(dithered[name], expected, 0, 16 * EPSILON * abs(expected).max())


def test_a_large_product_drifts_in_part(tmp_path: Path) -> None:
    x, w = np.full((64, 1000), 0.1, np.float32), np.full((1000, 128), 1 / 1000, np.float32)
    with saved(tmp_path, lambda x: x @ w, image(None, 1000)) as model, Oracle(model) as oracle:
        exact = oracle.run({"x": x})["y"]
        deviations = [np.abs(oracle.run_dithered({"x": x})["y"] - exact) for _ in range(8)]
    drift = abs(one_by_one(x[0] * w[:, 0]) - exact[0, 0])
    drifts = [np.mean(np.isclose(each, drift, rtol=0.1)) for each in deviations]
    assert 0.01 < max(drifts) < 0.1
    assert max(each.max() for each in deviations) == pytest.approx(drift, rel=0.1)


@pytest.mark.parametrize("op", [tf.nn.softmax, tf.nn.log_softmax])
def test_dither_covers_the_sum_inside_of_an_op(op: Any, tmp_path: Path) -> None:
    """A thousand scores that are all but equal: every addition rounds the same way."""
    x = (1e-4 * draw(4, 1000)).astype(np.float32)
    powers = np.exp(x - x.max(-1, keepdims=True))
    share = powers / one_by_one(powers)[:, None]
    in_order = share if op is tf.nn.softmax else np.log(share)
    with saved(tmp_path, op, image(None, 1000)) as model, Oracle(model) as oracle:
        exact = oracle.run({"x": x})["y"]
        dithered = [oracle.run_dithered({"x": x})["y"] for _ in range(4)]
    error = np.abs(in_order - exact).max()
    assert error > 2 * 2**-24 * np.abs(exact).max()
    assert error < 2 * np.abs(np.array(dithered) - exact).max()


def test_dither_covers_what_is_left_of_one(tmp_path: Path) -> None:
    """The tail of GELU, by way of erf in float32: a number of 1e-4 with the rounding of 1."""
    x = np.linspace(-4, -3, 100, dtype=np.float32)[None]
    in_erf = x / 2 * (1 - tf.math.erf(-x * np.float32(np.sqrt(0.5))))
    with (
        saved(tmp_path, lambda x: tf.nn.gelu(x, approximate=False), image(None, 100)) as model,
        Oracle(model) as oracle,
    ):
        exact = oracle.run({"x": x})["y"]
        dithered = [oracle.run_dithered({"x": x})["y"] for _ in range(4)]
    error = np.abs(in_erf - exact).max()
    assert error > 1e-5 * np.abs(exact).max()
    assert error < 4 * np.abs(np.array(dithered) - exact).max()


@pytest.mark.parametrize("op", [tf.sin, tf.cos])
def test_dither_covers_angles_that_wasm_moves(
    op: Callable[[Any], Any], tmp_path: Path, worker: ConversionWorker, nodes: NodePool
) -> None:
    """A sine of -0.01 by way of one near 2π has an error of ten times its own rounding."""
    x = np.linspace(-0.02, -0.01, 100, dtype=np.float32)[None]
    x = x if op is tf.sin else x - np.float32(np.pi / 2)
    with (
        saved(tmp_path, op, image(None, 100)) as model,
        Oracle(model) as oracle,
        TFJS(
            convert(model, tmp_path / "artifact", worker=worker), session=nodes.start("wasm")
        ) as wasm,
    ):
        exact, answer = oracle.run({"x": x})["y"], wasm.run({"x": x})["y"]
        dithered = [oracle.run_dithered({"x": x})["y"] for _ in range(4)]
    error = np.abs(answer - exact).max()
    assert error > 10 * 2**-24 * np.abs(exact).max()
    assert error < 2 * np.abs(np.array(dithered) - exact).max()


def test_dither_reaches_the_empty_bins_of_a_spectrum(tmp_path: Path) -> None:
    """A pure tone: in float32, its other bins hold nothing but its rounding."""
    x = np.sin(2 * np.pi * 5 * np.arange(64) / 64).astype(np.float32)[None]
    with (
        saved(tmp_path, lambda x: tf.abs(tf.signal.rfft(x)), image(None, 64)) as model,
        Oracle(model) as oracle,
    ):
        exact = oracle.run({"x": x})["y"]
        dithered = [oracle.run_dithered({"x": x})["y"] for _ in range(4)]
    by_matrix = np.abs(
        x @ np.exp(-2j * np.pi * np.outer(np.arange(64), np.arange(33)) / 64).astype(np.complex64)
    )
    others = np.arange(33) != 5
    error = np.abs(by_matrix - exact)[:, others].max()
    assert error < 4 * np.abs(np.array(dithered) - exact)[..., others].max()


HALVES = {tf.float16: 2**-11, tf.bfloat16: 2**-8}


@pytest.mark.parametrize("half", HALVES)
def test_dither_covers_what_half_precision_rounds(half: Any, tmp_path: Path) -> None:
    """A stack of layers as mixed precision has it, beside TensorFlow's own answers."""
    first, second = draw(32, 64, seed=1, scale=0.2), draw(64, 4, seed=2, scale=0.2)

    def function(x: Any) -> dict[str, Any]:
        hidden = tf.nn.relu(tf.cast(x, half) @ tf.cast(first, half) + tf.cast(0.1, half))
        scores = hidden @ tf.cast(second, half)
        return {
            "hidden": tf.cast(hidden, tf.float32),
            "scores": tf.cast(scores, tf.float32),
            "softmax": tf.cast(tf.nn.softmax(scores), tf.float32),
        }

    inputs = {"x": draw(16, 32)}
    with saved(tmp_path, function, image(None, 32)) as model, Oracle(model) as oracle:
        exact = oracle.run(inputs)
        dithered = [oracle.run_dithered(inputs) for _ in range(4)]
    for name, answer in function(tf.constant(inputs["x"])).items():
        error = np.abs(answer.numpy() - exact[name]).max()
        deviation = max(np.abs(each[name] - exact[name]).max() for each in dithered)
        assert error > HALVES[half] / 4 * np.abs(exact[name]).max()
        assert error < 2 * deviation < 16 * error


@pytest.mark.parametrize("half", HALVES)
def test_a_cast_rounds_what_the_type_does_not_hold(half: Any, tmp_path: Path) -> None:
    def function(x: Any, n: Any) -> dict[str, Any]:
        return {"x": tf.cast(tf.cast(x, half), tf.float32), "n": tf.cast(n, tf.float32)}

    x = np.array([1, 1 + HALVES[half] * 0.9, 1024, 0], np.float32)
    specs = image(None), tf.TensorSpec([None], tf.int32, name="n")
    with saved(tmp_path, function, *specs) as model, Oracle(model) as oracle:
        inputs = {"x": x, "n": np.array([2**24 - 1, 2**24 + 1], np.int32)}
        exact = oracle.run(inputs)
        dithered = [oracle.run_dithered(inputs) for _ in range(16)]
    held = np.array([True, False, True, True])
    np.testing.assert_array_equal(exact["x"], x)
    for each in dithered:
        np.testing.assert_array_equal(each["x"][held], x[held])
        np.testing.assert_array_equal(each["n"], exact["n"])
    assert {each["x"][1] for each in dithered} == {1.0, 1 + 2 * HALVES[half]}


def test_a_cast_from_double_rounds_to_what_it_gives(tmp_path: Path) -> None:
    def function(x: Any) -> Any:
        return tf.cast(tf.cast(x, tf.float64) / 3, tf.float32)

    with saved(tmp_path, function, image(9)) as model, Oracle(model) as oracle:
        exact, dithered = (run({"x": draw(9)})["y"] for run in (oracle.run, oracle.run_dithered))
    np.testing.assert_array_equal(dithered, dithered.astype(np.float32))
    np.testing.assert_allclose(dithered, exact, rtol=EPSILON, atol=0)


SUMS: dict[str, Callable[[Any], Any]] = {
    "all": tf.reduce_sum,
    "last": lambda x: tf.reduce_sum(x, -1),
    "middle, kept": lambda x: tf.reduce_mean(x, 1, keepdims=True),
    "two": lambda x: tf.reduce_mean(x, [0, 2]),
    "none": lambda x: tf.reduce_sum(x, []),
    "backwards": lambda x: tf.reduce_sum(x, [-1, 0]),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_in_order_are_the_same_sums(name: str, tmp_path: Path) -> None:
    x = draw(3, 4, 5)
    with saved(tmp_path, SUMS[name], image(None, 4, 5)) as model, Oracle(model) as oracle:
        exact, dithered = oracle.run({"x": x})["y"], oracle.run_dithered({"x": x})["y"]
        empty = oracle.run_dithered({"x": draw(0, 4, 5)})["y"]
    assert dithered.shape == exact.shape
    np.testing.assert_allclose(dithered, exact, rtol=0, atol=16 * EPSILON * np.abs(exact).max())
    assert empty.dtype == np.float64
    assert np.any(dithered != exact)


@pytest.mark.parametrize("axes", [(0, 1), (-1, 0)])
def test_sums_go_along_their_axes_in_the_order_that_is_named(
    axes: tuple[int, ...], tmp_path: Path
) -> None:
    """A column of one number drifts where it is added up at a stretch, and not where it is not."""
    x = (7.4 + draw(72, 3, scale=0.3)).astype(np.float32)
    x[:, 2] = 7.6450806
    error = abs(one_by_one(x.transpose(axes).ravel()) / x.size - x.astype(np.float64).mean())
    function = functools.partial(tf.reduce_mean, axis=axes)
    with saved(tmp_path, function, image(None, 3)) as model, Oracle(model) as oracle:
        exact = oracle.run({"x": x})["y"]
        deviation = max(abs(oracle.run_dithered({"x": x})["y"] - exact) for _ in range(4))
    assert (error > 1e-5) == (axes == (-1, 0))
    assert deviation == pytest.approx(error, abs=3e-6)


def test_a_long_sum_of_one_number_drifts_as_it_does_on_wasm(tmp_path: Path) -> None:
    x = np.full(1_000_000, 0.1, np.float32)
    with saved(tmp_path, tf.reduce_mean, image(None)) as model, Oracle(model) as oracle:
        exact = oracle.run({"x": x})["y"]
        drifts = [oracle.run_dithered({"x": x})["y"] / exact - 1 for _ in range(8)]
    assert max(drifts) == pytest.approx(0.0096, rel=0.02)
    assert abs(min(drifts)) < 1e-6  # a kernel that adds up in a tree


def test_integers_are_added_exactly(tmp_path: Path) -> None:
    spec = tf.TensorSpec([None], tf.int32, name="x")
    with saved(tmp_path, tf.reduce_sum, spec) as model, Oracle(model) as oracle:
        assert oracle.run_dithered({"x": np.array([2**24, 1, 2], np.int32)})["y"] == 2**24 + 3


def test_dither_leaves_alone_what_no_one_rounds(tmp_path: Path) -> None:
    def function(x: Any) -> Any:
        return tf.nn.max_pool2d(tf.nn.relu(tf.transpose(x, [0, 2, 1, 3])), 2, 2, "VALID")

    with saved(tmp_path, function, image(1, 4, 6, 2)) as model, Oracle(model) as oracle:
        inputs = {"x": draw(1, 4, 6, 2)}
        np.testing.assert_array_equal(oracle.run(inputs)["y"], oracle.run_dithered(inputs)["y"])


def test_dither_repeats_with_its_seed(tmp_path: Path) -> None:
    with saved(tmp_path, lambda x: tf.exp(x) / 3, image(9)) as model:
        inputs = {"x": draw(9)}
        answers = []
        for _ in range(2):
            with Oracle(model, seed=7) as oracle:
                answers.append([oracle.run_dithered(inputs)["y"] for _ in range(3)])
    np.testing.assert_array_equal(answers[0], answers[1])
