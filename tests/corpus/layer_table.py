"""The layer models: one row per layer class and option that inference can meet.

A row is (name, layer, input shapes without batch, extras). `L` is `keras.layers`. Rows that need
more than one call of one layer have functions in `layer_graphs`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Row:
    """One layer on its inputs."""

    name: str
    layer: Callable[[Any], Any]
    shapes: tuple[Shape, ...]
    domain: str = "normal 0 2"
    dtype: str = "float32"


def row(name: str, layer: Callable[[Any], Any], *shapes: Shape, **extras: Any) -> Row:
    return Row(name, layer, shapes, **extras)


VECTOR, SEQUENCE, IMAGE, VOLUME = (6,), (8, 5), (8, 9, 4), (5, 6, 4, 3)
PIXELS = (10, 12, 3)
IMAGE_FIRST = (4, 8, 9)

ACTIVATION_NAMES = (
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6",
    "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus",
    "sparse_sigmoid", "sparsemax", "squareplus", "tanh", "tanh_shrink", "threshold",
)  # fmt: skip


def _activation(name: str) -> Row:
    return row(f"activation_{name}", lambda L: L.Activation(name), (5, 6))


ACTIVATIONS = (
    *(_activation(name) for name in ACTIVATION_NAMES if name != "threshold"),
    row("relu", lambda L: L.ReLU(), SEQUENCE),
    row("relu_max", lambda L: L.ReLU(max_value=1.5), SEQUENCE),
    row("relu_slope", lambda L: L.ReLU(negative_slope=0.1), SEQUENCE),
    row("relu_threshold", lambda L: L.ReLU(threshold=0.7), SEQUENCE),
    row("relu_all", lambda L: L.ReLU(max_value=2, negative_slope=0.2, threshold=0.5), SEQUENCE),
    row("leaky_relu", lambda L: L.LeakyReLU(), SEQUENCE),
    row("leaky_relu_slope", lambda L: L.LeakyReLU(negative_slope=0.05), SEQUENCE),
    row("prelu", lambda L: L.PReLU(), IMAGE),
    row("prelu_shared", lambda L: L.PReLU(shared_axes=[1, 2]), IMAGE),
    row("elu", lambda L: L.ELU(), SEQUENCE),
    row("elu_alpha", lambda L: L.ELU(alpha=0.6), SEQUENCE),
    row("softmax", lambda L: L.Softmax(), SEQUENCE),
    row("softmax_axis", lambda L: L.Softmax(axis=1), SEQUENCE),
    row("softmax_axes", lambda L: L.Softmax(axis=(1, 2)), SEQUENCE),
)

CORE = (
    row("dense", lambda L: L.Dense(5), VECTOR),
    row("dense_no_bias", lambda L: L.Dense(5, use_bias=False), VECTOR),
    row("dense_relu", lambda L: L.Dense(5, activation="relu"), VECTOR),
    row("dense_tanh", lambda L: L.Dense(5, activation="tanh"), VECTOR),
    row("dense_gelu", lambda L: L.Dense(5, activation="gelu"), VECTOR),
    row("dense_softmax", lambda L: L.Dense(5, activation="softmax"), VECTOR),
    row("dense_rank_3", lambda L: L.Dense(4), SEQUENCE),
    row("dense_rank_4", lambda L: L.Dense(4, activation="sigmoid"), IMAGE),
    row("einsum_dense", lambda L: L.EinsumDense("abc,cd->abd", (None, 7), bias_axes="d"), SEQUENCE),
    row("einsum_dense_heads", lambda L: L.EinsumDense("abc,cde->abde", (None, 3, 2)), SEQUENCE),
    row("embedding", lambda L: L.Embedding(20, 4), (7,), domain="int 0..19", dtype="int32"),
    row("identity", lambda L: L.Identity(), SEQUENCE),
    row("lambda", lambda L: L.Lambda(lambda x: x * 2.0 + 1.0), SEQUENCE),
    row("masking", lambda L: L.Masking(), SEQUENCE, domain="values [-1, 0, 0.5, 2]"),
)

CONVOLUTION = (
    row("conv1d", lambda L: L.Conv1D(6, 3), SEQUENCE),
    row("conv1d_same", lambda L: L.Conv1D(6, 3, padding="same", activation="relu"), SEQUENCE),
    row("conv1d_causal", lambda L: L.Conv1D(6, 3, padding="causal"), SEQUENCE),
    row("conv1d_dilated", lambda L: L.Conv1D(6, 2, dilation_rate=3), SEQUENCE),
    row(
        "conv1d_causal_dilated",
        lambda L: L.Conv1D(6, 3, padding="causal", dilation_rate=2), SEQUENCE,
    ),
    row("conv1d_strides", lambda L: L.Conv1D(6, 3, strides=2, padding="same"), SEQUENCE),
    row("conv1d_groups", lambda L: L.Conv1D(6, 3, groups=2), (8, 4)),
    row("conv2d", lambda L: L.Conv2D(6, 3), IMAGE),
    row("conv2d_no_bias", lambda L: L.Conv2D(6, 3, use_bias=False), IMAGE),
    row("conv2d_same", lambda L: L.Conv2D(6, (3, 2), padding="same", activation="relu"), IMAGE),
    row("conv2d_strides", lambda L: L.Conv2D(6, 3, strides=(2, 2), padding="same"), IMAGE),
    row("conv2d_uneven_strides", lambda L: L.Conv2D(6, 3, strides=(2, 1)), IMAGE),
    row("conv2d_dilated", lambda L: L.Conv2D(6, 3, dilation_rate=2, padding="same"), IMAGE),
    row("conv2d_uneven_dilation", lambda L: L.Conv2D(6, 2, dilation_rate=(1, 2)), IMAGE),
    row("conv2d_groups", lambda L: L.Conv2D(6, 3, groups=2), IMAGE),
    row("conv2d_tanh", lambda L: L.Conv2D(6, 3, activation="tanh"), IMAGE),
    row(
        "conv2d_channels_first",
        lambda L: L.Conv2D(6, 3, data_format="channels_first"), IMAGE_FIRST,
    ),
    row("conv3d", lambda L: L.Conv3D(4, 2), VOLUME),
    row("conv3d_same", lambda L: L.Conv3D(4, 3, strides=2, padding="same"), VOLUME),
    row("conv3d_dilated", lambda L: L.Conv3D(4, 2, dilation_rate=2), VOLUME),
    row("conv1d_transpose", lambda L: L.Conv1DTranspose(6, 3), SEQUENCE),
    row(
        "conv1d_transpose_same",
        lambda L: L.Conv1DTranspose(6, 3, strides=2, padding="same"), SEQUENCE,
    ),
    row("conv2d_transpose", lambda L: L.Conv2DTranspose(6, 3), IMAGE),
    row(
        "conv2d_transpose_same",
        lambda L: L.Conv2DTranspose(6, 3, strides=2, padding="same", activation="relu"), IMAGE,
    ),
    row("conv2d_transpose_strides", lambda L: L.Conv2DTranspose(6, 2, strides=(3, 2)), IMAGE),
    row(
        "conv2d_transpose_output_padding",
        lambda L: L.Conv2DTranspose(6, 3, strides=2, padding="same", output_padding=0), IMAGE,
    ),
    row("conv3d_transpose", lambda L: L.Conv3DTranspose(4, 2), VOLUME),
    row(
        "conv3d_transpose_same",
        lambda L: L.Conv3DTranspose(4, 3, strides=2, padding="same"), VOLUME,
    ),
    row("depthwise_conv1d", lambda L: L.DepthwiseConv1D(3), SEQUENCE),
    row(
        "depthwise_conv1d_multiplier",
        lambda L: L.DepthwiseConv1D(3, depth_multiplier=2, padding="same"), SEQUENCE,
    ),
    row("depthwise_conv2d", lambda L: L.DepthwiseConv2D(3), IMAGE),
    row(
        "depthwise_conv2d_multiplier",
        lambda L: L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="relu"),
        IMAGE,
    ),
    row("depthwise_conv2d_strides", lambda L: L.DepthwiseConv2D(3, strides=2), IMAGE),
    row("depthwise_conv2d_dilated", lambda L: L.DepthwiseConv2D(2, dilation_rate=2), IMAGE),
    row("separable_conv1d", lambda L: L.SeparableConv1D(6, 3), SEQUENCE),
    row(
        "separable_conv1d_same",
        lambda L: L.SeparableConv1D(6, 3, padding="same", depth_multiplier=2), SEQUENCE,
    ),
    row("separable_conv2d", lambda L: L.SeparableConv2D(6, 3), IMAGE),
    row(
        "separable_conv2d_same",
        lambda L: L.SeparableConv2D(
            6, 3, padding="same", strides=2, depth_multiplier=2, activation="relu"
        ),
        IMAGE,
    ),
    row("separable_conv2d_dilated", lambda L: L.SeparableConv2D(6, 2, dilation_rate=2), IMAGE),
)  # fmt: skip

POOLING = (
    row("max_pooling1d", lambda L: L.MaxPooling1D(), SEQUENCE),
    row("max_pooling1d_same", lambda L: L.MaxPooling1D(3, strides=2, padding="same"), SEQUENCE),
    row("max_pooling2d", lambda L: L.MaxPooling2D(), IMAGE),
    row("max_pooling2d_same", lambda L: L.MaxPooling2D(3, strides=2, padding="same"), IMAGE),
    row("max_pooling3d", lambda L: L.MaxPooling3D(), VOLUME),
    row("max_pooling3d_same", lambda L: L.MaxPooling3D(2, padding="same"), VOLUME),
    row("average_pooling1d", lambda L: L.AveragePooling1D(2), SEQUENCE),
    row("average_pooling1d_same", lambda L: L.AveragePooling1D(3, padding="same"), SEQUENCE),
    row("average_pooling2d", lambda L: L.AveragePooling2D(2), IMAGE),
    row("average_pooling2d_same", lambda L: L.AveragePooling2D(3, 2, padding="same"), IMAGE),
    row("average_pooling3d", lambda L: L.AveragePooling3D(2), VOLUME),
    row("global_max_pooling1d", lambda L: L.GlobalMaxPooling1D(), SEQUENCE),
    row("global_max_pooling2d", lambda L: L.GlobalMaxPooling2D(), IMAGE),
    row("global_max_pooling2d_keepdims", lambda L: L.GlobalMaxPooling2D(keepdims=True), IMAGE),
    row("global_max_pooling3d", lambda L: L.GlobalMaxPooling3D(), VOLUME),
    row("global_average_pooling1d", lambda L: L.GlobalAveragePooling1D(), SEQUENCE),
    row(
        "global_average_pooling1d_keepdims",
        lambda L: L.GlobalAveragePooling1D(keepdims=True), SEQUENCE,
    ),
    row("global_average_pooling2d", lambda L: L.GlobalAveragePooling2D(), IMAGE),
    row(
        "global_average_pooling2d_keepdims",
        lambda L: L.GlobalAveragePooling2D(keepdims=True), IMAGE,
    ),
    row("global_average_pooling3d", lambda L: L.GlobalAveragePooling3D(), VOLUME),
    row("adaptive_average_pooling1d", lambda L: L.AdaptiveAveragePooling1D(4), SEQUENCE),
    row("adaptive_average_pooling2d", lambda L: L.AdaptiveAveragePooling2D(4), IMAGE),
    row("adaptive_average_pooling3d", lambda L: L.AdaptiveAveragePooling3D(2), VOLUME),
    row("adaptive_max_pooling1d", lambda L: L.AdaptiveMaxPooling1D(3), SEQUENCE),
    row("adaptive_max_pooling2d", lambda L: L.AdaptiveMaxPooling2D((3, 5)), IMAGE),
    row("adaptive_max_pooling3d", lambda L: L.AdaptiveMaxPooling3D(2), VOLUME),
)  # fmt: skip

NORMALIZATION = (
    row("batch_normalization", lambda L: L.BatchNormalization(), IMAGE),
    row("batch_normalization_rank_2", lambda L: L.BatchNormalization(), VECTOR),
    row("batch_normalization_rank_3", lambda L: L.BatchNormalization(), SEQUENCE),
    row("batch_normalization_axis_1", lambda L: L.BatchNormalization(axis=1), IMAGE),
    row("batch_normalization_no_scale", lambda L: L.BatchNormalization(scale=False), IMAGE),
    row("batch_normalization_no_center", lambda L: L.BatchNormalization(center=False), IMAGE),
    row("layer_normalization", lambda L: L.LayerNormalization(), SEQUENCE),
    row("layer_normalization_axes", lambda L: L.LayerNormalization(axis=[1, 2]), SEQUENCE),
    row(
        "layer_normalization_plain",
        lambda L: L.LayerNormalization(center=False, scale=False, epsilon=1e-5), IMAGE,
    ),
    row("group_normalization", lambda L: L.GroupNormalization(groups=2), IMAGE),
    row("instance_normalization", lambda L: L.GroupNormalization(groups=-1), IMAGE),
    row("rms_normalization", lambda L: L.RMSNormalization(), SEQUENCE),
    row("unit_normalization", lambda L: L.UnitNormalization(), SEQUENCE),
    row("spectral_normalization", lambda L: L.SpectralNormalization(L.Dense(5)), VECTOR),
)  # fmt: skip

RECURRENT = (
    row("simple_rnn", lambda L: L.SimpleRNN(4), SEQUENCE),
    row("simple_rnn_relu", lambda L: L.SimpleRNN(4, activation="relu"), SEQUENCE),
    row("simple_rnn_sequences", lambda L: L.SimpleRNN(4, return_sequences=True), SEQUENCE),
    row("lstm", lambda L: L.LSTM(4), SEQUENCE),
    row("lstm_sequences", lambda L: L.LSTM(4, return_sequences=True), SEQUENCE),
    row("lstm_no_bias", lambda L: L.LSTM(4, use_bias=False), SEQUENCE),
    row("lstm_backwards", lambda L: L.LSTM(4, go_backwards=True), SEQUENCE),
    row("lstm_unrolled", lambda L: L.LSTM(4, unroll=True), SEQUENCE),
    row(
        "lstm_hard_sigmoid", lambda L: L.LSTM(4, recurrent_activation="hard_sigmoid"), SEQUENCE
    ),
    row("lstm_dropout", lambda L: L.LSTM(4, dropout=0.3, recurrent_dropout=0.2), SEQUENCE),
    row("lstm_any_length", lambda L: L.LSTM(4), (None, 5)),
    row("gru", lambda L: L.GRU(4), SEQUENCE),
    row("gru_sequences", lambda L: L.GRU(4, return_sequences=True), SEQUENCE),
    row("gru_reset_before", lambda L: L.GRU(4, reset_after=False), SEQUENCE),
    row("gru_no_bias", lambda L: L.GRU(4, use_bias=False), SEQUENCE),
    row("rnn_lstm_cell", lambda L: L.RNN(L.LSTMCell(4)), SEQUENCE),
    row("rnn_gru_cell", lambda L: L.RNN(L.GRUCell(4, reset_after=False)), SEQUENCE),
    row("rnn_simple_cell", lambda L: L.RNN(L.SimpleRNNCell(4), return_sequences=True), SEQUENCE),
    row("rnn_stacked", lambda L: L.RNN([L.LSTMCell(4), L.LSTMCell(3)]), SEQUENCE),
    row(
        "rnn_stacked_cells",
        lambda L: L.RNN(L.StackedRNNCells([L.SimpleRNNCell(4), L.SimpleRNNCell(3)])), SEQUENCE,
    ),
    row("bidirectional_lstm", lambda L: L.Bidirectional(L.LSTM(4)), SEQUENCE),
    row(
        "bidirectional_gru_sequences",
        lambda L: L.Bidirectional(L.GRU(4, return_sequences=True, reset_after=False)), SEQUENCE,
    ),
    row(
        "bidirectional_sum",
        lambda L: L.Bidirectional(L.SimpleRNN(4), merge_mode="sum"), SEQUENCE,
    ),
    row("time_distributed_dense", lambda L: L.TimeDistributed(L.Dense(4)), SEQUENCE),
    row("time_distributed_conv2d", lambda L: L.TimeDistributed(L.Conv2D(4, 3)), (3, 6, 7, 2)),
    row("conv_lstm1d", lambda L: L.ConvLSTM1D(3, 2), (4, 6, 2)),
    row("conv_lstm2d", lambda L: L.ConvLSTM2D(3, 2), (4, 5, 6, 2)),
    row(
        "conv_lstm2d_same",
        lambda L: L.ConvLSTM2D(3, 3, padding="same", return_sequences=True), (4, 5, 6, 2),
    ),
    row("conv_lstm3d", lambda L: L.ConvLSTM3D(2, 2, padding="same"), (3, 4, 4, 4, 2)),
)  # fmt: skip

ATTENTION = (
    row("attention", lambda L: L.Attention(), SEQUENCE, (6, 5)),
    row("attention_scaled", lambda L: L.Attention(use_scale=True), SEQUENCE, (6, 5)),
    row("attention_concat", lambda L: L.Attention(score_mode="concat"), SEQUENCE, (6, 5)),
    row("additive_attention", lambda L: L.AdditiveAttention(), SEQUENCE, (6, 5)),
    row("multi_head_attention", lambda L: L.MultiHeadAttention(2, 3), SEQUENCE, (6, 5)),
    row("multi_head_attention_axes", lambda L: L.MultiHeadAttention(2, 3, attention_axes=(1, 2)),
        (3, 4, 5), (3, 4, 5)),
    row("group_query_attention", lambda L: L.GroupQueryAttention(3, 4, 2), SEQUENCE, (6, 5),
        (6, 5)),
)  # fmt: skip

MERGING = (
    row("add", lambda L: L.Add(), SEQUENCE, SEQUENCE, SEQUENCE),
    row("add_broadcast", lambda L: L.Add(), SEQUENCE, (8, 1)),
    row("subtract", lambda L: L.Subtract(), SEQUENCE, SEQUENCE),
    row("multiply", lambda L: L.Multiply(), SEQUENCE, SEQUENCE),
    row("average", lambda L: L.Average(), SEQUENCE, SEQUENCE, SEQUENCE),
    row("maximum", lambda L: L.Maximum(), SEQUENCE, SEQUENCE),
    row("minimum", lambda L: L.Minimum(), SEQUENCE, SEQUENCE),
    row("concatenate", lambda L: L.Concatenate(), SEQUENCE, (8, 3)),
    row("concatenate_axis", lambda L: L.Concatenate(axis=1), SEQUENCE, (3, 5)),
    row("dot", lambda L: L.Dot(axes=1), VECTOR, VECTOR),
    row("dot_normalized", lambda L: L.Dot(axes=-1, normalize=True), VECTOR, VECTOR),
    row("dot_rank_3", lambda L: L.Dot(axes=(2, 2)), SEQUENCE, (6, 5)),
)

RESHAPING = (
    row("flatten", lambda L: L.Flatten(), IMAGE),
    row("flatten_rank_2", lambda L: L.Flatten(), VECTOR),
    row("flatten_channels_first", lambda L: L.Flatten(data_format="channels_first"), IMAGE_FIRST),
    row("reshape", lambda L: L.Reshape((5, 8)), SEQUENCE),
    row("reshape_unknown", lambda L: L.Reshape((-1, 10)), SEQUENCE),
    row("permute", lambda L: L.Permute((3, 1, 2)), IMAGE),
    row("repeat_vector", lambda L: L.RepeatVector(3), VECTOR),
    row("up_sampling1d", lambda L: L.UpSampling1D(3), SEQUENCE),
    row("up_sampling2d", lambda L: L.UpSampling2D((2, 3)), IMAGE),
    row("up_sampling2d_bilinear", lambda L: L.UpSampling2D(2, interpolation="bilinear"), IMAGE),
    row("up_sampling2d_bicubic", lambda L: L.UpSampling2D(2, interpolation="bicubic"), IMAGE),
    row("up_sampling3d", lambda L: L.UpSampling3D((2, 1, 3)), VOLUME),
    row("zero_padding1d", lambda L: L.ZeroPadding1D((1, 2)), SEQUENCE),
    row("zero_padding2d", lambda L: L.ZeroPadding2D(((1, 2), (0, 3))), IMAGE),
    row("zero_padding3d", lambda L: L.ZeroPadding3D(((1, 0), (2, 1), (0, 1))), VOLUME),
    row("cropping1d", lambda L: L.Cropping1D((1, 2)), SEQUENCE),
    row("cropping2d", lambda L: L.Cropping2D(((1, 2), (0, 3))), IMAGE),
    row("cropping3d", lambda L: L.Cropping3D(((1, 0), (2, 1), (0, 1))), VOLUME),
)

_IMAGE_VALUES = "float 0..255"

PREPROCESSING = (
    row("rescaling", lambda L: L.Rescaling(1 / 127.5, offset=-1.0), PIXELS, domain=_IMAGE_VALUES),
    row(
        "rescaling_per_channel",
        lambda L: L.Rescaling([0.1, 0.2, 0.3], offset=[1.0, 0.0, -1.0]), PIXELS,
        domain=_IMAGE_VALUES,
    ),
    row("resizing", lambda L: L.Resizing(7, 15), PIXELS, domain=_IMAGE_VALUES),
    row(
        "resizing_nearest", lambda L: L.Resizing(7, 15, interpolation="nearest"), PIXELS,
        domain=_IMAGE_VALUES,
    ),
    row(
        "resizing_bicubic", lambda L: L.Resizing(7, 15, interpolation="bicubic"), PIXELS,
        domain=_IMAGE_VALUES,
    ),
    row(
        "resizing_cropped", lambda L: L.Resizing(6, 6, crop_to_aspect_ratio=True), PIXELS,
        domain=_IMAGE_VALUES,
    ),
    row("center_crop", lambda L: L.CenterCrop(6, 5), PIXELS, domain=_IMAGE_VALUES),
    row("center_crop_resized", lambda L: L.CenterCrop(14, 16), PIXELS, domain=_IMAGE_VALUES),
    row("normalization", lambda L: L.Normalization(mean=[0.5, 1.0, -1.0, 2.0, 0.0],
        variance=[1.0, 2.0, 0.5, 4.0, 1.5]), SEQUENCE),
    row("normalization_inverted", lambda L: L.Normalization(mean=3.0, variance=2.0, invert=True,
        axis=None), SEQUENCE),
    row("discretization", lambda L: L.Discretization([-1.0, 0.0, 0.5, 2.0]), SEQUENCE),
    row(
        "discretization_one_hot",
        lambda L: L.Discretization([-1.0, 0.0, 2.0], output_mode="one_hot"), (1,),
    ),
    row("category_encoding", lambda L: L.CategoryEncoding(7), (4,), domain="int 0..6",
        dtype="int32"),
    row("category_encoding_one_hot", lambda L: L.CategoryEncoding(7, output_mode="one_hot"), (1,),
        domain="int 0..6", dtype="int32"),
    row("category_encoding_count", lambda L: L.CategoryEncoding(7, output_mode="count"), (4,),
        domain="int 0..6", dtype="int32"),
    row("integer_lookup", lambda L: L.IntegerLookup(vocabulary=[3, 5, 8, 13]), (4,),
        domain="int 0..14", dtype="int64"),
    row("hashing", lambda L: L.Hashing(5), (3,), domain="int 0..99", dtype="int32"),
    row("string_lookup", lambda L: L.StringLookup(vocabulary=["yes", "no", "maybe"]), (3,),
        domain='string ["yes", "no", "maybe", "never"]', dtype="string"),
    row("text_vectorization", lambda L: L.TextVectorization(
        vocabulary=["red", "green", "blue"], output_sequence_length=4), (1,),
        domain='string ["Red green", "blue, red!", "a red one"]', dtype="string"),
    row("solarization", lambda L: L.Solarization(threshold_factor=0.0), PIXELS,
        domain=_IMAGE_VALUES),
    row("stft_spectrogram", lambda L: L.STFTSpectrogram(frame_length=16, frame_step=8,
        fft_length=16), (64, 1)),
    row("mel_spectrogram", lambda L: L.MelSpectrogram(fft_length=64, sequence_stride=32,
        num_mel_bins=8, sampling_rate=4000, min_freq=200), (256,)),
)  # fmt: skip

REGULARIZATION = (
    row("dropout", lambda L: L.Dropout(0.5), SEQUENCE),
    row("spatial_dropout1d", lambda L: L.SpatialDropout1D(0.5), SEQUENCE),
    row("spatial_dropout2d", lambda L: L.SpatialDropout2D(0.5), IMAGE),
    row("spatial_dropout3d", lambda L: L.SpatialDropout3D(0.5), VOLUME),
    row("alpha_dropout", lambda L: L.AlphaDropout(0.5), SEQUENCE),
    row("gaussian_dropout", lambda L: L.GaussianDropout(0.5), SEQUENCE),
    row("gaussian_noise", lambda L: L.GaussianNoise(0.5), SEQUENCE),
    row("activity_regularization", lambda L: L.ActivityRegularization(l2=0.1), SEQUENCE),
    row("random_flip", lambda L: L.RandomFlip(), PIXELS, domain=_IMAGE_VALUES),
    row("random_rotation", lambda L: L.RandomRotation(0.2), PIXELS, domain=_IMAGE_VALUES),
    row("random_contrast", lambda L: L.RandomContrast(0.2), PIXELS, domain=_IMAGE_VALUES),
    row("random_crop", lambda L: L.RandomCrop(6, 6), PIXELS, domain=_IMAGE_VALUES),
)

ROWS: tuple[Row, ...] = (
    *ACTIVATIONS, *CORE, *CONVOLUTION, *POOLING, *NORMALIZATION, *RECURRENT, *ATTENTION,
    *MERGING, *RESHAPING, *PREPROCESSING, *REGULARIZATION,
)  # fmt: skip
