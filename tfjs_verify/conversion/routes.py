"""The ways into TensorFlow.js's formats; each fills a directory for one job (worker side)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tfjs_verify.conversion.options import ConversionOptions
from tfjs_verify.errors import ConversionError


@dataclass(frozen=True)
class Job:
    """One conversion, as the worker is asked for it."""

    shown: str
    """What the user named, for messages."""
    saved_model: Path
    tags: tuple[str, ...]
    signature_key: str
    directory: Path
    options: ConversionOptions


def route_of(options: ConversionOptions) -> Callable[[Job], None]:
    """The function that does a job with these options."""
    if options.format == "layers":
        raise ConversionError("The layers format is not written yet; use the graph format.")
    if not options.repair:
        from tfjs_verify.conversion.stock import convert_as_stock

        return convert_as_stock
    from tfjs_verify.conversion.graph_route import convert_to_graph

    return convert_to_graph
