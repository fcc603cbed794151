"""One call of a Keras layer, as its translator sees it.

A translator takes the options that it knows; what is left over in the end is an option that nobody
thought of, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from tfjs_verify.conversion.layers.term import Placeholder, Term
from tfjs_verify.errors import ConversionError
from tfjs_verify.tensors import Array, Shape

Translator = Callable[["Site"], Term]

_IRRELEVANT = frozenset(
    {"name", "dtype", "seed", "batch_input_shape", "batch_shape", "input_length", "autocast"}
)
"""Options without influence on predictions, which TensorFlow.js does not need either."""


class Site:
    """A layer, its options, its weights, and the inputs of one call."""

    def __init__(
        self,
        keras_layer: Any,
        *,
        legacy: bool,
        inputs: Sequence[tuple[Shape, str]],
        output_shapes: Sequence[Shape],
        arguments: Mapping[str, Any],
        translate: Callable[[Any, Sequence[tuple[Shape, str]]], Term],
    ) -> None:
        self.layer = keras_layer
        self.legacy = legacy
        self.kind = type(keras_layer).__name__
        self.name = str(keras_layer.name)
        self.inputs = tuple(
            Placeholder(index, shape, _input_dtype(dtype))
            for index, (shape, dtype) in enumerate(inputs)
        )
        self.input_shapes = tuple(tuple(shape) for shape, _ in inputs)
        self.output_shapes = tuple(tuple(shape) for shape in output_shapes)
        self.arguments = dict(arguments)
        """What the call passed beside its tensors, e.g. `use_causal_mask`."""
        self.translate = translate
        """Translates a layer inside this one, on inputs of given shapes and dtypes."""
        self.notes: list[str] = []
        self._options = self._relevant(_config(self))

    @property
    def x(self) -> Term:
        """The only input; the first where there are several."""
        return self.inputs[0]

    @property
    def shape(self) -> Shape:
        """The shape of the first input, batch included."""
        return self.input_shapes[0]

    @property
    def rank(self) -> int:
        """The rank of the first input, batch included."""
        return len(self.shape)

    def take(self, key: str, default: Any = None) -> Any:
        """An option, which the translator now answers for."""
        return self._options.pop(key, default)

    def peek(self, key: str) -> Any:
        """An option, which remains to be taken."""
        return self._options.get(key)

    def only(self, key: str, *allowed: Any) -> Any:
        """An option that must have one of these values; refused otherwise."""
        if key not in self._options:
            return allowed[0]
        value = self._options.pop(key)
        if value not in allowed:
            self.refuse(f"{key}={value!r} has no equal in TF.js layers")
        return value

    def forget(self, *keys: str) -> None:
        """Drops options that have no influence on predictions here."""
        for key in keys:
            self._options.pop(key, None)

    def trained(self) -> dict[str, Any]:
        """Options that matter to those who train on: `trainable`, and L1/L2 regularizers."""
        kept: dict[str, Any] = {}
        if self.take("trainable", True) is False:
            kept["trainable"] = False
        for key in [key for key in self._options if key.endswith("_regularizer")]:
            value = self.take(key)
            penalty = _penalty(value)
            if penalty is not None and key != "activity_regularizer":
                kept[key] = penalty
            elif value is not None:
                self.notes.append(f"{key} is not applied when TF.js trains the model")
        return kept

    @property
    def channels_first(self) -> bool:
        """Whether the layer's data format is that; asked before the option is taken."""
        return bool(self._options.get("data_format") == "channels_first")

    def dim(self, axis: int) -> int:
        """The size of an axis of the first input; refused where it is unknown."""
        size = self.shape[axis]
        if size is None:
            self.refuse(
                f"an input of unknown size ({list(self.shape)}) has no equal in TF.js layers"
            )
        return size

    def weight(self, name: str) -> Array:
        """A weight by the last part of its name."""
        return self.weights[name]

    @property
    def weights(self) -> dict[str, Array]:
        """The layer's own weights by the last part of their names."""
        return weights_of(self.layer)

    def refuse(self, reason: str) -> NoReturn:
        """Says why this call has no equal, and which way is left."""
        raise refusal(self.layer, reason)

    def finish(self) -> None:
        """Refuses options that no one asked for."""
        self.trained()
        if self._options:
            key, value = next(iter(self._options.items()))
            self.refuse(f"the option {key}={value!r} is not known to this translation")
        for key, value in self.arguments.items():
            if value not in (None, False):
                self.refuse(f"the call argument {key}={value!r} has no equal in TF.js layers")

    def _relevant(self, config: Mapping[str, Any]) -> dict[str, Any]:
        options = {}
        for key, value in config.items():
            if key in _IRRELEVANT or key.endswith("_initializer"):
                continue
            if key.endswith("_constraint"):
                if value is not None:
                    self.notes.append(f"{key} is not applied when TF.js trains the model")
                continue
            options[key] = value
        return options


def refusal(keras_layer: Any, reason: str) -> ConversionError:
    """The error that names a layer, what about it has no equal, and the way out."""
    kind, name = type(keras_layer).__name__, getattr(keras_layer, "name", "?")
    return ConversionError(
        f'layer "{name}" ({kind}): {reason}; use --format graph.', ops=(f"{kind} ({name})",)
    )


def weights_of(keras_layer: Any) -> dict[str, Array]:
    """The weights of a layer by the last part of their names, "kernel" for "dense/kernel:0"."""
    return {
        str(variable.name).rpartition("/")[2].partition(":")[0]: np.asarray(variable)
        for variable in keras_layer.weights
    }


def _config(site: Site) -> Mapping[str, Any]:
    try:
        config: Mapping[str, Any] = site.layer.get_config()
    except NotImplementedError as error:
        raise refusal(site.layer, "it does not tell its options (get_config)") from error
    return config


def _input_dtype(dtype: str) -> str:
    if dtype in ("bool", "string"):
        return dtype
    return "float32" if dtype.startswith(("float", "bfloat")) else "int32"


def _penalty(value: Any) -> dict[str, Any] | None:
    """L1, L2 and L1L2 in the one form that TensorFlow.js reads."""
    if not isinstance(value, Mapping) or value.get("class_name") not in ("L1", "L2", "L1L2"):
        return None
    config = value["config"]
    l1, l2 = float(config.get("l1", 0.0)), float(config.get("l2", 0.0))
    return {"class_name": "L1L2", "config": {"l1": l1, "l2": l2}}
