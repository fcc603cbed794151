"""One named set of input tensors, what class of values it holds, and where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tfjs_verify.tensors import Array, dtype_name

if TYPE_CHECKING:
    from tfjs_verify.cases.recipe import Drawn

ValueClass = Literal[
    "finite", "large", "tiny", "int_extreme", "signed_zero", "subnormal", "infinite", "nan"
]
"""What is special about the values of a case.

Only "finite" cases must agree by default. "large" is beyond 1e6 and "tiny" below 1e-6 throughout,
both still normal numbers; "int_extreme" holds the largest or smallest integer of its dtype.
"""

_LARGE = 1e6
_TINY = 1e-6
_WORDS_LIMIT = 4


@dataclass(frozen=True)
class Case:
    """One input for every input of a signature.

    `origin` says in words how to get it again: a recipe and its seed, or the path of a file.
    `values` is the class of values that the case was made to explore.
    """

    name: str
    inputs: Mapping[str, Array]
    origin: str
    values: ValueClass = "finite"
    drawn: Drawn | None = field(default=None, compare=False, repr=False)
    """The recipe behind a generated case, with which `find_smallest` starts; None for a file."""

    def __str__(self) -> str:
        return f"{self.name} ({self.origin})"


class CaseRejected(Exception):
    """Raised by a visitor when TensorFlow itself refuses the case: not a mismatch, but counted."""


def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """The NumPy dtype that has TensorFlow's name `dtype`; strings are object arrays of bytes."""
    if dtype == "string":
        return np.dtype(object)
    if dtype == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(dtype)


def is_float(dtype: str) -> bool:
    """Whether TensorFlow's dtype of this name holds real floating-point numbers."""
    return "float" in dtype


def is_integer(dtype: str) -> bool:
    """Whether TensorFlow's dtype of this name holds integers (bool is none)."""
    return "int" in dtype


def classify(inputs: Mapping[str, Array]) -> ValueClass:
    """The most special class of values that occurs anywhere in the tensors."""
    found: set[ValueClass] = set()
    for array in inputs.values():
        found |= _classes(array)
    order: tuple[ValueClass, ...] = (
        *("nan", "infinite", "subnormal", "signed_zero", "int_extreme", "large", "tiny"),
    )
    return next((each for each in order if each in found), "finite")


def _classes(array: Array) -> set[ValueClass]:
    name = dtype_name(array)
    found: set[ValueClass] = set()
    if not array.size or name in {"string", "bool"}:
        return found
    if is_integer(name):
        limits = np.iinfo(array.dtype)
        extremes = array.dtype.itemsize >= 4 and np.any(
            (array == limits.max) | ((array == limits.min) & (limits.min < 0))
        )
        return {"int_extreme"} if extremes else found
    if name.startswith("complex"):
        return _classes(array.real) | _classes(array.imag)
    if np.isnan(array).any():
        found.add("nan")
    if np.isinf(array).any():
        found.add("infinite")
    size = np.abs(array[np.isfinite(array)].astype(np.float64))
    largest = float(size.max(initial=0.0))
    nonzero = size[size > 0]
    if nonzero.size and float(nonzero.min()) < _smallest_normal(name):
        found.add("subnormal")
    if np.any((array == 0) & np.signbit(array)):
        found.add("signed_zero")
    if largest > _LARGE:
        found.add("large")
    if 0 < largest < _TINY:
        found.add("tiny")
    return found


def _smallest_normal(dtype: str) -> float:
    if dtype == "bfloat16":
        return float(np.finfo(np.float32).tiny)
    return float(np.finfo(dtype).tiny)


def fingerprint(inputs: Mapping[str, Array]) -> bytes:
    """A digest of shapes and values, equal only for equal tensors in equal order."""
    digest = hashlib.blake2b(digest_size=16)
    for array in inputs.values():
        digest.update(repr((array.dtype.name, array.shape)).encode())
        if array.dtype == object:
            digest.update(repr(array.tolist()).encode())
        else:
            digest.update(array.tobytes())
    return digest.digest()


def describe(inputs: Mapping[str, Array]) -> str:
    """The tensors in words a person can act on: "batch 1, all zeros but x[0, 3, 4, 0] = 1.0"."""
    arrays = list(inputs.values())
    sizes = {array.shape[0] for array in arrays if array.ndim}
    batch = f"batch {sizes.pop()}, " if len(sizes) == 1 else ""
    parts = [_words(name, array) for name, array in inputs.items()]
    if len(parts) > 1 and all(part == "all zeros" for part in parts):
        return f"{batch}all zeros"
    if len(parts) == 1:
        return batch + parts[0]
    return batch + "; ".join(
        f"{name} {tuple(array.shape)}: {part}"
        for (name, array), part in zip(inputs.items(), parts, strict=True)
    )


def _words(name: str, array: Array) -> str:
    if not array.size:
        return "empty"
    string = dtype_name(array) == "string"
    flat = array.reshape(-1)
    usual: Any = b"" if string else array.dtype.type(0)
    others = np.flatnonzero([item != usual for item in flat.tolist()] if string else flat != usual)
    if not string and np.issubdtype(array.dtype, np.inexact):
        others = np.union1d(others, np.flatnonzero(np.signbit(flat.real)))
    word = "all empty strings" if string else "all False" if array.dtype == bool else "all zeros"
    if not others.size:
        return word
    if len(others) == flat.size > 1 and all(item == flat[0] for item in flat.tolist()):
        return f"all {_show(flat[0])}"
    if len(others) > _WORDS_LIMIT:
        range_ = (
            ""
            if string or array.dtype.kind == "c"
            else f", from {_show(flat.min())} to {_show(flat.max())}"
        )
        return f"{len(others)} of {flat.size} elements set{range_}"
    listed = ", ".join(
        f"{name}{_index(position, array.shape)} = {_show(flat[position])}" for position in others
    )
    return listed if len(others) == flat.size else f"{word} but {listed}"


def _index(position: int, shape: tuple[int, ...]) -> str:
    where = np.unravel_index(position, shape)
    return f"[{', '.join(str(int(each)) for each in where)}]" if shape else ""


def _show(value: Any) -> str:
    if isinstance(value, bytes):
        return repr(value)
    return str(value)
