"""What the call of a Keras layer becomes: an expression of TensorFlow.js layers.

Most expressions are one layer on the inputs of the call, and are written as that layer. Where
TensorFlow.js has no such layer, an expression of several can still be its exact equal (an
UpSampling1D is an UpSampling2D between two reshapes). It is written as a nested model of the
layer's name, so that the model keeps one layer for each layer of Keras.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tfjs_verify.tensors import Array, Shape

Json = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Term:
    """A layer of TensorFlow.js applied to other terms."""

    class_name: str
    config: Mapping[str, Any]
    inputs: tuple[Term, ...]
    weights: Mapping[str, Array] = field(default_factory=dict)
    """By the name that TensorFlow.js gives them within the layer."""
    wrapped: Term | None = None
    """The layer inside a wrapper, as a term on placeholders."""
    isolated: bool = False
    """Whether it must be in a nested model, because its mask would reach later layers."""


class Placeholder(Term):
    """An input of the call."""

    def __init__(self, index: int, shape: Shape, dtype: str = "float32") -> None:
        config = {"batch_input_shape": list(shape), "dtype": dtype}
        super().__init__("InputLayer", {**config, "sparse": False}, ())
        object.__setattr__(self, "index", index)

    index: int


def layer(class_name: str, *inputs: Term, weights: Mapping[str, Array] | None = None,
          **config: Any) -> Term:  # fmt: skip
    """A term; the options are spelled as in Keras 2, which is how TensorFlow.js reads them."""
    return Term(class_name, config, inputs, weights or {})


@dataclass(frozen=True)
class Written:
    """A layer as `model.json` has it, and the weights by the names they are looked up by."""

    class_name: str
    config: Json
    weights: Mapping[str, Array]

    @property
    def is_model(self) -> bool:
        """Whether it is a nested model, whose first call has the node index 1."""
        return self.class_name == "Functional"


class Names:
    """Layer names that TensorFlow.js can tell apart.

    The weights of nested models carry the name of their own layer only, so that two layers of one
    name anywhere in a model would share weights; and a name must be fit for a tensor's.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def reserve(self, wanted: str, *, within: str = "") -> str:
        """`wanted`, changed where it is taken or not allowed."""
        cleaned = "".join(
            c if c.isascii() and (c.isalnum() or c in "-._/") else "_" for c in wanted
        )
        name = cleaned if cleaned[:1].isalnum() else f"layer{cleaned}"
        if name in self._taken and within:
            name = f"{within}/{name}"
        base, number = name, 1
        while name in self._taken:
            name = f"{base}_{number}"
            number += 1
        self._taken.add(name)
        return name


def write(term: Term, placeholders: tuple[Term, ...], name: str, names: Names) -> Written:
    """The term as one layer called `name`, a nested model if it is more than that."""
    if _is_plain(term, placeholders):
        return _write_layer(term, name, names)
    return _write_model(term, placeholders, name, names)


def _write_layer(term: Term, name: str, names: Names) -> Written:
    config: Json = {"name": name, **term.config}
    weights = {f"{name}/{key}": value for key, value in term.weights.items()}
    if term.wrapped is not None:
        inner = write(term.wrapped, tuple(_placeholders(term.wrapped)), name, names)
        config["layer"] = {"class_name": inner.class_name, "config": inner.config}
        weights |= inner.weights
    return Written(term.class_name, config, weights)


def model_config(
    name: str, layers: list[Json], inputs: list[list[Any]], outputs: list[list[Any]]
) -> Json:
    """The configuration of a functional model; ends are `[layer, node index, tensor index]`."""
    return {"name": name, "layers": layers, "input_layers": inputs, "output_layers": outputs}


def layer_entry(written: Written, inbound: list[list[list[Any]]]) -> Json:
    """A layer of a model, with its calls as lists of `[layer, node index, tensor index, {}]`."""
    return {
        "name": written.config["name"],
        "class_name": written.class_name,
        "config": written.config,
        "inbound_nodes": inbound,
    }


def _is_plain(term: Term, placeholders: tuple[Term, ...]) -> bool:
    if term.isolated:
        return False
    return len(term.inputs) == len(placeholders) and all(
        given is placeholder for given, placeholder in zip(term.inputs, placeholders, strict=True)
    )


def _write_model(term: Term, placeholders: tuple[Term, ...], name: str, names: Names) -> Written:
    layers: list[Json] = []
    weights: dict[str, Array] = {}
    references: dict[int, list[Any]] = {}
    for index, placeholder in enumerate(placeholders):
        own = names.reserve(f"{name}/input_{index}")
        written = Written("InputLayer", {"name": own, **placeholder.config}, {})
        layers.append(layer_entry(written, []))
        references[id(placeholder)] = [own, 0, 0]
    ordered = list(_in_order(term))
    owners = [part for part in ordered if part.weights]
    for part in ordered:
        if id(part) in references:
            continue
        if len(owners) == 1 and part is owners[0]:
            own = name  # the weights keep the names that they have in Keras
        else:
            own = names.reserve(f"{name}/{part.class_name.lower()}")
        written = _write_layer(part, own, names)
        layers.append(layer_entry(written, [[[*references[id(i)], {}] for i in part.inputs]]))
        references[id(part)] = [own, 0, 0]
        weights |= written.weights
    inputs = [references[id(placeholder)] for placeholder in placeholders]
    config = model_config(name, layers, inputs, [references[id(term)]])
    return Written("Functional", config, weights)


def _in_order(term: Term) -> Iterator[Term]:
    """The term and all that it is made of, each once, inputs first."""
    seen: set[int] = set()

    def visit(part: Term) -> Iterator[Term]:
        if id(part) in seen:
            return
        seen.add(id(part))
        for given in part.inputs:
            yield from visit(given)
        yield part

    return visit(term)


def _placeholders(term: Term) -> list[Placeholder]:
    found = [part for part in _in_order(term) if isinstance(part, Placeholder)]
    return sorted(found, key=lambda placeholder: placeholder.index)
