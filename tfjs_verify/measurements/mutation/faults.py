"""One fault in an artifact's contents, and the attributes of nodes in which many of them lie."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

from tfjs_verify.artifact.contents import Contents, Node


@dataclass(frozen=True)
class Fault:
    """One fault to plant."""

    what: str
    """What it changes, in words: node, op and attribute, or weight and element."""
    plant: Callable[[Contents], Contents]


Operator: TypeAlias = "Callable[[Contents, Random], Iterator[Fault]]"
"""All faults of one kind that some contents can have, each once, in a random order."""


def with_attribute(node: Node, name: str, value: Mapping[str, Any]) -> Node:
    """A node with another value of one attribute."""
    return {**node, "attr": {**node.get("attr", {}), name: value}}


def text_of(node: Node, name: str) -> str:
    """A string attribute; "" where there is none."""
    return decode_text(node.get("attr", {}).get(name, {}).get("s", ""))


def decode_text(value: Any) -> str:
    """A string of `model.json`: base64, or a list of character codes."""
    if isinstance(value, list):
        return bytes(value).decode()
    return base64.b64decode(value).decode()


def encode_text(text: str) -> str:
    """A string as `model.json` has it."""
    return base64.b64encode(text.encode()).decode()
