"""Which Keras class is translated by which function; what is not here is refused by name."""

from __future__ import annotations

from collections.abc import Mapping

from tfjs_verify.conversion.layers.families import (
    attention,
    basic,
    convolution,
    merging,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    shaping,
)
from tfjs_verify.conversion.layers.site import Translator

TRANSLATORS: Mapping[str, Translator] = {
    **attention.TRANSLATORS,
    **basic.TRANSLATORS,
    **convolution.TRANSLATORS,
    **merging.TRANSLATORS,
    **normalization.TRANSLATORS,
    **pooling.TRANSLATORS,
    **preprocessing.TRANSLATORS,
    **recurrent.TRANSLATORS,
    **shaping.TRANSLATORS,
}

INTEGER_INPUTS = frozenset(
    {"CategoryEncoding", "Embedding", "Flatten", "Identity", "Normalization", "Permute",
     "RepeatVector", "Rescaling", "Reshape"}
)  # fmt: skip
"""Layers that do the same to integers in TensorFlow.js; others would compute in another dtype."""
