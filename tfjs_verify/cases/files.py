"""Cases on disk: one `.npz` is one case, keyed by input name; a directory is its `.npz` files."""

from __future__ import annotations

import difflib
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfjs_verify.cases.case import Case, classify, is_float, is_integer, numpy_dtype
from tfjs_verify.errors import CaseError
from tfjs_verify.tensors import Array, Signature, TensorSpec, as_bytes, dtype_name

_UNREADABLE = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError)
_MAGIC = (b"PK", b"\x93NUMPY")
"""How an .npz and an .npy file begin; NumPy takes anything else for pickled objects."""
_LENGTH = struct.Struct("<I")


def load_cases(paths: Sequence[Path], signature: Signature) -> tuple[Case, ...]:
    """The cases in these files and directories, in the order given, checked against a signature.

    Values keep their dtype or are cast where that changes nothing (uint8 255 to float32 255.0);
    float64 and int64, NumPy's own defaults, are also rounded to the float, or checked and narrowed
    to the integer, that the model takes. Raises CaseError for anything else: a missing, misnamed,
    extra, wrongly shaped or wrongly typed input, an unreadable or pickled file, an empty directory.
    """
    cases: list[Case] = []
    for path in paths:
        for file in _files(Path(path)):
            inputs = _inputs(file, signature)
            values = classify(inputs)
            cases.append(
                Case(
                    name=_unique(file.stem, cases),
                    inputs=inputs,
                    origin=str(file),
                    values=values if values in {"nan", "infinite"} else "finite",
                )
            )
    return tuple(cases)


