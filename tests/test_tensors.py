from __future__ import annotations

import numpy as np
import pytest

from tfjs_verify.tensors import TensorSpec, decode, encode, narrow

ROUND_TRIPS = {
    "float32": np.array([[1.5, -0.0, np.inf], [np.nan, 1e-45, -1.0]], np.float32),
    "int32": np.array([2**31 - 1, -(2**31), 0], np.int32),
    "bool": np.array([True, False, True]),
    "complex64": np.array([[1 + 2j, complex(np.nan, -0.0)]], np.complex64),
    "string": np.array([b"", b"abc", "größe".encode(), b"\x00\xff"], object),
    "scalar": np.array(3.0, np.float32),
    "empty": np.zeros((0, 3), np.float32),
    "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
}


def test_tensors_survive_the_wire_bit_for_bit():
    descriptors, chunks = encode(ROUND_TRIPS)
    attachment = memoryview(b"".join(chunks))
    for name, sent in ROUND_TRIPS.items():
        assert descriptors[name]["offset"] % 8 == 0
        got = decode(descriptors[name], attachment)
        assert got.shape == sent.shape
        if name == "string":
            assert got.tolist() == sent.tolist()
        else:
            assert got.tobytes() == np.ascontiguousarray(sent).tobytes()


@pytest.mark.parametrize(
    "wrong",
    [
        {"dtype": "float64"},
        {"byteLength": 4096},
        {"offset": -8},
        {"shape": [7]},
    ],
)
def test_a_descriptor_that_does_not_fit_is_refused(wrong):
    descriptors, chunks = encode({"x": np.zeros(4, np.float32)})
    with pytest.raises(ValueError, match=r".+"):
        decode({**descriptors["x"], **wrong}, memoryview(b"".join(chunks)))


def test_truncated_strings_are_refused():
    descriptors, chunks = encode({"x": np.array([b"abc", b"de"], object)})
    whole = descriptors["x"]
    with pytest.raises(ValueError, match="2 strings were announced, 1 are there"):
        decode({**whole, "byteLength": 7}, memoryview(b"".join(chunks)))


@pytest.mark.parametrize(
    ("array", "to", "changed"),
    [
        (np.array([1, 2**40], np.int64), "int32", 1),
        (np.array([255], np.uint8), "int32", 0),
        (np.array([0.1, 0.5, np.nan], np.float64), "float32", 1),
        (np.array([1e300], np.float64), "float32", 1),
        (np.array([0.1], np.float16), "float32", 0),
        (np.array([2**32 - 1], np.uint32), "int32", 1),
    ],
)
def test_narrowing_is_stated(array, to, changed):
    narrowed, narrowing = narrow(array)
    assert narrowed.dtype.name == to
    assert narrowing is not None
    assert (narrowing.to, narrowing.changed) == (to, changed)


def test_what_tfjs_has_is_not_narrowed():
    for array in ROUND_TRIPS.values():
        assert narrow(array)[1] is None


def test_a_spec_reads_like_a_shape_and_checks_one():
    spec = TensorSpec("x", "float32", (None, 3))
    assert str(spec) == "float32[?, 3]"
    assert spec.accepts_shape((7, 3))
    assert not spec.accepts_shape((7, 4))
    assert not spec.accepts_shape((3,))
    assert TensorSpec("y", "int32", None).accepts_shape((1, 2, 3))
