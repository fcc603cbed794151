"""All calls of a Keras model → the topology, the weights and the names of a TensorFlow.js model."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfjs_verify.conversion.layers.families import INTEGER_INPUTS, TRANSLATORS
from tfjs_verify.conversion.layers.families.merging import OPERATORS, operator
from tfjs_verify.conversion.layers.reading import Call, Graph, Ref, is_legacy, is_model, read
from tfjs_verify.conversion.layers.site import Site, Translator, refusal, weights_of
from tfjs_verify.conversion.layers.term import (
    Json,
    Names,
    Placeholder,
    Term,
    Written,
    layer_entry,
    model_config,
    write,
)
from tfjs_verify.errors import ConversionError
from tfjs_verify.tensors import Array, Shape

_COMPUTED_IN = frozenset({"float32", "int32", "int64", "bool", "string", "uint8"})
"""Dtype policies under which TensorFlow.js computes what Keras does."""

_MASK_UNUSED = frozenset({"BatchNormalization"})
"""Layers that take a mask and use it in training only."""

_LEFT_OUT = frozenset({"training", "mask"})
_STATES = "initial_state"
_ROLES = ("query", "value", "key")


@dataclass(frozen=True)
class Translation:
    """A layers model before it is written."""

    topology: Json
    weights: Mapping[str, Array]
    inputs: Mapping[str, str]
    """From the signature's name of an input to the input layer."""
    outputs: Mapping[str, str]
    """From the signature's name of an output to the layer: "x", or "x:1" for its second output."""
    composed: Mapping[str, str]
    """Layers that TensorFlow.js lacks, with what they were composed of."""
    notes: tuple[tuple[str, str], ...]
    """Layers whose training would differ, and how."""


def translate(model: Any, *, custom_layers: bool = False) -> Translation:
    """The model in terms of TensorFlow.js's layers, computing the same predictions.

    With `custom_layers`, layers that are neither Keras's nor ours are copied as they are, for a
    JavaScript class of the same name. Raises ConversionError for the first layer or option that has
    no equal.
    """
    graph = read(model)
    translator = _ModelTranslator(legacy=is_legacy(model), custom_layers=custom_layers)
    config = translator.functional(graph, graph.name)
    topology = {
        "keras_version": "2.15.0",
        "backend": "tensorflow",
        "model_config": {"class_name": "Functional", "config": config},
    }
    ends = [str(layer) for layer, _, _ in config["output_layers"]]
    outputs = {name: _occurrence(ends, index) for index, name in enumerate(graph.output_names)}
    inputs = [str(layer) for layer, _, _ in config["input_layers"]]
    return Translation(
        topology=topology,
        weights=translator.weights,
        inputs=dict(zip(graph.input_names, inputs, strict=True)),
        outputs=outputs,
        composed=translator.composed,
        notes=tuple(translator.notes),
    )


def _occurrence(names: Sequence[str], index: int) -> str:
    earlier = names[:index].count(names[index])
    return names[index] if earlier == 0 else f"{names[index]}:{earlier}"


