"""Preprocessing layers. TensorFlow.js's own Resizing and CenterCrop sample other pixels."""

from __future__ import annotations

import numpy as np

from tfjs_verify.conversion.layers.activations import scaled
from tfjs_verify.conversion.layers.families.basic import identity
from tfjs_verify.conversion.layers.families.shaping import (
    channels_last,
    cropped,
    permuted,
    reshaped,
)
from tfjs_verify.conversion.layers.site import Site
from tfjs_verify.conversion.layers.term import Term, layer
from tfjs_verify.tensors import Array


def rescaling(site: Site) -> Term:
    """The same on both sides, with numbers or lists."""
    scale, offset = (np.asarray(site.take(key), np.float32) for key in ("scale", "offset"))
    return scaled(site.x, scale.tolist(), offset.tolist())


def center_crop(site: Site) -> Term:
    """A Cropping2D, where the input is known not to be smaller."""
    if site.rank != 4:
        site.refuse("an input without a batch has no equal in TF.js layers")
    first = 2 if site.channels_first else 1
    ends = []
    for axis, key in ((first, "height"), (first + 1, "width")):
        before, after = site.dim(axis), int(site.take(key))
        if before < after:
            site.refuse(f"enlarging (from {key} {before} to {after}) has no equal in TF.js layers")
        low = int((before - after) / 2)
        ends.append((low, before - after - low))
    return channels_last(site, lambda x: cropped(x, ends[0], ends[1]))


def category_encoding(site: Site) -> Term:
    """Rows of an identity matrix, gathered and merged: tfjs-node lacks the kernel of its own."""
    site.only("sparse", False)
    tokens = int(site.take("num_tokens"))
    mode = site.only("output_mode", "multi_hot", "one_hot", "count")
    count = site.shape[-1]
    if site.rank != 2 or count is None:
        site.refuse("an input of another rank than 2 has no equal in TF.js layers")
    identity_matrix = np.eye(tokens, dtype=np.float32)
    x = layer(
        "Embedding", site.x, weights={"embeddings": identity_matrix},
        input_dim=tokens, output_dim=tokens, trainable=False,
    )  # fmt: skip
    if mode == "one_hot":
        return reshaped(x, tokens) if count == 1 else x
    if mode == "multi_hot":
        return layer("GlobalMaxPooling1D", x)
    ones: Array = np.ones((count, 1), np.float32)
    summed = layer(
        "Dense", permuted(x, (0, 2, 1)), weights={"kernel": ones},
        units=1, use_bias=False, activation="linear", trainable=False,
    )  # fmt: skip
    return reshaped(summed, tokens)


def augmentation(site: Site) -> Term:
    """Random only in training: predictions pass through."""
    for key in ("factor", "mode", "fill_mode", "fill_value", "interpolation", "value_range",
                "height_factor", "width_factor", "data_format", "lower", "upper"):  # fmt: skip
        site.forget(key)
    site.notes.append("it does nothing when TF.js trains the model")
    return identity(site)


TRANSLATORS = {
    "CategoryEncoding": category_encoding,
    "CenterCrop": center_crop,
    "RandomBrightness": augmentation,
    "RandomContrast": augmentation,
    "RandomFlip": augmentation,
    "RandomRotation": augmentation,
    "RandomTranslation": augmentation,
    "RandomZoom": augmentation,
    "Rescaling": rescaling,
}
