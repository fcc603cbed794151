"""Activations: those that TensorFlow.js has, and those that layers of it add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tfjs_verify.conversion.layers.site import Site
from tfjs_verify.conversion.layers.term import Term, layer

DIRECT: Mapping[str, str] = {
    "elu": "elu",
    "celu": "elu",
    "gelu": "gelu",  # the exact one; TensorFlow.js's approximate one has no name that can be said
    "linear": "linear",
    "log_softmax": "log_softmax",
    "mish": "mish",
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "silu": "swish",
    "softmax": "softmax",
    "softplus": "softplus",
    "softsign": "softsign",
    "swish": "swish",
    "tanh": "tanh",
}

ALONG_LAST_AXIS = frozenset({"softmax", "log_softmax"})
"""Not elementwise: their axis must stay the last one."""


def scaled(x: Term, scale: Any, offset: Any = 0.0) -> Term:
    """`x × scale + offset`, with numbers or nested lists that are broadcast."""
    return layer("Rescaling", x, scale=scale, offset=offset)


def activation(name: str, x: Term) -> Term:
    """TensorFlow.js's activation of that name as a layer."""
    return layer("Activation", x, activation=name)


def rectified(x: Term, max_value: float | None = None) -> Term:
    """`min(max(x, 0), max_value)`."""
    return layer("ReLU", x, max_value=max_value)


def above(x: Term, threshold: float) -> Term:
    """`x` where it is greater than the threshold, else 0."""
    return layer("ThresholdedReLU", x, theta=threshold)


def hard_sigmoid(x: Term) -> Term:
    """Keras 3's, `relu6(x + 3) / 6`, through that of Keras 2, `clip(0.2 x + 0.5)`."""
    return activation("hard_sigmoid", scaled(x, 5.0 / 6.0))


def negative(x: Term) -> Term:
    """`-x`."""
    return scaled(x, -1.0)


def added(*terms: Term) -> Term:
    """The sum of terms of one shape."""
    return layer("Add", *terms)


def product(*terms: Term) -> Term:
    """The product of terms of one shape."""
    return layer("Multiply", *terms)


COMPOSED: Mapping[str, Callable[[Term], Term]] = {
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": lambda x: product(x, hard_sigmoid(x)),
    "hard_swish": lambda x: product(x, hard_sigmoid(x)),
    "hard_tanh": lambda x: scaled(rectified(scaled(x, 1.0, 1.0), 2.0), 1.0, -1.0),
    "hard_shrink": lambda x: added(above(x, 0.5), negative(above(negative(x), 0.5))),
    "leaky_relu": lambda x: layer("LeakyReLU", x, alpha=0.2),
    "log_sigmoid": lambda x: negative(activation("softplus", negative(x))),
    "soft_shrink": lambda x: added(
        rectified(scaled(x, 1.0, -0.5)), negative(rectified(scaled(x, -1.0, -0.5)))
    ),
    "sparse_sigmoid": lambda x: scaled(rectified(scaled(x, 1.0, 1.0), 2.0), 0.5),
    "tanh_shrink": lambda x: added(x, negative(activation("tanh", x))),
}


def activated(site: Site, make: Callable[[str], Term], key: str = "activation") -> Term:
    """What `make` gives for the layer's activation, which it takes by its TensorFlow.js name."""
    name = activation_name(site, key)
    direct = direct_name(site, name)
    if direct is not None:
        return make(direct)
    composed = COMPOSED.get(name)
    if composed is None:
        site.refuse(f"{key}={name!r} has no equal in TF.js layers")
    return composed(make("linear"))


def direct_activation(site: Site, key: str) -> str:
    """An activation inside a layer, where nothing can be composed."""
    name = activation_name(site, key)
    direct = direct_name(site, name)
    if direct is None:
        hint = " (its formula changed in Keras 3)" if name == "hard_sigmoid" else ""
        site.refuse(f"{key}={name!r} has no equal in TF.js layers{hint}")
    return direct


def activation_name(site: Site, key: str = "activation") -> str:
    """The name of a built-in activation; functions and layers in its place are refused."""
    value = site.take(key, "linear")
    if value is None:
        return "linear"
    if not isinstance(value, str):
        shown = value.get("config") if isinstance(value, Mapping) else value
        site.refuse(f"{key}={shown!r} is a function or layer of its own, unknown to TF.js layers")
    return value


def direct_name(site: Site, name: str) -> str | None:
    """TensorFlow.js's name of an activation that it has."""
    if site.legacy and name == "hard_sigmoid":
        return name  # TensorFlow.js has the formula of Keras 2
    return DIRECT.get(name)
