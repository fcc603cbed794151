from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfjs_verify.cases import Case, load_cases, save_case
from tfjs_verify.errors import CaseError
from tfjs_verify.tensors import Signature, TensorSpec

SIGNATURE = Signature(
    (TensorSpec("image", "float32", (None, 2, 3)), TensorSpec("id", "int32", (None,))), ()
)


def stored(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


def inputs(**changes: object) -> dict[str, object]:
    return {"image": np.ones((1, 2, 3), np.float32), "id": np.array([4], np.int32)} | changes


def test_a_file_is_one_case_and_a_directory_its_files_in_order(tmp_path: Path) -> None:
    stored(tmp_path / "b.npz", **inputs())
    stored(tmp_path / "a.npz", **inputs(id=np.array([7], np.int32)))
    (tmp_path / "notes.txt").write_text("not a case")
    cases = load_cases([tmp_path, tmp_path / "b.npz"], SIGNATURE)
    assert [case.name for case in cases] == ["a", "b", "b-2"]
    assert cases[0].inputs["id"].tolist() == [7]
    assert cases[0].origin == str(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("changes", "value", "dtype"),
    [
        ({"image": np.full((1, 2, 3), 255, np.uint8)}, 255.0, "float32"),
        ({"image": np.full((1, 2, 3), 0.1, np.float64)}, np.float32(0.1), "float32"),
        ({"image": np.full((1, 2, 3), True)}, 1.0, "float32"),
        ({"id": np.array([5], np.int64)}, 5, "int32"),
    ],
)
def test_safe_casts(tmp_path: Path, changes: dict, value: float, dtype: str) -> None:
    (case,) = load_cases([stored(tmp_path / "c.npz", **inputs(**changes))], SIGNATURE)
    (name,) = changes
    assert case.inputs[name].dtype == dtype
    assert case.inputs[name].reshape(-1)[0] == value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": np.ones((2, 3), np.float32)}, "The batch dimension is missing"),
        (
            {"image": np.ones((1, 3, 2), np.float32)},
            r"has shape \(1, 3, 2\), the model takes float",
        ),
        ({"image": np.full((1, 2, 3), 2**24 + 1)}, "such as 16777217, cannot be float32"),
        ({"image": np.full((1, 2, 3), 1e300)}, "such as 1e.300, cannot be float32"),
        ({"id": np.array([1.0])}, "float64 is not cast to int32"),
        ({"id": np.array([2**40])}, "cannot be int32"),
        ({"id": np.array(["a"])}, "string is not cast to int32"),
        ({"Id": np.array([1]), "id": None}, r"\"Id\" is no input .*did you mean \"id\""),
        ({"id": None}, '"id" is missing'),
        ({"mask": np.ones(1)}, '"mask" is no input of the model'),
        ({"id": np.array([object()])}, "pickled"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    arrays = {name: array for name, array in inputs(**changes).items() if array is not None}
    with pytest.raises(CaseError, match=message):
        load_cases([stored(tmp_path / "c.npz", **arrays)], SIGNATURE)


def test_unreadable_files(tmp_path: Path) -> None:
    whole = stored(tmp_path / "c.npz", **inputs()).read_bytes()
    bad = tmp_path / "bad.npz"
    for content in (b"", b"junk", whole[: len(whole) // 2], whole[:-30]):
        bad.write_bytes(content)
        with pytest.raises(CaseError, match=r"bad\.npz"):
            load_cases([bad], SIGNATURE)
    bad.write_text("x = 1")
    with pytest.raises(CaseError, match=r"bad\.npz is no NumPy file"):
        load_cases([bad], SIGNATURE)
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(CaseError, match="bare array"):
        load_cases([tmp_path / "one.npy"], SIGNATURE)
    with pytest.raises(CaseError, match="No such data file"):
        load_cases([tmp_path / "absent.npz"], SIGNATURE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaseError, match=r"holds no \.npz file"):
        load_cases([tmp_path / "empty"], SIGNATURE)


def test_saved_cases_come_back_bit_for_bit(tmp_path: Path) -> None:
    import ml_dtypes

    numbers = np.array([np.nan, np.inf, -0.0, 1e-40], np.float32)
    text = np.array([b"a\0", b"", "snö".encode(), b"\0\0"], object)
    arrays = {
        "file": numbers,
        "text": text.reshape(2, 2),
        "plain": np.array([b"x", b""], object),
        "none": np.empty((0,), object),
        "half": np.array(1.5, ml_dtypes.bfloat16),
        "truth": np.array([[True]]),
        "complex": np.array([1 + 2j], np.complex64),
    }
    dtypes = ("float32", "string", "string", "string", "bfloat16", "bool", "complex64")
    signature = Signature(
        tuple(
            TensorSpec(name, dtype, array.shape)
            for (name, array), dtype in zip(arrays.items(), dtypes, strict=True)
        ),
        (),
    )
    case = Case("c", arrays, "test")
    path = save_case(case, tmp_path / "deep" / "c")
    assert path == tmp_path / "deep" / "c.npz"
    assert path.read_bytes() == save_case(case, tmp_path / "again.npz").read_bytes()
    (back,) = load_cases([path], signature)
    for name, array in arrays.items():
        assert back.inputs[name].dtype == array.dtype
        assert back.inputs[name].shape == array.shape
        assert back.inputs[name].tolist() == array.tolist() or name == "file"
    assert back.inputs["file"].tobytes() == numbers.tobytes()
    assert back.values == "nan"


def test_text_becomes_utf8(tmp_path: Path) -> None:
    signature = Signature((TensorSpec("s", "string", (None,)),), ())
    (case,) = load_cases([stored(tmp_path / "s.npz", s=np.array(["snö", ""]))], signature)
    assert case.inputs["s"].tolist() == ["snö".encode(), b""]
