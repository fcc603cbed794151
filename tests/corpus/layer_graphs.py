"""Layer models with more than one layer: what a single call cannot show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Build = Callable[[Any], Any]
Domains = Mapping[str, str]

_TOKENS = {"tokens": "int 0..9"}


def embedding_mask_zero_lstm(keras: Any) -> Any:
    """Padding tokens are skipped by the recurrence."""
    tokens = keras.Input((7,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(10, 4, mask_zero=True)(tokens)
    return keras.Model(tokens, keras.layers.LSTM(3)(x))


def embedding_mask_zero_mean(keras: Any) -> Any:
    """The mask decides what an average is of."""
    tokens = keras.Input((7,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(10, 4, mask_zero=True)(tokens)
    return keras.Model(tokens, keras.layers.GlobalAveragePooling1D()(x))


def masking_gru(keras: Any) -> Any:
    """Masked steps keep the state."""
    x = keras.Input((6, 3), name="x")
    masked = keras.layers.Masking(mask_value=0.0)(x)
    return keras.Model(x, keras.layers.GRU(4, reset_after=False)(masked))


def causal_attention(keras: Any) -> Any:
    """The causal mask of MultiHeadAttention."""
    x = keras.Input((6, 4), name="x")
    attention = keras.layers.MultiHeadAttention(2, 3)
    return keras.Model(x, attention(x, x, use_causal_mask=True))


def attention_causal(keras: Any) -> Any:
    """The causal mask of Attention."""
    x = keras.Input((6, 4), name="x")
    return keras.Model(x, keras.layers.Attention()([x, x], use_causal_mask=True))


def lstm_return_state(keras: Any) -> Any:
    """Three outputs of one layer."""
    x = keras.Input((6, 3), name="x")
    return keras.Model(x, keras.layers.LSTM(4, return_state=True)(x))


def lstm_initial_state(keras: Any) -> Any:
    """An encoder's state starts a decoder."""
    source = keras.Input((6, 3), name="source")
    target = keras.Input((5, 3), name="target")
    _, h, c = keras.layers.LSTM(4, return_state=True)(source)
    return keras.Model([source, target], keras.layers.LSTM(4)(target, initial_state=[h, c]))


def subtract_operator(keras: Any) -> Any:
    """Operators between Keras tensors are operations, not layers."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model([a, b], (a - b) * 2.0)


def inputs_out_of_order(keras: Any) -> Any:
    """Inputs whose order is not that of their names."""
    z, a = keras.Input((4,), name="z"), keras.Input((4,), name="a")
    return keras.Model([z, a], keras.layers.Subtract()([z, a]))


def outputs_as_dict(keras: Any) -> Any:
    """Outputs whose order is not that of their names, all of one shape."""
    x = keras.Input((4,), name="x")
    outputs = {name: keras.layers.Dense(3, name=f"to_{name}")(x) for name in ("zeta", "beta", "mu")}
    return keras.Model(x, outputs)


def shared_layer(keras: Any) -> Any:
    """One layer called twice."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    dense = keras.layers.Dense(3, activation="relu")
    return keras.Model([a, b], keras.layers.Concatenate()([dense(a), dense(b)]))


def nested_models(keras: Any) -> Any:
    """A model in a model in a model."""
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(5, activation="relu"), keras.layers.Dense(4)]
    )
    y = keras.Input((4,), name="y")
    middle = keras.Model(y, keras.layers.Add()([inner(y), y]))
    x = keras.Input((4,), name="x")
    return keras.Model(x, keras.layers.Dense(2)(middle(inner(x))))


def sequential(keras: Any) -> Any:
    """The most common of all models."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )


def residual_batch_normalization(keras: Any) -> Any:
    """A convolution with two consumers, one of them a BatchNormalization."""
    layers = keras.layers
    x = keras.Input((6, 6, 3), name="x")
    convolved = layers.Conv2D(4, 3)(x)
    normalised = layers.BatchNormalization()(convolved)
    return keras.Model(x, [normalised, layers.ReLU()(convolved)])


def squeeze_and_excite(keras: Any) -> Any:
    """What EfficientNet and MobileNetV3 are made of."""
    layers = keras.layers
    x = keras.Input((6, 6, 8), name="x")
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.Activation("silu")(layers.BatchNormalization()(y))
    pooled = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(y))
    gate = layers.Conv2D(2, 1, activation="silu")(pooled)
    gate = layers.Conv2D(8, 1, activation="sigmoid")(gate)
    return keras.Model(x, layers.Add()([x, layers.Multiply()([y, gate])]))


def transformer_block(keras: Any) -> Any:
    """Attention, normalisation and a feed-forward network with GELU."""
    layers = keras.layers
    x = keras.Input((6, 8), name="x")
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.Add()([x, layers.MultiHeadAttention(2, 4)(y, y)])
    z = layers.Dense(16, activation="gelu")(layers.LayerNormalization(epsilon=1e-6)(y))
    return keras.Model(x, layers.Add()([y, layers.Dense(8)(z)]))


def stacked_lstm(keras: Any) -> Any:
    """Sequences into sequences into a decision."""
    layers = keras.layers
    x = keras.Input((None, 3), name="x")
    y = layers.LSTM(4, return_sequences=True)(x)
    return keras.Model(x, layers.Dense(2)(layers.LSTM(3)(y)))


def text_classifier(keras: Any) -> Any:
    """Embedding, convolution, pooling, decision."""
    layers = keras.layers
    tokens = keras.Input((9,), dtype="int32", name="tokens")
    y = layers.Conv1D(6, 3, activation="relu", padding="same")(layers.Embedding(10, 5)(tokens))
    y = layers.GlobalMaxPooling1D()(y)
    return keras.Model(tokens, layers.Dense(2, activation="sigmoid")(y))


def mixed_precision(keras: Any) -> Any:
    """float16 inside, float32 weights."""
    x = keras.Input((4,), name="x")
    y = keras.layers.Dense(5, dtype="mixed_float16")(x)
    return keras.Model(x, keras.layers.Dense(2, dtype="float32")(y))


def softmax_masked(keras: Any) -> Any:
    """Softmax with an explicit mask."""
    x = keras.Input((5,), name="x")
    mask = keras.Input((5,), dtype="bool", name="mask")
    return keras.Model([x, mask], keras.layers.Softmax()(x, mask=mask))


def reversible_embedding(keras: Any) -> Any:
    """Tied weights: tokens to vectors and back to logits."""
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    embedding = keras.layers.ReversibleEmbedding(10, 4)
    return keras.Model(tokens, embedding(embedding(tokens), reverse=True))


GRAPHS: tuple[tuple[Build, Domains], ...] = (
    (embedding_mask_zero_lstm, _TOKENS),
    (embedding_mask_zero_mean, _TOKENS),
    (masking_gru, {"x": "values [0, 0, 0, 1.5, -0.5]"}),
    (causal_attention, {}),
    (attention_causal, {}),
    (lstm_return_state, {}),
    (lstm_initial_state, {}),
    (subtract_operator, {}),
    (inputs_out_of_order, {}),
    (outputs_as_dict, {}),
    (shared_layer, {}),
    (nested_models, {}),
    (sequential, {}),
    (residual_batch_normalization, {}),
    (squeeze_and_excite, {}),
    (transformer_block, {}),
    (stacked_lstm, {}),
    (text_classifier, _TOKENS),
    (mixed_precision, {}),
    (softmax_masked, {}),
    (reversible_embedding, _TOKENS),
)
