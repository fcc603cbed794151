"""What frozen graphs say, on graphs that TensorFlow and Keras really make."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tfjs_verify.cases import (
    Case,
    Domain,
    explore,
    infer_domains,
    parse_domain,
    plan_cases,
    refine_dimensions,
)
from tfjs_verify.errors import CaseError
from tfjs_verify.tensors import Signature, TensorSpec

IDS = TensorSpec("ids", "int32", (None, None))
PIXELS = TensorSpec("pixels", "float32", (None, 8, 8, 3))


def inferred(model: Callable, spec: TensorSpec, *, inlined: bool = True) -> Domain | None:
    traced = tf.function(lambda x: model(x)).get_concrete_function(
        tf.TensorSpec(spec.shape, spec.dtype)
    )
    if inlined:
        traced = convert_variables_to_constants_v2(traced)
    graph = traced.graph.as_graph_def()
    placeholders = {spec.name: traced.inputs[0].op.name}
    return infer_domains(graph, placeholders, Signature((spec,), ())).get(spec.name)


def sequential(shape: tuple, *layers: keras.Layer, dtype: str | None = None) -> keras.Model:
    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers])


def test_embeddings_say_their_vocabulary() -> None:
    model = sequential((None,), keras.layers.Embedding(50, 4), dtype="int32")
    domain = inferred(model, IDS)
    assert str(domain) == "int 0..49"
    assert domain.source == "inferred"
    assert "indexes a table of 50" in domain.reason
    floats = sequential((None,), keras.layers.Embedding(20, 4))
    spec = TensorSpec("ids", "float32", (None, None))
    assert str(inferred(floats, spec)) == "int 0..19"


def explored(spec: TensorSpec, domain: Domain) -> np.ndarray:
    """All values that are drawn, of a hundred cases."""
    seen = []
    explore(
        Signature((spec,), ()),
        lambda case: seen.append(case.inputs[spec.name].reshape(-1)),
        examples=100,
        seed=0,
        domains={spec.name: domain},
    )
    return np.concatenate(seen)


def test_an_embedding_is_never_fed_an_unknown_token() -> None:
    model = sequential((None,), keras.layers.Embedding(7, 2), dtype="int32")
    assert set(explored(IDS, inferred(model, IDS)).tolist()) == set(range(7))


def test_the_smallest_of_several_tables_counts() -> None:
    def model(ids: tf.Tensor) -> tf.Tensor:
        table = tf.gather(tf.ones((9, 3)), tf.reshape(ids, [-1]))
        return table, tf.one_hot(ids, 4), tf.gather(tf.ones((3, 6)), ids[0], axis=1)

    assert str(inferred(model, IDS)) == "int 0..3"


def test_functions_are_looked_into() -> None:
    table = tf.ones((33, 4))

    @tf.function
    def inner(values: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        return tf.gather(values, tf.identity(ids))

    assert str(inferred(lambda ids: inner(table, ids), IDS, inlined=False)) == "int 0..32"


@pytest.mark.parametrize(
    ("rescaling", "wanted"),
    [
        ({"scale": 1 / 255}, "float 0..255"),
        ({"scale": 1 / 127.5, "offset": -1}, "float 0..255"),
        ({"scale": 2.0}, None),
    ],
)
def test_rescaling_says_the_scale(rescaling: dict, wanted: str | None) -> None:
    model = sequential((8, 8, 3), keras.layers.Rescaling(**rescaling), keras.layers.Conv2D(2, 3))
    domain = inferred(model, PIXELS)
    assert (str(domain) if domain else None) == wanted


@pytest.mark.parametrize(
    ("dtype", "top", "wanted"),
    [
        ("int16", 32768.0, "int -32768..32767"),
        ("int16", 255.0, "int -255..255"),
        ("uint16", 65536.0, "int 0..65535"),
        ("int32", 2.0**31, "int -2147483648..2147483647"),
        ("int64", 2.0**60, f"int {-(2**53)!r}..{2**53!r}"),
        ("float16", 1e5, "float 0..65504"),
        ("uint8", 255.0, None),
        ("int8", 128.0, None),
    ],
)
def test_what_is_rescaled_stays_in_its_type(dtype: str, top: float, wanted: str | None) -> None:
    spec = TensorSpec("x", dtype, (None, 4))
    domain = inferred(lambda x: tf.cast(x, tf.float32) / top, spec)
    assert (str(domain) if domain else None) == wanted
    if domain:
        domain.check(spec)


def test_an_offset_says_where_integers_begin() -> None:
    pixels = TensorSpec("x", "int32", (None, 4))
    domain = inferred(lambda x: tf.cast(x, tf.float32) / 127.5 - 1.0, pixels)
    assert str(domain) == "int 0..255"


def test_short_integers_index_what_they_reach() -> None:
    domain = inferred(lambda x: tf.one_hot(x, 300), TensorSpec("x", "uint8", (None, 4)))
    assert str(domain) == "int 0..255"


def test_a_scale_is_one_where_nothing_else_takes_the_values() -> None:
    x = TensorSpec("x", "float32", (None, 4))
    assert inferred(lambda x: tf.maximum(0.1 * x, x), x) is None
    assert inferred(lambda x: x + 0.1 * tf.tanh(x), x) is None
    both = inferred(lambda x: tf.reshape(x / 255.0, tf.shape(x)) + tf.tanh(x / 255.0), x)
    assert str(both) == "float 0..255"


def test_normalization_says_the_range() -> None:
    layer = keras.layers.Normalization()
    layer.adapt(np.random.default_rng(0).normal(50, 7, (2000, 5)).astype("float32"))
    domain = inferred(
        sequential((5,), layer, keras.layers.Dense(2)), TensorSpec("x", "float32", (None, 5))
    )
    low, high = domain.interval
    assert 25 < low < 32
    assert 68 < high < 75


@pytest.mark.parametrize("weight", [-1e9, -10000.0])
def test_what_attention_leaves_out_is_a_mask(weight: float) -> None:
    def model(mask: tf.Tensor) -> tf.Tensor:
        left_out = (1.0 - tf.cast(mask[:, None, :], tf.float32)) * weight
        return tf.nn.softmax(left_out + tf.range(3.0)[:, None])

    for dtype in ("int32", "int64", "float32"):
        domain = inferred(model, TensorSpec("segments", dtype, (None, None)))
        assert str(domain) == "mask"
        assert "moved out of sight" in domain.reason
        column = TensorSpec("segments", dtype, (None, 1))
        assert str(inferred(model, column)) == "values [0, 1]"
        seen = explored(column, inferred(model, column))
        assert set(np.unique(seen)) == {0, 1}


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("mask", True), ("attention_mask", True), ("inputMask", True), ("input_masks_1", True),
        ("masked_lm_positions", False), ("mask_ids", False), ("unmasked", False), ("_1", False),
        ("seg_mask", False),
    ],
)  # fmt: skip
def test_an_integer_that_is_called_mask_is_one(name: str, mask: bool) -> None:
    def model(x: tf.Tensor) -> tf.Tensor:
        return tf.where(tf.cast(x, tf.bool), 1.0, 2.0)

    domain = inferred(model, TensorSpec(name, "int32", (None, 4)))
    assert (str(domain) == "mask") == mask
    column = inferred(model, TensorSpec(name, "int64", (None, 4, 1)))
    assert (str(column) == "values [0, 1]") == mask
    for dtype in ("float32", "uint8"):
        assert inferred(model, TensorSpec(name, dtype, (None, 4))) is None
    looked_up = inferred(
        lambda x: tf.gather(tf.ones((9, 3)), x), TensorSpec(name, "int32", (None, 4))
    )
    assert str(looked_up) == "int 0..8"


def test_a_distance_from_one_is_no_mask() -> None:
    x = TensorSpec("x", "float32", (None, 4))
    assert inferred(lambda x: (1.0 - x) * 0.5, x) is None
    assert inferred(lambda x: (1.0 - x) * 2000.0, x) is None


def test_integers_that_are_only_calculated_with_may_be_negative() -> None:
    assert str(inferred(lambda ids: ids * 3 - 1, IDS)) == "int -100..100"
    for model in (lambda ids: 12 // ids, lambda ids: tf.fill(ids[0], 1.0), lambda ids: ids % 5):
        assert inferred(model, IDS) is None


def test_an_unknown_placeholder_is_refused() -> None:
    with pytest.raises(CaseError, match="not there"):
        infer_domains(tf.Graph().as_graph_def(), {"ids": "x"}, Signature((IDS,), ()))


# --- sizes by trial ------------------------------------------------------------------------------


def refined(model: Callable, *specs: TensorSpec) -> dict[str, tuple[tuple, tuple]]:
    traced = tf.function(model)

    def accepts(case: Case) -> bool:
        try:
            traced(*(tf.constant(case.inputs[spec.name]) for spec in specs))
        except (tf.errors.InvalidArgumentError, ValueError):
            return False
        return True

    plan = refine_dimensions(plan_cases(Signature(specs, ())), accepts)
    return {
        each.name: (each.members, tuple(sorted(set(each.sizes))))
        for each in plan.dimensions.dimensions
    }


FIRST = TensorSpec("first", "float32", (None, None, 4))
SECOND = TensorSpec("second", "float32", (None, None, 4))


def test_coupled_sequences_stay_coupled_and_others_part() -> None:
    together = refined(lambda a, b: tf.concat([a, b], axis=-1), FIRST, SECOND)
    assert together["axis 1"][0] == (("first", 1), ("second", 1))
    apart = refined(lambda a, b: tf.concat([a, b], axis=1), FIRST, SECOND)
    assert apart["axis 1"][0] == (("first", 1),)
    assert apart["axis 1 of second"][0] == (("second", 1),)
    assert apart["batch"][0] == (("first", 0), ("second", 0))


def test_sizes_that_the_model_refuses_are_left_out() -> None:
    image = TensorSpec("image", "float32", (None, None, None, 1))

    def halved_and_back(x: tf.Tensor) -> tf.Tensor:
        small = tf.nn.max_pool2d(x, 16, 16, "VALID")
        return tf.concat([x, tf.repeat(tf.repeat(small, 16, axis=1), 16, axis=2)], axis=-1)

    assert refined(halved_and_back, image)["axis 1"][1] == (16, 32, 48, 64)


def test_a_model_that_takes_no_size_says_what_would_help() -> None:
    with pytest.raises(CaseError, match=r"--input first=.*shape="):
        refined(lambda a: tf.reshape(a, [-1, 977, 4]), FIRST)


def test_stated_sizes_are_kept() -> None:
    spec = TensorSpec("first", "float32", (None, None, 4))
    plan = plan_cases(
        Signature((spec,), ()), domains={"first": parse_domain("float 0..1 shape=2x3..4x4")}
    )
    shapes = set()
    explore(plan, lambda case: shapes.add(case.inputs["first"].shape), examples=40, seed=0)
    assert shapes == {(2, 3, 4), (2, 4, 4)}
