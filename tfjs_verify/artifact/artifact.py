"""What is known of a TensorFlow.js model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from tfjs_verify.tensors import Signature

Format: TypeAlias = Literal["graph", "layers"]


@dataclass(frozen=True)
class Repair:
    """A rewrite that the conversion applied so that TensorFlow.js computes what TensorFlow does."""

    name: str
    nodes: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Artifact:
    """A directory with `model.json` and its weight shards.

    A tensor of the reference that the artifact lacks is not in `inputs` or `outputs`; one that the
    reference does not know is in `extra_inputs` or `extra_outputs`. Neither is ever silent.
    """

    directory: Path
    format: Format
    signature: Signature
    """The reference's names, with dtypes and shapes as TensorFlow.js states them."""
    inputs: Mapping[str, str]
    """From the reference's name to the graph node to feed, or the input layer."""
    outputs: Mapping[str, str]
    """From the reference's name to the graph node to fetch ("x", or "x:1"), or the output layer."""
    route: str
    """How it was made, e.g. "saved-model → graph"; "existing artifact" where we do not know."""
    quantization: str | None = None
    """What the weights are stored as where that is not float32: as we were asked, or as found."""
    seconds: float = 0.0
    repairs: tuple[Repair, ...] = ()
    extra_inputs: tuple[str, ...] = ()
    extra_outputs: tuple[str, ...] = ()
    files: tuple[str, ...] = ("model.json",)
    """`model.json` and every shard, relative to `directory`."""

    @property
    def model_json(self) -> Path:
        """The file that TensorFlow.js loads."""
        return self.directory / "model.json"

    @property
    def bytes(self) -> int:
        """What a browser would download: `model.json` and all shards."""
        return sum((self.directory / name).stat().st_size for name in self.files)
