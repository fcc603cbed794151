"""Strings from a small pattern language: literals and character classes, each with a count.

`[abc]{0,20}`, `user-[0-9]{4}`, `[a-z]+`. Regular expressions proper cannot promise that a string of
every length is drawn, nor which one is the simplest; this subset can.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from tfjs_verify.errors import CaseError

_UNBOUNDED = 20
_ITEM = re.compile(
    r"""(?: \[ (?P<set> (?: \\. | [^\]\\] )+ ) \] | (?P<char> \\. | [^\[\]{}\\*+?] ) )
        (?: \{ (?P<low>\d+) (?P<comma> , (?P<high>\d*) )? \} | (?P<short> [*+?] ) )?""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Piece:
    """A run of characters out of `alphabet`, from `low` to `high` of them."""

    alphabet: str
    low: int
    high: int


def parse_pattern(text: str) -> tuple[Piece, ...]:
    """The pieces of a pattern; CaseError names the first character that is not understood."""
    pieces: list[Piece] = []
    position = 0
    while position < len(text):
        match = _ITEM.match(text, position)
        if match is None:
            raise CaseError(
                f"String pattern {text!r} is not understood at {text[position:]!r}. Write literals "
                "and character classes with counts, such as [abc]{0,20} or id-[0-9]{4}."
            )
        pieces.append(_piece(match, text))
        position = match.end()
    return tuple(pieces)


def _piece(match: re.Match[str], text: str) -> Piece:
    alphabet = _alphabet(match["set"], text) if match["set"] else match["char"][-1]
    low, high = {"*": (0, _UNBOUNDED), "+": (1, _UNBOUNDED), "?": (0, 1)}.get(
        match["short"] or "", (1, 1)
    )
    if match["low"]:
        low = int(match["low"])
        high = low if not match["comma"] else int(match["high"] or low + _UNBOUNDED)
    if low > high:
        raise CaseError(f"String pattern {text!r}: the count {{{low},{high}}} allows nothing.")
    return Piece(alphabet, low, high)


def _alphabet(body: str, text: str) -> str:
    tokens = re.findall(r"\\.|.", body, re.DOTALL)
    letters: list[str] = []
    index = 0
    while index < len(tokens):
        first = tokens[index][-1]
        if index + 2 < len(tokens) and tokens[index + 1] == "-":
            last = tokens[index + 2][-1]
            if first > last:
                raise CaseError(f"String pattern {text!r}: the range {first}-{last} is empty.")
            letters.extend(map(chr, range(ord(first), ord(last) + 1)))
            index += 3
        else:
            letters.append(first)
            index += 1
    return "".join(dict.fromkeys(letters))


def sample_strings(pieces: tuple[Piece, ...], count: int, seed: int) -> list[bytes]:
    """`count` strings: the shortest, the longest, then random ones of every length between."""
    generator = np.random.Generator(np.random.SFC64(seed))
    strings = [
        "".join(piece.alphabet[0] * piece.low for piece in pieces),
        "".join(piece.alphabet[-1] * piece.high for piece in pieces),
    ]
    while len(strings) < count:
        parts: list[str] = []
        for piece in pieces:
            size = int(generator.integers(piece.low, piece.high + 1))
            letters = generator.integers(0, len(piece.alphabet), size)
            parts.extend(piece.alphabet[letter] for letter in letters)
        strings.append("".join(parts))
    return [string.encode() for string in strings[:count]]
