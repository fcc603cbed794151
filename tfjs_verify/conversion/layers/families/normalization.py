"""Normalisation layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfjs_verify.conversion.layers.activations import scaled
from tfjs_verify.conversion.layers.families.shaping import reshaped, with_axis_last
from tfjs_verify.conversion.layers.site import Site
from tfjs_verify.conversion.layers.term import Term, layer
from tfjs_verify.tensors import Array

_HIGHEST_RANK = 4
"""TensorFlow.js normalises tensors up to this rank."""


def batch_normalization(site: Site) -> Term:
    """TensorFlow.js broadcasts its statistics along the last axis, whatever `axis` says."""
    site.forget("synchronized", "fused", "virtual_batch_size", "renorm_clipping", "renorm_momentum")
    site.only("renorm", False)
    site.only("adjustment", None)
    axis = _axes(site)
    if len(axis) != 1:
        site.refuse(f"axis={axis} has no equal in TF.js layers")
    options = {key: site.take(key) for key in ("epsilon", "center", "scale", "momentum")}
    kept = site.trained()

    def make(x: Term) -> Term:
        return layer("BatchNormalization", x, weights=site.weights, axis=-1, **options, **kept)

    if site.rank <= _HIGHEST_RANK:
        return with_axis_last(site.x, axis[0], site.rank, make)
    sizes = [site.dim(a) for a in range(1, site.rank)]
    if axis[0] != site.rank - 1:
        site.refuse(f"axis={axis[0]} of a tensor of rank {site.rank} has no equal in TF.js layers")
    return reshaped(make(reshaped(site.x, -1, sizes[-1])), *sizes)


def layer_normalization(site: Site) -> Term:
    """The same on both sides, up to rank 4."""
    site.only("rms_scaling", False)
    if site.rank > _HIGHEST_RANK:
        site.refuse(f"an input of rank {site.rank} has no equal in TF.js layers")
    return layer(
        "LayerNormalization", site.x, weights=site.weights, axis=_axes(site),
        **{key: site.take(key) for key in ("epsilon", "center", "scale")}, **site.trained(),
    )  # fmt: skip


def group_normalization(site: Site) -> Term:
    """A LayerNormalization over positions and a group's channels, and a 1×1 depthwise scale."""
    if _axes(site) != [site.rank - 1]:
        site.refuse("another axis than the last has no equal in TF.js layers")
    *sizes, channels = (site.dim(axis) for axis in range(1, site.rank))
    groups = int(site.take("groups"))
    groups = channels if groups == -1 else groups
    epsilon, center, scale = (site.take(key) for key in ("epsilon", "center", "scale"))
    weights, kept = site.weights, site.trained()
    x = reshaped(site.x, -1, groups, channels // groups)
    x = layer("LayerNormalization", x, axis=[1, 3], epsilon=epsilon, center=False, scale=False)
    if center or scale:
        gamma = weights.get("gamma", np.ones(channels, np.float32))
        scales: dict[str, Array] = {"depthwise_kernel": gamma.reshape(1, 1, channels, 1)}
        if center:
            scales["bias"] = weights["beta"]
        x = layer(
            "DepthwiseConv2D", reshaped(x, -1, 1, channels), weights=scales, kernel_size=[1, 1],
            strides=[1, 1], padding="valid", use_bias=bool(center), activation="linear",
            trainable=kept.get("trainable", True),
        )  # fmt: skip
    return reshaped(x, *sizes, channels)


def normalization(site: Site) -> Term:
    """Two Rescalings, so that the mean is subtracted before anything is scaled."""
    site.forget("axis", "mean", "variance")
    inverted = site.take("invert", False)
    mean = np.asarray(site.layer.mean, np.float32)
    deviation = np.maximum(np.sqrt(np.asarray(site.layer.variance, np.float32)), 1e-7)
    if inverted:
        return scaled(site.x, _listed(deviation), _listed(mean))
    return scaled(scaled(site.x, 1.0, _listed(-mean)), _listed(1.0 / deviation))


def _axes(site: Site) -> list[int]:
    value = site.take("axis", -1)
    axes = list(value) if isinstance(value, (list, tuple)) else [value]
    return sorted(int(axis) % site.rank for axis in axes)


def _listed(values: Array) -> Any:
    return values.tolist()


TRANSLATORS = {
    "BatchNormalization": batch_normalization,
    "GroupNormalization": group_normalization,
    "LayerNormalization": layer_normalization,
    "Normalization": normalization,
}
