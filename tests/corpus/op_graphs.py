"""The corpus of op graphs: small functions of one TensorFlow op, or of a few.

for entry in op_graphs():
    entry.save(directory)          # a SavedModel with one signature
    entry.domains                  # input name → domain text, as `--input` takes it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.corpus import edges, op_table


@dataclass(frozen=True)
class OpGraph:
    """A named function over tensors."""

    name: str
    function: Callable[..., Any]
    """From `tf` and its inputs, by name, to one tensor or a dict of tensors."""
    inputs: Mapping[str, tuple[str, tuple[int | None, ...]]]
    """Dtype and shape by input name."""
    domains: Mapping[str, str]

    def save(self, directory: Path) -> Path:
        """Writes a SavedModel with the function as signature; an output without a name is `y`."""
        import tensorflow as tf

        specs = {
            name: tf.TensorSpec(shape, dtype, name=name)
            for name, (dtype, shape) in self.inputs.items()
        }

        @tf.function(input_signature=list(specs.values()), autograph=False)
        def serve(*tensors: Any) -> Any:
            result = self.function(tf, *tensors)
            return result if isinstance(result, dict) else {"y": result}

        module = tf.Module()
        module.serve = serve
        tf.saved_model.save(module, str(directory), signatures=serve.get_concrete_function())
        return directory


def op_graphs() -> Iterator[OpGraph]:
    """All of them, in the tables' order."""
    for name, function, inputs in (*op_table.ROWS, *edges.ROWS):
        yield OpGraph(
            name,
            function,
            {key: (spec.dtype, spec.shape) for key, spec in inputs.items()},
            {key: spec.domain for key, spec in inputs.items()},
        )
