"""Recurrent layers and the wrappers around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfjs_verify.conversion.layers.activations import direct_activation
from tfjs_verify.conversion.layers.families.shaping import reshaped
from tfjs_verify.conversion.layers.site import Site, refusal, weights_of
from tfjs_verify.conversion.layers.term import Term, layer
from tfjs_verify.tensors import Array

_CELLS = ("LSTMCell", "GRUCell", "SimpleRNNCell")
_NO_INFLUENCE = ("unroll", "implementation", "unit_forget_bias", "zero_output_for_mask",
                 "use_cudnn", "input_spec", "state_spec")  # fmt: skip


def recurrent(site: Site) -> Term:
    """LSTM, SimpleRNN, and GRU in its form of Keras 2 (`reset_after=False`)."""
    options = {**_cell_options(site), **_sequence_options(site)}
    return layer(site.kind, *site.inputs, weights=_own(site.layer), **options)


def rnn(site: Site) -> Term:
    """An RNN around one cell, or around stacked ones."""
    options = _sequence_options(site)
    site.forget("cell")
    cell = site.layer.cell
    if type(cell).__name__ != "StackedRNNCells":
        config, weights = _cell(site, cell)
        return layer("RNN", *site.inputs, weights=weights, cell=config, **options)
    if options["return_state"]:
        site.refuse(
            "return_state=True with stacked cells orders states differently in TF.js layers"
        )
    cells: list[dict[str, Any]] = []
    all_weights: dict[str, Array] = {}
    for index, part in enumerate(cell.cells):
        config, weights = _cell(site, part)
        cells.append(config)
        all_weights |= {f"RNNCell_{index}/{key}": value for key, value in weights.items()}
    stacked = {"class_name": "StackedRNNCells", "config": {"cells": cells}}
    return layer("RNN", *site.inputs, weights=all_weights, cell=stacked, **options)


def conv_lstm(site: Site) -> Term:
    """ConvLSTM2D, and ConvLSTM1D as images of one column."""
    site.only("data_format", "channels_last")
    options = {**_cell_options(site), **_sequence_options(site)}
    options["filters"] = site.take("filters")
    options["padding"] = site.only("padding", "valid", "same")
    extent = {key: list(site.take(key)) for key in ("kernel_size", "strides", "dilation_rate")}
    weights = _own(site.layer)
    if site.kind == "ConvLSTM2D":
        return layer(site.kind, *site.inputs, weights=weights, **extent, **options)
    if options["return_state"]:
        site.refuse("return_state=True has no equal in TF.js layers")
    images = {key: [*value, 1] for key, value in extent.items()}
    kernels = {k: v if k == "bias" else v[:, None] for k, v in weights.items()}
    steps, length, channels = (site.dim(axis) for axis in (1, 2, 3))
    x = reshaped(site.x, steps, length, 1, channels)
    x = layer("ConvLSTM2D", x, weights=kernels, **images, **options)
    after = [-1 if size is None else size for size in site.output_shapes[0][1:]]
    return reshaped(x, *after)


def bidirectional(site: Site) -> Term:
    """The same layer in both directions."""
    forward, backward = site.layer.forward_layer, site.layer.backward_layer
    site.forget("layer", "backward_layer", "num_constants")
    there, back = _directed(forward), _directed(backward)
    there["go_backwards"] = not there.get("go_backwards", False)
    if there != back or type(forward) is not type(backward):
        site.refuse("a backward_layer of its own has no equal in TF.js layers")
    inner = site.translate(forward, [(site.shape, "float32")])
    if inner.class_name not in ("LSTM", "GRU", "SimpleRNN"):
        site.refuse(f"{type(forward).__name__} inside has no equal in TF.js layers")
    if len(site.inputs) > 1 or inner.config["return_state"]:
        site.refuse("states going in or out have no equal in TF.js layers")
    name = str(forward.name)
    weights = {
        f"{direction}_{name}/{key}": value
        for direction, part in (("forward", forward), ("backward", backward))
        for key, value in _own(part).items()
    }
    return layer(
        "Bidirectional", site.x, weights=weights, merge_mode=site.take("merge_mode"),
        layer={"class_name": inner.class_name, "config": {"name": name, **inner.config}},
    )  # fmt: skip


def time_distributed(site: Site) -> Term:
    """Each step by itself, as TensorFlow.js does it too."""
    site.forget("layer")
    steps = (site.shape[0], *site.shape[2:])
    inner = site.translate(site.layer.layer, [(steps, "float32")])
    return Term("TimeDistributed", {}, (site.x,), wrapped=inner)


def _sequence_options(site: Site) -> dict[str, Any]:
    site.forget(*_NO_INFLUENCE)
    site.only("stateful", False)
    site.only("time_major", False)
    return {key: site.take(key) for key in ("return_sequences", "return_state", "go_backwards")}


def _cell_options(site: Site) -> dict[str, Any]:
    if site.take("reset_after", False):
        site.refuse("reset_after=True (the default of Keras) has no equal in TF.js layers")
    options = {
        key: direct_activation(site, key)
        for key in ("activation", "recurrent_activation")
        if site.peek(key) is not None or key == "activation"
    }
    options |= {key: site.take(key) for key in ("dropout", "recurrent_dropout", "use_bias")}
    units = site.take("units")
    if units is not None:
        options["units"] = units
    return {**options, **site.trained()}


def _cell(site: Site, cell: Any) -> tuple[dict[str, Any], Mapping[str, Array]]:
    kind = type(cell).__name__
    if kind not in _CELLS:
        site.refuse(f"the cell {kind} has no equal in TF.js layers")
    inner = Site(
        cell, legacy=site.legacy, inputs=[(site.shape, "float32")], output_shapes=[],
        arguments={}, translate=site.translate,
    )  # fmt: skip
    inner.forget(*_NO_INFLUENCE)
    options = _cell_options(inner)
    inner.finish()
    if options["dropout"] or options["recurrent_dropout"]:
        raise refusal(site.layer, "dropout of a cell inside an RNN has no equal in TF.js layers")
    config = {"class_name": kind, "config": {"name": str(cell.name), **options}}
    return config, weights_of(cell)


def _own(keras_layer: Any) -> dict[str, Array]:
    return weights_of(keras_layer.cell)


def _directed(keras_layer: Any) -> dict[str, Any]:
    irrelevant = ("name", "seed", "build_config")
    return {k: v for k, v in keras_layer.get_config().items() if k not in irrelevant}


TRANSLATORS = {
    "Bidirectional": bidirectional,
    "ConvLSTM1D": conv_lstm,
    "ConvLSTM2D": conv_lstm,
    "GRU": recurrent,
    "LSTM": recurrent,
    "RNN": rnn,
    "SimpleRNN": recurrent,
    "TimeDistributed": time_distributed,
}
