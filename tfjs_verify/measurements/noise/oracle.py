"""The signature of a model computed in float64: what TensorFlow would say without rounding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from tfjs_verify.errors import DeadlineExceeded, ExecutionError, LoadError
from tfjs_verify.lifetime import Closing
from tfjs_verify.measurements.graph_facts import counts, narrowed_ops
from tfjs_verify.measurements.noise.decisions import decisions
from tfjs_verify.measurements.noise.freezing import Executable, Frozen, freeze
from tfjs_verify.measurements.noise.wide import WideGraph
from tfjs_verify.model import Model
from tfjs_verify.runtimes.base import DEFAULT_TIMEOUT_S
from tfjs_verify.runtimes.complaints import complaint
from tfjs_verify.tensors import Array

_Which = Literal["exact", "dithered", "float32"]


class Oracle(Closing):
    """Answers cases like a runtime, in float64; complex outputs are complex128.

    `obstacles` names the ops that still compute in float32, as "Op (node)", as far as the cases
    answered have shown: where there are some, the answers are only as exact as these.
    """

    name = "oracle"

    def __init__(
        self,
        model: Model,
        *,
        seed: int = 0,
        frozen: Frozen | None = None,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """Lift `model`; LoadError where TensorFlow cannot freeze it or refuses the result.

        `frozen` is what `freeze` made of it, where that is at hand. A case that takes longer than
        `timeout` seconds raises DeadlineExceeded, and then every other one does at once: those
        with random rounding, or those without.
        """
        self.signature = model.signature
        self._frozen: Frozen | None = frozen or freeze(model)
        self._seed = seed
        self.decisions = decisions(self._frozen.graph)
        """The integers and booleans that the graph makes of real numbers, with their op."""
        self._graphs: dict[_Which, Executable | WideGraph] = {}
        self._timeout = timeout
        self._exceeded: dict[_Which, str] = {}
        exact = self._wide("exact")
        self._graphs["exact"] = exact
        self.obstacles = exact.obstacles
        self.random = exact.random
        """What draws random numbers anew at every call, as "Op (node)"."""
        narrowed = narrowed_ops(self._frozen.graph, self._frozen.outputs)
        self.dtypes = {
            spec.name: frozenset(each.dtype for each in narrowed if spec.name in each.outputs)
            for spec in self.signature.outputs
        }
        """By output the dtypes that the model computes in and TensorFlow.js does not have."""
        self.counts = counts(self._frozen.graph, self._frozen.outputs)
        """The outputs that are real numbers rounded to integers, and no labels."""

    @property
    def lifted(self) -> bool:
        """Whether everything that computes with real numbers does so in float64."""
        return not self.obstacles

    @property
    def settles(self) -> bool:
        """Whether it ends with random rounding too, as far as the cases answered have shown."""
        return "dithered" not in self._exceeded

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Answer one case as if there were no rounding.

        Raises ExecutionError, DeadlineExceeded.
        """
        return self._run("exact", inputs)

    def run_dithered(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Answer one case with random float32 rounding in every op; another one at every call.

        Raises ExecutionError, and DeadlineExceeded where a loop waits for values to settle.
        """
        return self._run("dithered", inputs)

    def decide(self, inputs: Mapping[str, Array]) -> dict[str, tuple[Array, Array]]:
        """What every decision in the graph is in float32, and what it is in float64."""
        if not self.decisions:
            return {}
        narrow = self._call("float32", inputs)
        wide = self._call("exact", inputs)
        return {name: (narrow[name], wide[name]) for name in self.decisions}

    def close(self) -> None:
        """Release the graphs; safe to call twice."""
        self._graphs.clear()
        self._frozen = None

    def _run(self, which: _Which, inputs: Mapping[str, Array]) -> dict[str, Array]:
        results = self._call(which, inputs)
        outputs = self._held().outputs
        return {spec.name: results[outputs[spec.name]] for spec in self.signature.outputs}

    def _call(self, which: _Which, inputs: Mapping[str, Array]) -> dict[str, Array]:
        import tensorflow as tf

        values = [_as_numpy(inputs[name]) for name in self._held().inputs]
        if which in self._exceeded:
            raise DeadlineExceeded(self._exceeded[which])
        try:
            graph = self._graph(which)
            results = graph.call(values)
        except DeadlineExceeded as error:
            self._exceeded[which] = error.message
            raise
        except (tf.errors.OpError, ValueError, TypeError) as error:
            message = f"the float64 form of the model raised: {complaint(error)}"
            raise ExecutionError(message) from error
        if isinstance(graph, WideGraph):
            self.obstacles = graph.obstacles
        return dict(zip(self._fetches(which), results, strict=True))

    def _fetches(self, which: _Which) -> list[str]:
        outputs = list(dict.fromkeys(self._held().outputs.values()))
        return {
            "exact": list(dict.fromkeys([*outputs, *self.decisions])),
            "dithered": outputs,
            "float32": list(self.decisions),
        }[which]

    def _graph(self, which: _Which) -> Executable | WideGraph:
        if which not in self._graphs:
            narrow = which == "float32"
            self._graphs[which] = self._narrow(which) if narrow else self._wide(which)
        return self._graphs[which]

    def _narrow(self, which: _Which) -> Executable:
        with _building():
            return Executable(self._held().graph, **self._options(which))

    def _wide(self, which: _Which) -> WideGraph:
        dither = which == "dithered"
        with _building():
            return WideGraph(
                self._held().graph, dither=dither, seed=self._seed, **self._options(which)
            )

    def _options(self, which: _Which) -> dict[str, Any]:
        frozen = self._held()
        return {
            "inputs": {
                tensor: self.signature.input(name) for name, tensor in frozen.inputs.items()
            },
            "fetches": self._fetches(which),
            "captures": frozen.captures,
            "timeout": self._timeout,
        }

    def _held(self) -> Frozen:
        if self._frozen is None:
            raise ExecutionError("this oracle is closed")
        return self._frozen


@contextmanager
def _building() -> Iterator[None]:
    import tensorflow as tf

    try:
        yield
    except (tf.errors.OpError, ValueError, TypeError) as error:
        raise LoadError(f"the float64 form of the model cannot be built: {error}") from error


def _as_numpy(value: Any) -> Array:
    array: Array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.name in ("float16", "bfloat16") else array