@dataclass
class _ModelTranslator:
    legacy: bool
    custom_layers: bool
    names: Names = field(default_factory=Names)
    seen: set[int] = field(default_factory=set)
    weights: dict[str, Array] = field(default_factory=dict)
    composed: dict[str, str] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)

    def functional(self, graph: Graph, name: str, *, within: str = "") -> Json:
        """The configuration of a model; its layers' weights are collected on the way.

        All its layers get their names before those of nested models do.
        """
        _require_distinct_outputs(graph)
        layer_names = {
            key: self.names.reserve(wanted, within=within)
            for key, wanted in {id(c.layer): str(c.layer.name) for c in graph.calls}.items()
        }
        calls_of: dict[int, list[Call]] = {}
        for call in graph.calls:
            calls_of.setdefault(id(call.layer), []).append(call)
        nodes: dict[int, list[Any]] = {}
        layers = []
        for calls in calls_of.values():
            written, inbound = self._layer(calls, layer_names[id(calls[0].layer)])
            first = 1 if written.is_model else 0
            for index, call in enumerate(calls):
                nodes[id(call)] = [written.config["name"], first + index]
            self.weights.update(written.weights)
            layers.append((written, inbound))
        entries = [
            layer_entry(
                written,
                [[[*nodes[id(r.call)], r.index, {}] for r in refs] for refs in inbound if refs],
            )
            for written, inbound in layers
        ]
        inputs = [[*nodes[id(ref.call)], ref.index] for ref in graph.inputs]
        outputs = [[*nodes[id(ref.call)], ref.index] for ref in graph.outputs]
        return model_config(name, entries, inputs, outputs)

    def _layer(self, calls: Sequence[Call], name: str) -> tuple[Written, list[list[Ref]]]:
        """A layer with all its calls, as what they take."""
        first = calls[0]
        if id(first.layer) in self.seen and first.layer.weights:
            shared = "its weights, shared with another model, are separate when TF.js trains"
            self.notes.append((name, shared))
        self.seen.add(id(first.layer))
        if first.is_input:
            return _input_layer(first, name), []
        if is_model(first.layer):
            return self._nested(calls, name), [_tensors(call) for call in calls]
        terms, inbound = [], []
        for call in calls:
            term, placeholders, refs = self._term(call)
            terms.append((term, placeholders))
            inbound.append(refs)
        term, placeholders = terms[0]
        if any(not _alike(term, other) for other, _ in terms[1:]):
            raise refusal(
                first.layer, "it is called on tensors that need different layers in TF.js"
            )
        written = write(term, placeholders, name, self.names)
        if written.is_model:
            self.composed[name] = type(first.layer).__name__
        return written, inbound

    def _nested(self, calls: Sequence[Call], name: str) -> Written:
        for call in calls:
            _require_prediction(call)
            if call.masked:
                raise refusal(call.layer, _mask_reason())
            if len({(id(ref.call), ref.index) for ref in call.inputs}) < len(call.inputs):
                raise refusal(call.layer, "it is called on one tensor twice, which TF.js frees")
        keras_model = calls[0].layer
        return Written("Functional", self.functional(read(keras_model), name, within=name), {})

    def _term(self, call: Call) -> tuple[Term, tuple[Placeholder, ...], list[Ref]]:
        """The term of a call, its placeholders, and the tensors that they stand for."""
        refs = _tensors(call)
        distinct = list(dict.fromkeys((id(ref.call), ref.index) for ref in refs))
        firsts = [next(r for r in refs if (id(r.call), r.index) == key) for key in distinct]
        site = self._site(
            call.layer,
            [(ref.shape, ref.dtype) for ref in refs],
            call.output_shapes,
            {k: v for k, v in call.kwargs.items() if k not in (*_LEFT_OUT, _STATES, *_ROLES)},
        )
        placeholders = [site.inputs[refs.index(ref)] for ref in firsts]
        by_tensor = {key: placeholders[index] for index, key in enumerate(distinct)}
        site.inputs = tuple(by_tensor[(id(ref.call), ref.index)] for ref in refs)
        if _is_layer(call.layer):
            _require_prediction(call)
            _require_no_mask(call)
        return self._translated(site, call), tuple(placeholders), firsts

    def _translated(self, site: Site, call: Call | None = None) -> Term:
        translator = self._translator(site, call)
        term = translator(site)
        site.finish()
        self.notes += [(site.name, note) for note in site.notes]
        return term

    def _translator(self, site: Site, call: Call | None) -> Translator:
        keras_layer = site.layer
        if call is not None and not _is_layer(keras_layer):
            if site.kind not in OPERATORS:
                site.refuse(f"the operation {site.kind} has no equal in TF.js layers")
            terms = iter(site.inputs)
            site.arguments["operands"] = [
                next(terms) if isinstance(part, Ref) else _number(site, part) for part in call.args
            ]
            return operator
        if not _is_built_in(keras_layer):
            if self.custom_layers:
                return _copied
            site.refuse(
                "it is a layer of your own, which TF.js layers does not know unless a module named"
                " with --js-module registers it"
            )
        translator = TRANSLATORS.get(site.kind)
        if translator is None:
            site.refuse("this kind of layer has no equal in TF.js layers")
        _require_dtypes(site)
        return translator

    def _inner(self, keras_layer: Any, inputs: Sequence[tuple[Shape, str]]) -> Term:
        """A layer inside a wrapper."""
        return self._translated(self._site(keras_layer, inputs, (), {}))

    def _site(
        self,
        keras_layer: Any,
        inputs: Sequence[tuple[Shape, str]],
        output_shapes: Sequence[Shape],
        arguments: Mapping[str, Any],
    ) -> Site:
        return Site(
            keras_layer, legacy=self.legacy, inputs=inputs, output_shapes=output_shapes,
            arguments=arguments, translate=self._inner,
        )  # fmt: skip


