"""Functions and modules of TensorFlow in memory."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfjs_verify.errors import ModelError
from tfjs_verify.model.saved_model import DEFAULT_SIGNATURES
from tfjs_verify.model.sources.base import first_line, quiet

_HOW = (
    "give it @tf.function(input_signature=[tf.TensorSpec(...)]), or pass"
    " function.get_concrete_function(tf.TensorSpec(...))"
)


@dataclass(frozen=True)
class FunctionInMemory:
    """A `tf.function`, or one of its concrete functions."""

    function: Any

    @staticmethod
    def recognises(source: object) -> bool:
        """Whether this is one; TensorFlow is not imported to find out."""
        return "tensorflow" in sys.modules and isinstance(source, _function_types())

    @property
    def name(self) -> str:
        """What the function is called in Python."""
        python = getattr(self.function, "python_function", None)
        name = getattr(python, "__name__", None) or getattr(self.function, "name", b"")
        return _plain(name.decode() if isinstance(name, bytes) else str(name)) or "function"

    @property
    def path(self) -> str:
        """A description, since there is no path."""
        return f"<tf.function {self.name!r}>"

    @property
    def keras_model(self) -> None:
        """A function has no layers."""
        return None

    def save(self, directory: Path) -> Path:
        """The function as the only signature of a SavedModel in `directory`."""
        concrete = _concrete(self.function)
        if concrete is None:
            raise ModelError(f"{self.path} does not say what its inputs are: {_HOW}.")
        _save(_owner(self.function, concrete), {DEFAULT_SIGNATURES[0]: concrete}, directory, self)
        return directory


@dataclass(frozen=True)
class ModuleInMemory:
    """A `tf.Module`, or what `tf.saved_model.load` gives."""

    module: Any

    @staticmethod
    def recognises(source: object) -> bool:
        """Whether this is one; TensorFlow is not imported to find out."""
        if "tensorflow" not in sys.modules:
            return False
        import tensorflow as tf

        return isinstance(source, (tf.Module, tf.__internal__.tracking.AutoTrackable))

    @property
    def name(self) -> str:
        """The module's own name."""
        return str(getattr(self.module, "name", None) or type(self.module).__name__)

    @property
    def path(self) -> str:
        """A description, since there is no path."""
        return f"<tf.Module {self.name!r}>"

    @property
    def keras_model(self) -> None:
        """A module has no layers."""
        return None

    def save(self, directory: Path) -> Path:
        """The module in `directory`, with a signature for each function whose inputs are known.

        `__call__` becomes "serving_default", every other function has its own name.
        """
        given = getattr(self.module, "signatures", None)
        if isinstance(given, Mapping) and given:
            _save(self.module, dict(given), directory, self)
            return directory
        functions = dict(_functions(self.module))
        concrete = {name: _concrete(function) for name, function in functions.items()}
        signatures = {
            DEFAULT_SIGNATURES[0] if name == "__call__" else name: function
            for name, function in concrete.items()
            if function is not None
        }
        if not signatures:
            raise ModelError(f"{self.path} {_nothing_to_call(functions)}: {_HOW}.")
        _save(self.module, signatures, directory, self)
        return directory


def _function_types() -> tuple[type, ...]:
    import tensorflow as tf

    return (tf.types.experimental.PolymorphicFunction, tf.types.experimental.ConcreteFunction)


def _functions(module: Any) -> Iterator[tuple[str, Any]]:
    """The public functions of a module; properties are not run to find out what they are."""
    types = _function_types()
    for name in dir(module):
        if name.startswith("_") and name != "__call__":
            continue
        if isinstance(inspect.getattr_static(module, name, None), types):
            yield name, getattr(module, name)


def _concrete(function: Any) -> Any | None:
    """The function for the inputs that it declares, or that it was called with all along."""
    if not hasattr(function, "get_concrete_function"):
        return function
    if getattr(function, "input_signature", None) is not None:
        return function.get_concrete_function()
    listed = getattr(function, "concrete_functions", None)
    traces = listed if listed is not None else function._list_all_concrete_functions()
    for_inference = [trace for trace in traces if not _is_training(trace)]
    return for_inference[0] if len(for_inference) == 1 else None


def _is_training(concrete: Any) -> bool:
    """Whether this trace is the one with `training=True`."""
    positional, keywords = concrete.structured_input_signature
    return keywords.get("training") is True or any(value is True for value in positional)


def _owner(function: Any, concrete: Any) -> Any:
    """Something that holds what the function uses, or else TensorFlow would not save it."""
    import tensorflow as tf

    owner = tf.Module()
    owner.variables_used = list(concrete.graph.variables)
    python = getattr(function, "python_function", None)
    if python is not None:
        python = inspect.unwrap(python)
        found = inspect.getclosurevars(python) if inspect.isfunction(python) else None
        values = [] if found is None else [*found.nonlocals.values(), *found.globals.values()]
        values.append(getattr(python, "__self__", None))
        trackable = tf.__internal__.tracking.Trackable
        owner.objects_used = [value for value in values if isinstance(value, trackable)]
    return owner


def _save(owner: Any, signatures: dict[str, Any], directory: Path, source: Any) -> None:
    import tensorflow as tf

    try:
        with quiet():
            tf.saved_model.save(owner, str(directory), signatures=signatures)
    except (
        *(ValueError, TypeError, KeyError, AttributeError, AssertionError, NotImplementedError),
        *(RuntimeError, OSError, tf.errors.OpError),
    ) as error:
        raise ModelError(
            f"{source.path} cannot be saved as a SavedModel: {first_line(error)}"
        ) from error


def _nothing_to_call(functions: Mapping[str, Any]) -> str:
    if not functions:
        return "has no tf.function, so there is nothing to call"
    names = ", ".join(map(repr, functions))
    return f"has functions ({names}) that do not say what their inputs are"


def _plain(name: str) -> str:
    """A traced function's name without what TensorFlow puts around it."""
    stem = name.removeprefix("__inference_")
    head, _, number = stem.rpartition("_")
    return head if number.isdigit() and stem != name else stem
