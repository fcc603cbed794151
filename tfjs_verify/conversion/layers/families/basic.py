"""Dense layers, embeddings, activation layers, and layers that predictions pass through."""

from __future__ import annotations

from tfjs_verify.conversion.layers.activations import (
    above,
    activated,
    activation,
    added,
    negative,
    rectified,
    scaled,
)
from tfjs_verify.conversion.layers.families.shaping import with_axis_last
from tfjs_verify.conversion.layers.site import Site
from tfjs_verify.conversion.layers.term import Term, layer


def dense(site: Site) -> Term:
    """The same on both sides, for inputs of any rank from 2 on."""
    site.only("lora_rank", None)
    site.only("quantization_config", None)
    site.forget("lora_alpha")
    units, bias, kept = site.take("units"), site.take("use_bias"), site.trained()
    return activated(
        site,
        lambda name: layer(
            "Dense", site.x, weights=site.weights,
            units=units, use_bias=bias, activation=name, **kept,
        ),
    )  # fmt: skip


def einsum_dense(site: Site) -> Term:
    """Only where it is a Dense: the last axis is contracted into the last one."""
    site.only("lora_rank", None)
    site.only("quantization_config", None)
    site.forget("lora_alpha", "output_shape")
    equation, bias = str(site.take("equation")).replace("...", ""), site.take("bias_axes")
    given, _, result = equation.partition("->")
    left, _, kernel = given.partition(",")
    plain = len(kernel) == 2 and left[-1:] == kernel[0] and result == left[:-1] + kernel[1]
    if not plain or kernel[1] in left or bias not in (None, kernel[1:]):
        site.refuse(f"equation={equation!r} has no equal in TF.js layers")
    weights, kept = site.weights, site.trained()
    units = int(weights["kernel"].shape[1])
    return activated(
        site,
        lambda name: layer(
            "Dense", site.x, weights=weights,
            units=units, use_bias=bias is not None, activation=name, **kept,
        ),
    )  # fmt: skip


def embedding(site: Site) -> Term:
    """Its mask is dropped: a layer that would use it has been refused."""
    site.only("lora_rank", None)
    site.only("quantization_config", None)
    site.only("sparse", False)
    site.forget("lora_alpha", "mask_zero")
    return layer(
        "Embedding", site.x, weights=site.weights,
        input_dim=site.take("input_dim"), output_dim=site.take("output_dim"), **site.trained(),
    )  # fmt: skip


def activation_layer(site: Site) -> Term:
    """By name only."""
    return activated(site, lambda name: activation(name, site.x))


def relu(site: Site) -> Term:
    """TensorFlow.js ignores `negative_slope` and `threshold`."""
    limit, slope, threshold = (
        None if value is None else float(value)
        for value in (
            site.take("max_value"), site.take("negative_slope", 0.0), site.take("threshold", 0.0)
        )
    )  # fmt: skip
    x = site.x
    if not threshold and not slope:
        return rectified(x, limit)
    if not threshold and limit is None:
        return layer("LeakyReLU", x, alpha=slope)
    positive = above(x, threshold) if threshold else x
    if limit is not None or not threshold:
        positive = rectified(positive, limit)
    elif threshold < 0:
        site.refuse(f"threshold={threshold} has no equal in TF.js layers")
    if not slope:
        return positive
    return added(positive, scaled(rectified(scaled(x, -1.0, threshold or 0.0)), -slope))


def leaky_relu(site: Site) -> Term:
    """`negative_slope` in Keras 3, `alpha` in Keras 2 and TensorFlow.js."""
    slope = site.take("negative_slope", None)
    alpha = site.take("alpha", None)
    return layer("LeakyReLU", site.x, alpha=float(alpha if slope is None else slope))


def thresholded_relu(site: Site) -> Term:
    """tf_keras only."""
    return above(site.x, float(site.take("theta")))


def prelu(site: Site) -> Term:
    """The same on both sides."""
    axes = site.take("shared_axes")
    shared = None if axes is None else list(axes)
    return layer("PReLU", site.x, weights=site.weights, shared_axes=shared, **site.trained())


def elu(site: Site) -> Term:
    """`alpha` is not implemented in TensorFlow.js: the negative part is scaled apart."""
    alpha = float(site.take("alpha", 1.0))
    x = site.x
    if alpha == 1.0:
        return layer("ELU", x, alpha=1.0)
    below = rectified(negative(layer("ELU", x, alpha=1.0)))
    return added(rectified(x), scaled(below, -alpha))


def softmax(site: Site) -> Term:
    """TensorFlow.js goes along the last axis only, or along several."""
    axis = site.take("axis")
    axes = sorted({a % site.rank for a in (axis if isinstance(axis, (list, tuple)) else [axis])})
    if len(axes) > 1:
        return layer("Softmax", site.x, axis=axes)
    return with_axis_last(
        site.x, axes[0], site.rank, lambda x: layer("Softmax", x, axis=site.rank - 1)
    )


def masking(site: Site) -> Term:
    """Zeroes masked steps on both sides; a layer that would use the mask has been refused."""
    value = float(site.take("mask_value"))
    return Term("Masking", {"mask_value": value}, (site.x,), isolated=True)


def dropout(site: Site) -> Term:
    """Passes predictions through, and drops in training as Keras does."""
    noise = site.take("noise_shape", None)
    shape = None if noise is None else list(noise)
    return layer("Dropout", site.x, rate=site.take("rate"), noise_shape=shape)


def spatial_dropout(site: Site) -> Term:
    """A Dropout whose noise has size 1 along the spatial axes."""
    site.only("data_format", "channels_last", None)
    if site.kind.endswith("1D"):
        return layer("SpatialDropout1D", site.x, rate=site.take("rate"))
    noise = [None, *([1] * (site.rank - 2)), None]
    return layer("Dropout", site.x, rate=site.take("rate"), noise_shape=noise)


def noise(site: Site) -> Term:
    """GaussianDropout, AlphaDropout and GaussianNoise pass predictions through."""
    site.only("noise_shape", None)
    key = "stddev" if site.kind == "GaussianNoise" else "rate"
    return layer(site.kind, site.x, **{key: site.take(key)})


def identity(site: Site) -> Term:
    """A layer that predictions pass through unchanged."""
    return activation("linear", site.x)


def activity_regularization(site: Site) -> Term:
    """A penalty of training, which TensorFlow.js does not have."""
    site.forget("l1", "l2")
    site.notes.append("its penalty is not applied when TF.js trains the model")
    return identity(site)


TRANSLATORS = {
    "Activation": activation_layer,
    "ActivityRegularization": activity_regularization,
    "AlphaDropout": noise,
    "Dense": dense,
    "Dropout": dropout,
    "EinsumDense": einsum_dense,
    "ELU": elu,
    "Embedding": embedding,
    "GaussianDropout": noise,
    "GaussianNoise": noise,
    "Identity": identity,
    "LeakyReLU": leaky_relu,
    "Masking": masking,
    "PReLU": prelu,
    "ReLU": relu,
    "Softmax": softmax,
    "SpatialDropout1D": spatial_dropout,
    "SpatialDropout2D": spatial_dropout,
    "SpatialDropout3D": spatial_dropout,
    "ThresholdedReLU": thresholded_relu,
}
