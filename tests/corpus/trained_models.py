"""Ten small models of different kinds, with weights as after training: nothing zero, nothing flat.

    for entry in trained_models():
        model = entry.build()          # a Keras 3 model, the same every time
        entry.domains                  # input name → domain text, as `--input` takes it

Each is fitted for some steps to a made-up task that its kind can learn, from weights and
statistics that were drawn at random: biases, moving means and variances are as uneven as in a model
that somebody ships, and outputs vary with the inputs.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_EXAMPLES = 64
_EPOCHS = 2


@dataclass(frozen=True)
class TrainedModel:
    """A named way to a Keras model that was trained, and what its inputs accept."""

    name: str
    make: Callable[[Any], Any]
    """From the module `keras` to a model."""
    domains: Mapping[str, str] = field(default_factory=dict)

    def build(self) -> Any:
        """The model, trained; the same weights every time, but for the order of sums."""
        import keras

        seed = zlib.crc32(self.name.encode())
        keras.utils.set_random_seed(seed)
        keras.backend.clear_session()
        model = self.make(keras)
        rng = np.random.default_rng(seed)
        _unsettle(model, rng)
        inputs = {tensor.name: self._drawn(tensor, rng) for tensor in model.inputs}
        # A task of its own making: what the model said, bent and shifted.
        answers = model.predict(inputs, verbose=0)
        targets = keras.tree.map_structure(lambda each: np.tanh(1.5 * each) + 0.1, answers)
        losses = keras.tree.map_structure(lambda each: "mse", answers)
        model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=losses)
        model.fit(inputs, targets, batch_size=16, epochs=_EPOCHS, verbose=0)
        return model

    def _drawn(self, tensor: Any, rng: np.random.Generator) -> Any:
        shape = [_EXAMPLES, *tensor.shape[1:]]
        text = self.domains.get(tensor.name, "")
        if text.startswith("int 0.."):
            return rng.integers(0, int(text.removeprefix("int 0..")) + 1, shape).astype(np.int32)
        return rng.normal(size=shape).astype(np.float32)


def trained_models() -> Iterator[TrainedModel]:
    """All ten."""
    for make, domains in _MODELS:
        yield TrainedModel(make.__name__, make, domains)


def trained_model(name: str) -> TrainedModel:
    """The one of that name; KeyError where there is none."""
    return {entry.name: entry for entry in trained_models()}[name]


def _unsettle(model: Any, rng: np.random.Generator) -> None:
    """Draws what layers start with at 0 or 1: biases, scales and moving statistics."""
    for weight in model.weights:
        name, shape = weight.path.rsplit("/", 1)[-1], weight.shape
        if name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, shape))
        elif name in ("bias", "beta", "moving_mean"):
            weight.assign(np.asarray(weight) + rng.normal(0, 0.2, shape))


def cnn(keras: Any) -> Any:
    """Images to ten classes."""
    layers = keras.layers
    x = image = keras.Input((16, 16, 3), name="image")
    for filters in (8, 16):
        x = layers.Conv2D(filters, 3, activation="relu", padding="same")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(32, activation="relu")(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(10, activation="softmax", name="classes")(x))


def residual(keras: Any) -> Any:
    """Two residual blocks with batch normalisation, the second one strided."""
    layers = keras.layers

    def block(x: Any, filters: int, strides: int) -> Any:
        y = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
        y = layers.BatchNormalization()(y)
        if strides > 1:
            x = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides, use_bias=False)(x))
        return layers.ReLU()(layers.Add()([x, y]))

    image = keras.Input((16, 16, 3), name="image")
    x = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", use_bias=False)(image))
    x = block(block(layers.ReLU()(x), 8, 1), 12, 2)
    return keras.Model(image, layers.Dense(6, name="scores")(layers.GlobalAveragePooling2D()(x)))


def depthwise(keras: Any) -> Any:
    """Inverted residuals of depthwise convolutions, as in a MobileNet."""
    layers = keras.layers
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(8, 3, 2, padding="same", use_bias=False)(image)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    for strides in (1, 2):
        y = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(16, 1)(x)))
        if strides == 2:
            y = layers.ZeroPadding2D(((0, 1), (0, 1)))(y)
        padding = "valid" if strides == 2 else "same"
        y = layers.DepthwiseConv2D(3, strides, padding=padding, use_bias=False)(y)
        y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(8, 1, use_bias=False)(y))
        x = layers.Add()([x, y]) if strides == 1 else y
    x = layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, x)


def tabular(keras: Any) -> Any:
    """Numbers and categories side by side, to a value and a probability."""
    layers = keras.layers
    numbers = keras.Input((12,), name="numbers")
    others = keras.Input((12,), name="others")
    x = layers.Concatenate()(
        [layers.BatchNormalization()(numbers), layers.LayerNormalization()(others)]
    )
    x = layers.Dense(32, activation="elu")(x)
    x = layers.Dense(16, activation="tanh")(x)
    value = layers.Dense(1, name="value")(x)
    chance = layers.Dense(1, activation="sigmoid", name="chance")(x)
    return keras.Model([numbers, others], {"value": value, "chance": chance})


def lstm(keras: Any) -> Any:
    """A sequence to a value at every step."""
    layers = keras.layers
    x = sequence = keras.Input((10, 4), name="sequence")
    x = layers.LSTM(12, return_sequences=True)(x)
    x = layers.LSTM(8, return_sequences=True)(x)
    return keras.Model(sequence, layers.Dense(3)(x))


def gru(keras: Any) -> Any:
    """A sequence read in both directions, to classes."""
    layers = keras.layers
    sequence = keras.Input((10, 4), name="sequence")
    x = layers.Bidirectional(layers.GRU(8))(sequence)
    return keras.Model(sequence, layers.Dense(4, activation="softmax")(x))


def transformer(keras: Any) -> Any:
    """One encoder block over embedded tokens with positions."""
    layers = keras.layers
    tokens = keras.Input((12,), dtype="int32", name="tokens")
    x = layers.Embedding(40, 16)(tokens)
    x = layers.Add()([x, keras.ops.expand_dims(_positions(12, 16), 0)])
    y = layers.MultiHeadAttention(2, 8)(x, x, use_causal_mask=True)
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    y = layers.Dense(16)(layers.Dense(32, activation="gelu")(x))
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    return keras.Model(tokens, layers.Dense(7)(layers.GlobalAveragePooling1D()(x)))


def _positions(length: int, width: int) -> Any:
    angle = np.arange(length)[:, None] / 100 ** (np.arange(width)[None, :] / width)
    return np.where(np.arange(width) % 2, np.cos(angle), np.sin(angle)).astype(np.float32)


def embedding(keras: Any) -> Any:
    """Two towers of embeddings, and how well they go together."""
    layers = keras.layers
    user = keras.Input((1,), dtype="int32", name="user")
    items = keras.Input((5,), dtype="int32", name="items")
    one = layers.Dense(12, activation="tanh")(layers.Flatten()(layers.Embedding(30, 8)(user)))
    other = layers.GlobalAveragePooling1D()(layers.Embedding(50, 12)(items))
    score = layers.Dot(1)([one, other])
    both = layers.Dense(6, activation="relu")(layers.Concatenate()([one, other]))
    return keras.Model([user, items], {"score": score, "profile": layers.Dense(4)(both)})


def detector(keras: Any) -> Any:
    """A detection head: boxes that are decoded against anchors, and class scores, per cell."""
    layers, ops = keras.layers, keras.ops
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(8, 3, 2, padding="same", activation="relu")(image)
    x = layers.Conv2D(12, 3, 2, padding="same", activation="relu")(x)
    offsets = layers.Reshape((32, 4))(layers.Conv2D(8, 3, padding="same")(x))
    scores = layers.Reshape((32, 3))(layers.Conv2D(6, 1, activation="sigmoid")(x))
    rng = np.random.default_rng(2)
    centre = rng.uniform(0.1, 0.9, (1, 32, 2)).astype(np.float32)
    size = rng.uniform(0.1, 0.4, (1, 32, 2)).astype(np.float32)
    middle = 0.1 * offsets[..., :2] * size + centre
    extent = ops.exp(0.2 * offsets[..., 2:]) * size
    boxes = ops.concatenate([middle - extent / 2, middle + extent / 2], axis=-1)
    return keras.Model(image, {"boxes": boxes, "scores": scores})


def unet(keras: Any) -> Any:
    """Down and up again with skips: a mask as large as the image."""
    layers = keras.layers
    image = keras.Input((16, 16, 1), name="image")
    down1 = layers.Conv2D(6, 3, padding="same", activation="relu")(image)
    down2 = layers.Conv2D(10, 3, padding="same", activation="relu")(layers.MaxPooling2D()(down1))
    x = layers.Conv2D(14, 3, padding="same", activation="relu")(layers.AveragePooling2D(2)(down2))
    x = layers.Conv2DTranspose(10, 3, 2, padding="same")(x)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.Concatenate()([x, down2]))
    x = layers.UpSampling2D(interpolation="bilinear")(x)
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(layers.Concatenate()([x, down1]))
    return keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x))


_MODELS: tuple[tuple[Callable[[Any], Any], Mapping[str, str]], ...] = (
    (cnn, {"image": "normal 0 1"}),
    (residual, {"image": "normal 0 1"}),
    (depthwise, {"image": "normal 0 1"}),
    (tabular, {"numbers": "normal 0 1", "others": "normal 0 1"}),
    (lstm, {"sequence": "normal 0 1"}),
    (gru, {"sequence": "normal 0 1"}),
    (transformer, {"tokens": "int 0..39"}),
    (embedding, {"user": "int 0..29", "items": "int 0..49"}),
    (detector, {"image": "normal 0 1"}),
    (unet, {"image": "normal 0 1"}),
)
