"""What values an input accepts: stated by the user, inferred from the graph, or by dtype."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from tfjs_verify.cases.case import is_float, is_integer, numpy_dtype
from tfjs_verify.errors import CaseError
from tfjs_verify.tensors import Signature, TensorSpec

DomainKind = Literal[
    "float",
    "int",
    "normal",
    "bool",
    "string",
    "values",
    "one_hot",
    "probabilities",
    "mask",
    "lengths",
]
Source = Literal["stated", "inferred", "dtype"]

DEFAULT_PATTERN = "[ -~]{0,12}"
_NORMAL_REACH = 4.0
"""A normal domain ends this many standard deviations from its mean."""

_EXACT = 2.0**53
"""Beyond it float64, in which values are drawn, skips whole numbers."""

_FITS: Mapping[DomainKind, str] = {
    "float": "a float or complex dtype",
    "int": "an integer or float dtype",
    "normal": "a float or complex dtype",
    "bool": "dtype bool",
    "string": "dtype string",
    "values": "values of its dtype",
    "one_hot": "a numeric or bool dtype of rank 1 or more",
    "probabilities": "a float dtype of rank 1 or more",
    "mask": "a numeric or bool dtype of rank 1 or more",
    "lengths": "an integer or float dtype",
}


@dataclass(frozen=True)
class Domain:
    """The values that one input accepts; `str(domain)` is the text that `--input` takes.

    `low`, `high` bound "float" and "int", both included. `mean`, `std` belong to "normal", `values`
    to "values", `pattern` to "string". `of` names the input whose sizes "lengths" measures ("" lets
    the signature tell). `shape` limits the tensor's shape further: None is any size, a pair is a
    range.
    """

    kind: DomainKind
    low: float = 0.0
    high: float = 1.0
    mean: float = 0.0
    std: float = 1.0
    values: tuple[float | str, ...] = ()
    pattern: str = ""
    of: str = ""
    shape: tuple[int | tuple[int, int] | None, ...] | None = None
    source: Source = "stated"
    reason: str = ""
    """Why an inferred domain is what it is, for the report."""

    def __str__(self) -> str:
        text = {
            "float": f"float {_number(self.low)}..{_number(self.high)}",
            "int": f"int {_number(self.low)}..{_number(self.high)}",
            "normal": f"normal {_number(self.mean)} {_number(self.std)}",
            "string": f"string {self.pattern}",
            "values": f"values {_listed(self.values)}",
            "lengths": f"lengths {self.of}".rstrip(),
        }.get(self.kind, self.kind)
        return text if self.shape is None else f"{text} shape={_shape_text(self.shape)}"

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the values of a numeric domain, both included."""
        if self.kind == "normal":
            reach = _NORMAL_REACH * self.std
            return self.mean - reach, self.mean + reach
        if self.kind in {"float", "int"}:
            return self.low, self.high
        return 0.0, 1.0

    def within(self, dtype: str) -> Domain:
        """What of a domain of numbers a dtype can hold, and whole numbers are drawn from."""
        if self.kind not in {"float", "int"}:
            return self
        least, most = _range(dtype)
        if self.integral:
            least, most = max(least, -_EXACT), min(most, _EXACT)
        low, high = (min(max(end, least), most) for end in (self.low, self.high))
        return replace(self, low=low, high=high)

    @property
    def integral(self) -> bool:
        """Whether every value is a whole number."""
        return self.kind == "int"

    def check(self, spec: TensorSpec, signature: Signature | None = None) -> None:
        """CaseError where the domain is empty or contradicts the dtype or shape of `spec`."""
        where = f'Input "{spec.name}" ({spec}): domain "{self}"'
        if not self._fits(spec):
            raise CaseError(
                f"{where} needs {_FITS[self.kind]}. Use for example "
                f'--input {spec.name}="{default_domain(spec)}".'
            )
        if self.kind in {"float", "int"} and not self.low <= self.high:
            raise CaseError(f"{where} is empty: its lower end is above its upper end.")
        if self.kind == "normal" and not self.std > 0:
            raise CaseError(f"{where}: the standard deviation must be greater than 0.")
        if self.kind == "values":
            _check_values(where, self.values, spec)
        self._check_range(where, spec)
        if self.integral and max(abs(self.low), abs(self.high)) > _EXACT:
            raise CaseError(f"{where}: whole numbers are drawn between -2^53 and 2^53.")
        if self.shape is not None:
            _check_shape(where, self.shape, spec)
        if self.kind == "lengths" and self.of and signature is not None:
            names = [other.name for other in signature.inputs]
            if self.of not in names:
                raise CaseError(f"{where} measures an unknown input; there are {', '.join(names)}.")

    def _fits(self, spec: TensorSpec) -> bool:
        floating, whole = is_float(spec.dtype), is_integer(spec.dtype)
        plural = spec.shape is None or len(spec.shape) > 0
        if self.kind in {"float", "normal"}:
            return floating or spec.dtype.startswith("complex")
        if self.kind in {"int", "lengths"}:
            return whole or floating
        if self.kind in {"bool", "string"}:
            return spec.dtype == self.kind
        if self.kind == "probabilities":
            return floating and plural
        if self.kind in {"one_hot", "mask"}:
            return (floating or whole or spec.dtype == "bool") and plural
        return True

    def _check_range(self, where: str, spec: TensorSpec) -> None:
        low, high = self.interval
        if not (math.isfinite(low) and math.isfinite(high)):
            raise CaseError(
                f"{where}: both ends must be finite; NaN and infinities are explored apart, "
                "with --special-values."
            )
        if not (is_integer(spec.dtype) or is_float(spec.dtype)):
            return
        least, most = _range(spec.dtype)
        if low < least or high > most:
            raise CaseError(f"{where} leaves the range of {spec.dtype}, {least:g}..{most:g}.")


