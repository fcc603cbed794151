"""What can be asked of a conversion."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tfjs_verify.artifact.artifact import Format
from tfjs_verify.artifact.files import read_model_json
from tfjs_verify.errors import RequestError

QUANTIZED_DTYPES = ("float16", "uint16", "uint8")
DEFAULT_SHARD_BYTES = 4 * 1024 * 1024
"""The largest file that all major browsers cache."""

_LISTED = 12

Quantization: TypeAlias = "str | Mapping[str, Sequence[str]]"
ControlFlow: TypeAlias = Literal["v1", "v2"]


@dataclass(frozen=True)
class ConversionOptions:
    """One conversion's options; `as_json` and `from_json` carry them to the worker."""

    format: Format = "graph"
    repair: bool = True
    quantization: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """From quantised dtype to the globs of weight names that get it; "*" is every weight."""
    shard_bytes: int = DEFAULT_SHARD_BYTES
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Written to `userDefinedMetadata` as it is."""
    control_flow: ControlFlow | None = None
    """`None`: v2, with which recurrent layers work; without repairs v1, as the stock converter."""
    skip_op_check: bool = False
    """Write models with ops that TensorFlow.js lacks (for custom ops)."""
    strip_debug_ops: bool | None = None
    """`None`: with repairs, yes, since TensorFlow.js has no assertions; without, no."""

    @property
    def effective_control_flow(self) -> ControlFlow:
        """The control flow that will be written."""
        return self.control_flow or ("v2" if self.repair else "v1")

    @property
    def effective_strip_debug_ops(self) -> bool:
        """Whether assertions and prints are removed."""
        return self.repair if self.strip_debug_ops is None else self.strip_debug_ops

    @property
    def quantization_label(self) -> str | None:
        """The quantisation in one word, or with its globs where it is not for all weights."""
        if not self.quantization:
            return None
        return "; ".join(
            dtype if globs == ("*",) else f"{dtype}: {', '.join(globs)}"
            for dtype, globs in self.quantization.items()
        )

    def as_json(self) -> dict[str, Any]:
        """For the wire to the worker."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ConversionOptions:
        """From the wire to the worker."""
        quantization = {k: tuple(globs) for k, globs in content["quantization"].items()}
        return cls(**{**content, "quantization": quantization})


def quantization_globs(quantization: Quantization | None) -> dict[str, tuple[str, ...]]:
    """`"float16"`, or `{"uint8": ["*/kernel*"]}`, as globs per dtype; RequestError otherwise."""
    if quantization is None:
        return {}
    if isinstance(quantization, str):
        quantization = {quantization: ("*",)}
    for dtype in quantization:
        if dtype not in QUANTIZED_DTYPES:
            raise RequestError(
                f"quantization={dtype!r}; expected one of {', '.join(QUANTIZED_DTYPES)}."
            )
    return {
        dtype: (globs,) if isinstance(globs, str) else tuple(globs)
        for dtype, globs in quantization.items()
    }


def check_globs(directory: Path, quantization: Mapping[str, Sequence[str]]) -> None:
    """RequestError for a glob that no weight of the model in `directory` matches."""
    if not quantization:
        return
    manifest = read_model_json(directory).get("weightsManifest") or []
    names = [str(weight["name"]) for group in manifest for weight in group["weights"]]
    for dtype, globs in quantization.items():
        for glob in globs:
            if names and not fnmatch.filter(names, glob):
                raise RequestError(
                    f"No weight is called {glob!r}, so nothing would become {dtype}; there are"
                    f" {', '.join(names[:_LISTED])}{' …' if len(names) > _LISTED else ''}."
                )