def _input_layer(call: Call, name: str) -> Written:
    placeholder = Placeholder(0, call.output_shapes[0], _narrowed(call))
    return Written("InputLayer", {"name": name, **placeholder.config}, {})


def _narrowed(call: Call) -> str:
    dtype = call.output_dtypes[0]
    if dtype in ("bool", "string"):
        return dtype
    return "float32" if dtype.startswith(("float", "bfloat")) else "int32"


def _tensors(call: Call) -> list[Ref]:
    """The tensors of a call in the order in which TensorFlow.js takes them."""
    refs = [ref for value in call.args for ref in _refs(value)]
    refs += [ref for role in _ROLES for ref in _refs(call.kwargs.get(role))]
    refs += _refs(call.kwargs.get(_STATES))
    known = {*_LEFT_OUT, *_ROLES, _STATES}
    for key, value in call.kwargs.items():
        if key not in known and _refs(value):
            raise refusal(call.layer, f"the call argument {key} has no equal in TF.js layers")
    return refs


def _refs(value: Any) -> list[Ref]:
    if isinstance(value, Ref):
        return [value]
    if isinstance(value, list):
        return [ref for part in value for ref in _refs(part)]
    if isinstance(value, dict):
        return [ref for key in sorted(value) for ref in _refs(value[key])]
    return []


def _require_prediction(call: Call) -> None:
    """In tf_keras a call in training mode stays in training mode when the model predicts."""
    if is_legacy(call.layer) and call.kwargs.get("training"):
        raise refusal(call.layer, "it is called with training=True, which TF.js layers never are")


def _require_no_mask(call: Call) -> None:
    takes_mask = "mask" in inspect.signature(call.layer.call).parameters
    if call.masked and takes_mask and type(call.layer).__name__ not in _MASK_UNUSED:
        raise refusal(call.layer, _mask_reason())


def _mask_reason() -> str:
    return "it uses a mask (from Embedding(mask_zero=True), Masking or mask=), which TF.js ignores"


def _require_dtypes(site: Site) -> None:
    policy = str(getattr(site.layer, "compute_dtype", "float32"))
    if policy not in _COMPUTED_IN:
        site.refuse(f"it computes in {policy}, TF.js layers in float32")
    for placeholder in site.inputs:
        dtype = placeholder.config.get("dtype")
        if dtype != "float32" and site.kind not in INTEGER_INPUTS:
            site.refuse(f"an input of dtype {dtype} has no equal in TF.js layers")


def _require_distinct_outputs(graph: Graph) -> None:
    seen: set[tuple[int, int]] = set()
    for ref, name in zip(graph.outputs, graph.output_names, strict=True):
        key = (id(ref.call), ref.index)
        if key in seen or ref.call.is_input:
            what = "an input" if ref.call.is_input else "another output"
            raise ConversionError(
                f'output "{name}" is the same tensor as {what}, which TF.js layers cannot give'
                " twice; put an Activation('linear') in between, or use --format graph."
            )
        seen.add(key)


def _is_layer(operation: Any) -> bool:
    return hasattr(operation, "get_config") and hasattr(operation, "weights")


def _is_built_in(keras_layer: Any) -> bool:
    return type(keras_layer).__module__.partition(".")[0] in ("keras", "tf_keras")


def _number(site: Site, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return site.refuse("a constant that is no number has no equal in TF.js layers")


def _copied(site: Site) -> Term:
    """A layer of the user's, for a JavaScript class of the same name."""
    config = {k: v for k, v in site.layer.get_config().items() if k not in ("name", "dtype")}
    for key in config:
        site.forget(key)
    return Term(site.kind, config, site.inputs, weights_of(site.layer))


def _alike(one: Term, other: Term) -> bool:
    """Whether two terms are the same layers, whatever the sizes of their inputs."""
    if one.class_name != other.class_name or len(one.inputs) != len(other.inputs):
        return False
    if isinstance(one, Placeholder) and isinstance(other, Placeholder):
        return one.index == other.index
    return one.config == other.config and all(
        _alike(a, b) for a, b in zip(one.inputs, other.inputs, strict=True)
    )


def as_float32(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Weights as TensorFlow.js stores them."""
    return {
        name: np.asarray(value, np.float32) if value.dtype.kind == "f" else value
        for name, value in weights.items()
    }