def default_domain(spec: TensorSpec) -> Domain:
    """The domain that the dtype alone suggests; integers stay small, for they may be indices."""
    if spec.dtype == "bool":
        return Domain("bool", source="dtype")
    if spec.dtype == "string":
        return Domain("string", pattern=DEFAULT_PATTERN, source="dtype")
    if spec.dtype == "uint8":
        return Domain("int", 0, 255, source="dtype")
    if spec.dtype == "int8":
        return Domain("int", -128, 127, source="dtype")
    if is_integer(spec.dtype):
        return Domain("int", 0, 9, source="dtype")
    if is_float(spec.dtype) or spec.dtype.startswith("complex"):
        return Domain("float", -1.0, 1.0, source="dtype")
    raise CaseError(
        f'Input "{spec.name}" has dtype {spec.dtype}, for which no values can be drawn. '
        "Export the model with an input of a numeric, bool or string dtype."
    )


def resolve_domains(signature: Signature, stated: Mapping[str, Domain]) -> dict[str, Domain]:
    """A checked domain for every input: the one given, else the default of its dtype.

    Raises CaseError for an unknown input name, a domain that does not fit, an unknown rank.
    """
    names = [spec.name for spec in signature.inputs]
    for name in stated:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
            hint = f' Did you mean "{close[0]}"?' if close else ""
            raise CaseError(
                f'"{name}" is no input of the model, whose inputs are {", ".join(names)}.{hint}'
            )
    domains: dict[str, Domain] = {}
    for spec in signature.inputs:
        domain = stated.get(spec.name) or default_domain(spec)
        domain.check(spec, signature)
        if spec.shape is None and domain.shape is None:
            raise CaseError(
                f'Input "{spec.name}" has unknown rank, so no shape can be drawn. Say one, '
                f'with "?" for sizes to vary: --input {spec.name}="{domain} shape=?x10".'
            )
        domains[spec.name] = domain
    return domains


def constrain(spec: TensorSpec, domain: Domain) -> TensorSpec:
    """The specification with the sizes that the domain fixes filled in."""
    if domain.shape is None:
        return spec
    known = spec.shape or (None,) * len(domain.shape)
    shape = tuple(
        size if size is not None else limit if isinstance(limit, int) else None
        for size, limit in zip(known, domain.shape, strict=True)
    )
    return replace(spec, shape=shape)


def _check_values(where: str, values: tuple[Any, ...], spec: TensorSpec) -> None:
    if not values:
        raise CaseError(f"{where} is empty: give at least one value.")
    for value in values:
        text = isinstance(value, str)
        fits = (
            text
            if spec.dtype == "string"
            else not text
            and (is_float(spec.dtype) or spec.dtype.startswith("complex") or _exact(value, spec))
        )
        if not fits:
            raise CaseError(f"{where}: {value!r} is no {spec.dtype}.")


def _exact(value: float, spec: TensorSpec) -> bool:
    if spec.dtype == "bool":
        return value in {0, 1}
    limits = np.iinfo(numpy_dtype(spec.dtype))
    return float(value).is_integer() and int(limits.min) <= value <= int(limits.max)


def _check_shape(
    where: str, shape: tuple[int | tuple[int, int] | None, ...], spec: TensorSpec
) -> None:
    known = spec.shape
    if known is not None and len(known) != len(shape):
        raise CaseError(f"{where} has rank {len(shape)}, the input has rank {len(known)}.")
    for axis, limit in enumerate(shape):
        least, most = limit if isinstance(limit, tuple) else (limit, limit)
        if least is None or most is None:
            continue
        if least < 1 or most < least:
            raise CaseError(f"{where}: sizes of axis {axis} must be 1 or more, smaller first.")
        size = known[axis] if known is not None else None
        if size is not None and not least <= size <= most:
            raise CaseError(f"{where}: axis {axis} of the input is always {size}.")


def _range(dtype: str) -> tuple[float, float]:
    """The least and the greatest finite number of an integer or float dtype."""
    if is_integer(dtype):
        limits = np.iinfo(numpy_dtype(dtype))
        return float(limits.min), float(limits.max)
    most = 3.3895e38 if dtype == "bfloat16" else float(np.finfo(dtype).max)
    return -most, most


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) <= 2**53 else repr(value)


def _listed(values: tuple[float | str, ...]) -> str:
    return json.dumps(list(values))


def _shape_text(shape: tuple[int | tuple[int, int] | None, ...]) -> str:
    return "x".join(
        "?" if size is None else f"{size[0]}..{size[1]}" if isinstance(size, tuple) else str(size)
        for size in shape
    )
