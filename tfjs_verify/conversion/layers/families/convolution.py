"""Convolutions: plain, transposed, depthwise and separable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfjs_verify.conversion.layers.activations import ALONG_LAST_AXIS, activated
from tfjs_verify.conversion.layers.families.shaping import as_columns, channels_last, padded
from tfjs_verify.conversion.layers.site import Site
from tfjs_verify.conversion.layers.term import Term, layer
from tfjs_verify.tensors import Array


def conv(site: Site) -> Term:
    """Conv1D, Conv2D and Conv3D; causal padding is explicit padding in TensorFlow.js."""
    site.only("groups", 1)
    common = _common(site)
    if site.kind == "Conv3D" and any(rate != 1 for rate in common["dilation_rate"]):
        site.refuse("dilation_rate of volumes is not implemented by every TF.js backend")
    causal = _causal_padding(site, common)
    channels = site.dim(1 if site.channels_first else -1)

    def make(x: Term, name: str) -> Term:
        if causal:
            x = as_columns(x, channels, lambda image: padded(image, (causal, 0), (0, 0)), channels)
        return layer(site.kind, x, weights=site.weights, activation=name, **common)

    return _activated(site, make)


def conv_transpose(site: Site) -> Term:
    """Conv2DTranspose, and Conv1DTranspose as an image of one column."""
    if site.kind == "Conv3DTranspose":
        site.refuse("the wasm backend of TF.js computes it wrong")
    site.only("groups", 1)
    common = _common(site)
    _require_same_length(site, common)
    if site.kind == "Conv2DTranspose":
        return _activated(
            site,
            lambda x, name: layer(site.kind, x, weights=site.weights, activation=name, **common),
        )
    weights = _as_images(site.weights, "kernel")
    channels = site.dim(1 if site.channels_first else -1)
    image = _of_images(common)

    def make(x: Term, name: str) -> Term:
        def columns(x: Term) -> Term:
            return layer("Conv2DTranspose", x, weights=weights, activation=name, **image)

        return as_columns(x, channels, columns, common["filters"])

    return _activated(site, make)


def depthwise(site: Site) -> Term:
    """DepthwiseConv2D, and DepthwiseConv1D as an image of one column."""
    common = _common(site)
    if any(rate != 1 for rate in common.pop("dilation_rate")):
        site.refuse("dilation_rate is ignored by TF.js layers")
    common["depth_multiplier"] = site.take("depth_multiplier", 1)
    weights = _renamed(site.weights, {"kernel": "depthwise_kernel"})
    channels = site.dim(1 if site.channels_first else -1)

    def make(x: Term, name: str) -> Term:
        return layer("DepthwiseConv2D", x, weights=weights, activation=name, **common)

    if site.kind == "DepthwiseConv2D":
        return _activated(site, make)
    weights = _as_images(weights, "depthwise_kernel")
    common = _of_images(common)
    after = channels * common["depth_multiplier"]
    return _activated(
        site, lambda x, name: as_columns(x, channels, lambda image: make(image, name), after)
    )


def separable(site: Site) -> Term:
    """SeparableConv2D, and SeparableConv1D as an image of one column."""
    common = _common(site)
    common["depth_multiplier"] = site.take("depth_multiplier", 1)
    weights: Mapping[str, Array] = site.weights
    channels = site.dim(1 if site.channels_first else -1)

    def make(x: Term, name: str) -> Term:
        return layer("SeparableConv2D", x, weights=weights, activation=name, **common)

    if site.kind == "SeparableConv2D":
        return _activated(site, make)
    weights = _as_images(_as_images(weights, "depthwise_kernel"), "pointwise_kernel")
    common = _of_images(common)
    return _activated(
        site,
        lambda x, name: as_columns(x, channels, lambda image: make(image, name), common["filters"]),
    )


def _common(site: Site) -> dict[str, Any]:
    common = {
        "kernel_size": list(site.take("kernel_size")),
        "strides": list(site.take("strides")),
        "padding": site.only("padding", "valid", "same", *_causal(site)),
        "dilation_rate": list(site.take("dilation_rate")),
        "use_bias": site.take("use_bias"),
    }
    filters = site.take("filters")
    if filters is not None:
        common["filters"] = filters
    common.update(site.trained())
    if site.kind.startswith(("Depthwise", "Separable")):
        site.only("groups", 1, None)
        site.forget("groups", "filters")
    return common


def _causal(site: Site) -> tuple[str, ...]:
    return ("causal",) if site.kind == "Conv1D" else ()


def _causal_padding(site: Site, common: dict[str, Any]) -> int:
    if common["padding"] != "causal":
        return 0
    common["padding"] = "valid"
    return int((common["kernel_size"][0] - 1) * common["dilation_rate"][0])


def _activated(site: Site, make: Any) -> Term:
    """The activation goes along the last axis, which must then be the channels."""
    if site.channels_first and site.peek("activation") in ALONG_LAST_AXIS:
        site.refuse("a softmax along the width (data_format='channels_first') is not translated")
    return channels_last(site, lambda x: activated(site, lambda name: make(x, name)))


def _require_same_length(site: Site, common: dict[str, Any]) -> None:
    """TensorFlow.js decides the output's size itself, which `output_padding` may have changed."""
    if any(rate != 1 for rate in common.pop("dilation_rate")):
        site.refuse("dilation_rate is ignored by TF.js layers")
    padding = site.take("output_padding")
    first = 2 if site.channels_first else 1
    for axis, (size, stride) in enumerate(
        zip(common["kernel_size"], common["strides"], strict=True), start=first
    ):
        before, after = site.shape[axis], site.output_shapes[0][axis]
        if before is None or after is None:
            if padding is not None or (size < stride and common["padding"] == "valid"):
                site.refuse("the size of its output differs in TF.js layers")
            continue
        extra = max(size - stride, 0) if common["padding"] == "valid" else 0
        if before * stride + extra != after:
            site.refuse(
                f"its output has size {after} along axis {axis}, in TF.js layers"
                f" {before * stride + extra} (output_padding={padding!r})"
            )


def _of_images(common: dict[str, Any]) -> dict[str, Any]:
    """The options of a sequence's convolution for images of one column."""
    return {
        key: [*value, 1] if key in ("kernel_size", "strides", "dilation_rate") else value
        for key, value in common.items()
    }


def _as_images(weights: Mapping[str, Array], key: str) -> dict[str, Array]:
    return {**weights, key: weights[key][:, None]}


def _renamed(weights: Mapping[str, Array], names: Mapping[str, str]) -> dict[str, Array]:
    return {names.get(key, key): value for key, value in weights.items()}


TRANSLATORS = {
    "Conv1D": conv,
    "Conv2D": conv,
    "Conv3D": conv,
    "Conv1DTranspose": conv_transpose,
    "Conv2DTranspose": conv_transpose,
    "Conv3DTranspose": conv_transpose,
    "DepthwiseConv1D": depthwise,
    "DepthwiseConv2D": depthwise,
    "SeparableConv1D": separable,
    "SeparableConv2D": separable,
}
