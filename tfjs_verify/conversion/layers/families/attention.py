"""Attention, spelled out in products, softmaxes and dense layers."""

from __future__ import annotations

from typing import Any

from tfjs_verify.conversion.layers.activations import activation, scaled
from tfjs_verify.conversion.layers.site import Site, weights_of
from tfjs_verify.conversion.layers.term import Term, layer
from tfjs_verify.tensors import Array

_MASKED = -1e9


def attention(site: Site) -> Term:
    """Dot-product attention of queries, values and, perhaps, keys."""
    site.only("score_mode", "dot")
    site.forget("dropout")
    causal = site.arguments.pop("use_causal_mask", False)
    query, value, key = _roles(site)
    if site.take("use_scale"):
        query = scaled(query, float(next(iter(site.weights.values()))))
        site.notes.append("its scale is a constant when TF.js trains the model")
    return _attended(site, query, key, value, causal=bool(causal))


def multi_head_attention(site: Site) -> Term:
    """One Dense per head for queries, keys and values, and one for what the heads found."""
    site.forget("dropout", "num_heads", "value_dim", "output_shape", "flash_attention")
    site.forget("query_shape", "key_shape", "value_shape")  # tf_keras's
    site.only("use_gate", False)
    site.only("sliding_window", None)
    site.only("attention_axes", None, [1], (1,))
    site.forget("use_bias", "kernel_regularizer", "bias_regularizer")
    causal = bool(site.arguments.pop("use_causal_mask", False))
    factor = float(site.take("key_dim")) ** -0.5
    query, value, key = _roles(site)
    parts = {part: _weights(site, part) for part in ("query", "key", "value", "attention_output")}
    heads = []
    for head in range(parts["query"]["kernel"].shape[1]):
        q, k, v = (
            _dense(x, {name: weight[..., head, :] for name, weight in parts[part].items()})
            for x, part in ((query, "query"), (key, "key"), (value, "value"))
        )
        heads.append(_attended(site, scaled(q, factor), k, v, causal=causal))
    found = heads[0] if len(heads) == 1 else layer("Concatenate", *heads, axis=2)
    output = dict(parts["attention_output"])
    kernel = output["kernel"]
    output["kernel"] = kernel.reshape(-1, kernel.shape[-1])
    return _dense(found, output)


def _roles(site: Site) -> tuple[Term, Term, Term]:
    """Query, value and key, which is the value where there is none."""
    if any(len(shape) != 3 for shape in site.input_shapes):
        site.refuse("inputs of another rank than 3 have no equal in TF.js layers")
    query, value, *rest = site.inputs
    return query, value, rest[0] if rest else value


def _attended(site: Site, query: Term, key: Term, value: Term, *, causal: bool) -> Term:
    scores = layer("Dot", query, key, axes=[2, 2], normalize=False)
    if causal:
        scores = scaled(scores, 1.0, _causal_mask(site))
    return layer("Dot", activation("softmax", scores), value, axes=[2, 1], normalize=False)


def _causal_mask(site: Site) -> list[list[float]]:
    rows, columns = site.input_shapes[0][1], site.input_shapes[1][1]
    if rows is None or columns is None:
        site.refuse("a causal mask of unknown size has no equal in TF.js layers")
    return [[0.0 if column <= row else _MASKED for column in range(columns)] for row in range(rows)]


def _dense(x: Term, weights: dict[str, Array]) -> Term:
    units = int(weights["kernel"].shape[-1])
    return layer(
        "Dense", x, weights=weights, units=units, use_bias="bias" in weights, activation="linear"
    )


def _weights(site: Site, part: str) -> dict[str, Array]:
    """The weights of one of the four projections."""
    dense: Any = getattr(site.layer, f"_{part}_dense", None) or site.layer._output_dense
    return weights_of(dense)


TRANSLATORS = {
    "Attention": attention,
    "MultiHeadAttention": multi_head_attention,
}
