"""The text form of a domain, as `--input NAME=SPEC` and suite files have it."""

from __future__ import annotations

import difflib
import json
import math
import re
from typing import Any

from tfjs_verify.cases.domain import Domain
from tfjs_verify.cases.patterns import parse_pattern
from tfjs_verify.errors import CaseError

_FORMS = {
    "float": "float -1..1",
    "int": "int 0..999",
    "normal": "normal 0 1",
    "bool": "bool",
    "string": 'string [abc]{0,20}, or string ["yes", "no"]',
    "values": "values [0.5, 1, 2]",
    "one_hot": "one_hot",
    "probabilities": "probabilities",
    "mask": "mask",
    "lengths": "lengths, or lengths INPUT",
}
_SHAPE = re.compile(r"(?:^|\s+)shape=(\S*)\s*$")


def parse_domain(text: str) -> Domain:
    """The domain that a specification such as "float -1..1" or "int 0..999 shape=1x?" describes.

    Raises CaseError with the form that was expected.
    """
    shape: tuple[int | tuple[int, int] | None, ...] | None = None
    body = text.strip()
    found = _SHAPE.search(body)
    if found:
        shape = _shape(found[1], text)
        body = body[: found.start()]
    word, _, rest = body.partition(" ")
    rest = rest.strip()
    match word:
        case "float" | "int" if rest.startswith("["):
            return Domain("values", values=_values(rest, text), shape=shape)
        case "float" | "int":
            low, high = _ends(word, rest, text)
            return Domain("int" if word == "int" else "float", low, high, shape=shape)
        case "normal":
            numbers = [_number(part, text, "normal") for part in rest.split()]
            if len(numbers) != 2:
                raise _misread(text, "normal")
            return Domain("normal", mean=numbers[0], std=numbers[1], shape=shape)
        case "values":
            return Domain("values", values=_values(rest, text), shape=shape)
        case "string":
            return _strings(rest, text, shape)
        case "lengths":
            return Domain("lengths", of=rest, shape=shape)
        case "bool" | "one_hot" | "probabilities" | "mask" if not rest:
            return Domain(word, shape=shape)
        case "bool" | "one_hot" | "probabilities" | "mask":
            raise _misread(text, word)
    close = difflib.get_close_matches(word, _FORMS, n=1)
    hint = f' Did you mean "{close[0]}"?' if close else ""
    raise CaseError(
        f'Domain "{text}" is not understood.{hint} The forms are: {"; ".join(_FORMS.values())}.'
    )


def _ends(word: str, rest: str, text: str) -> tuple[float, float]:
    low, dots, high = rest.partition("..")
    if not dots:
        raise _misread(text, word)
    ends = _number(low, text, word), _number(high, text, word)
    if word == "int" and not all(end.is_integer() for end in ends):
        raise _misread(text, word)
    return ends


def _number(part: str, text: str, word: str) -> float:
    try:
        value = float(part)
    except ValueError:
        raise _misread(text, word) from None
    if not math.isfinite(value):
        raise _not_finite(text, part)
    return value


def _not_finite(text: str, part: object) -> CaseError:
    return CaseError(
        f'Domain "{text}": {str(part).strip()} is not a finite number. NaN and infinities are '
        "explored apart, with --special-values."
    )


def _values(rest: str, text: str) -> tuple[Any, ...]:
    try:
        values = json.loads(rest)
    except json.JSONDecodeError:
        raise _misread(text, "values") from None
    if not isinstance(values, list) or not all(
        isinstance(value, (int, float, str)) for value in values
    ):
        raise _misread(text, "values")
    if not values:
        raise CaseError(f'Domain "{text}" is empty: give at least one value.')
    for value in values:
        if isinstance(value, float) and not math.isfinite(value):
            raise _not_finite(text, value)
    return tuple(values)


def _strings(rest: str, text: str, shape: Any) -> Domain:
    if rest.startswith('["'):
        return Domain("values", values=_values(rest, text), shape=shape)
    if not rest:
        raise _misread(text, "string")
    parse_pattern(rest)
    return Domain("string", pattern=rest, shape=shape)


def _shape(part: str, text: str) -> tuple[int | tuple[int, int] | None, ...]:
    sizes: list[int | tuple[int, int] | None] = []
    for size in part.split("x") if part else []:
        found = re.fullmatch(r"\?|(\d+)(?:\.\.(\d+))?", size)
        if not found:
            raise CaseError(
                f'Domain "{text}": the shape "{part}" is not understood. Write sizes with "x" '
                'between them, "?" for any: shape=?x224x224x3, or a range: shape=1x1..64.'
            )
        low, high = found[1], found[2]
        sizes.append((int(low), int(high)) if high else int(low) if low else None)
    return tuple(sizes)


def _misread(text: str, word: str) -> CaseError:
    return CaseError(f'Domain "{text}" is not understood. Write it like this: {_FORMS[word]}.')