def save_case(case: Case, path: Path) -> Path:
    """Writes the case as an `.npz` that `load_cases` gives back exactly; returns its path.

    Strings become NumPy byte strings, or length-prefixed records where NumPy would drop trailing
    NULs; nothing is pickled. Raises CaseError where the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".npz":
        path = path.with_name(path.name + ".npz")
    stored = {name: _storable(array) for name, array in case.inputs.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A zip written by hand, because numpy.savez cannot store an input named "file".
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in stored.items():
                # A fixed time stamp keeps equal cases equal byte for byte.
                info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(info, "w", force_zip64=True) as member:
                    np.lib.format.write_array(  # type: ignore[no-untyped-call]
                        member, np.asanyarray(array), allow_pickle=False
                    )
    except OSError as error:
        raise CaseError(f"Cannot write the case to {path}: {error}. Name another place.") from error
    return path


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(path.glob("*.npz"))
        if not files:
            raise CaseError(f"{path} holds no .npz file; one case is one .npz keyed by input name.")
        return files
    if not path.exists():
        raise CaseError(f"No such data file or directory: {path}.")
    return [path]


def _inputs(file: Path, signature: Signature) -> dict[str, Array]:
    arrays = _read(file)
    wanted = {spec.name for spec in signature.inputs}
    extra = [name for name in arrays if name not in wanted]
    missing = [spec for spec in signature.inputs if spec.name not in arrays]
    if missing or extra:
        raise CaseError(_wrong_names(file, signature, missing, extra))
    return {spec.name: _fitted(file, spec, arrays[spec.name]) for spec in signature.inputs}


def _read(file: Path) -> dict[str, Array]:
    expected = "An .npz file written by numpy.savez(path, <input name>=array, ...) was expected."
    try:
        with file.open("rb") as opened:
            if not opened.read(6).startswith(_MAGIC):
                raise CaseError(f"{file} is no NumPy file. {expected}")
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise CaseError(f"{file} holds one bare array without an input name. {expected}")
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except _UNREADABLE as error:
        if "allow_pickle" in str(error) or "pickled" in str(error):
            raise CaseError(
                f"{file} holds pickled objects, which are not loaded because they can run code. "
                "Store strings with numpy.array(values, dtype='S') or dtype='U', and numbers "
                f"with a numeric dtype. {expected}"
            ) from error
        raise CaseError(f"Cannot read {file}: {error}. {expected}") from error


def _wrong_names(
    file: Path, signature: Signature, missing: list[TensorSpec], extra: list[str]
) -> str:
    takes = ", ".join(f'"{spec.name}" ({spec})' for spec in signature.inputs) or "no input"
    problems = [f'input "{spec.name}" is missing' for spec in missing]
    for name in extra:
        close = difflib.get_close_matches(
            name.lower(), [spec.name.lower() for spec in missing or signature.inputs], n=1
        )
        match = next(
            (spec.name for spec in signature.inputs if close and spec.name.lower() == close[0]), ""
        )
        problems.append(
            f'"{name}" is no input of the model' + (f' (did you mean "{match}"?)' if match else "")
        )
    return f"{file}: {'; '.join(problems)}. The model takes {takes}."


def _fitted(file: Path, spec: TensorSpec, array: Array) -> Array:
    if not spec.accepts_shape(array.shape):
        hint = ""
        if spec.shape is not None and spec.accepts_shape((1, *array.shape)):
            hint = " The batch dimension is missing: store array[None]."
        raise CaseError(
            f'{file}: input "{spec.name}" has shape {tuple(array.shape)}, '
            f"the model takes {spec}.{hint}"
        )
    return cast_exactly(array, spec, where=str(file))


def cast_exactly(array: Array, spec: TensorSpec, *, where: str) -> Array:
    """The array in the dtype of `spec`; CaseError where that would change what it says."""
    have, want = dtype_name(array), spec.dtype
    if _is_record_of_strings(array) and want == "string":
        return _unrecorded(array)
    if have == want:
        return (
            as_bytes(array)
            if want == "string"
            else np.ascontiguousarray(array).reshape(array.shape)
        )
    refusal = f'{where}: input "{spec.name}" is {have}, the model takes {spec}'
    if not _castable(array, want):
        raise CaseError(f"{refusal}, and {have} is not cast to {want}. Store it as {want}.")
    with np.errstate(over="ignore", invalid="ignore"):
        result = array.astype(numpy_dtype(want))
        rounding = have == "float64" and is_float(want)
        if rounding:
            changed = np.isinf(result) & ~np.isinf(array)
        else:
            back = result.astype(array.dtype)
            changed = ~((back == array) | ((back != back) & (array != array)))
    if np.any(changed):
        example = array[changed].reshape(-1)[0]
        raise CaseError(
            f"{refusal}, and {int(np.count_nonzero(changed))} of its values, such as {example}, "
            f"cannot be {want}. Store it as {want}."
        )
    return np.asarray(result)


def _castable(array: Array, want: str) -> bool:
    kind = array.dtype.kind
    if kind in "iu":
        return is_integer(want) or is_float(want) or want.startswith("complex")
    if kind == "f":
        return is_float(want) or want.startswith("complex")
    if kind == "b":
        return is_float(want) or is_integer(want)
    return kind == "c" and want.startswith("complex")


def _storable(array: Array) -> Array:
    if dtype_name(array) == "bfloat16":
        return array.astype(np.float32)
    if dtype_name(array) != "string":
        return array
    items: list[bytes] = as_bytes(array).reshape(-1).tolist()
    if not any(item.endswith(b"\0") for item in items):
        return np.array(items, dtype="S").reshape(array.shape)
    width = max(map(len, items))
    records = b"".join(_LENGTH.pack(len(item)) + item.ljust(width, b"\0") for item in items)
    return np.frombuffer(records, dtype=f"V{width + _LENGTH.size}").reshape(array.shape)


def _is_record_of_strings(array: Array) -> bool:
    return array.dtype.kind == "V" and array.dtype.names is None


def _unrecorded(array: Array) -> Array:
    result = np.empty(array.shape, dtype=object)
    flat = result.reshape(-1)
    for position, record in enumerate(array.reshape(-1)):
        data = record.tobytes()
        (length,) = _LENGTH.unpack_from(data)
        flat[position] = data[_LENGTH.size : _LENGTH.size + length]
    return result


def _unique(stem: str, cases: Sequence[Case]) -> str:
    taken = {case.name for case in cases}
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
