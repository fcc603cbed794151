"""Contractions, and images."""

from __future__ import annotations

from tests.corpus.edges.common import (
    named,
)
from tests.corpus.op_table import (
    IMAGE,
    SQUARE,
    Entry,
    In,
    X,
    op,
)

ROWS: tuple[Entry, ...] = (
    op(
        "einsum_ellipsis",
        lambda tf, x, y: tf.einsum("...ij,...jk->...ik", x, y),
        In((2, 3, 4, 5)),
        In((2, 3, 5, 2)),
    ),
    op("einsum_sum_all", lambda tf, x, y: tf.einsum("ij,kl->", x, y), X, X),
    op("einsum_repeat_two", lambda tf, x, y: tf.einsum("bii,bi->b", x, y), SQUARE, In((None, 4))),
    op(
        "einsum_broadcast_one",
        lambda tf, x, y: tf.einsum("bij,bkj->bik", x, y),
        In((1, 3, 4)),
        In((1, 2, 4)),
    ),
    op(
        "matmul_broadcast_batches",
        lambda tf, x, y: tf.matmul(x, y),
        In((2, 1, 3, 4)),
        In((1, 5, 4, 2)),
    ),
    op(
        "matmul_broadcast_inner",
        lambda tf, x, y: tf.matmul(x, y),
        In((2, 3, 4, 5)),
        In((2, 1, 5, 2)),
    ),
    op(
        "matmul_unknown_batch",
        lambda tf, x, y: tf.matmul(x, y),
        In((None, 3, 4, 5)),
        In((None, 1, 5, 2)),
    ),
    op("matmul_rank_differs", lambda tf, x, y: tf.matmul(x, y), In((2, 3, 4, 5)), In((3, 5, 2))),
    op(
        "band_part_bounds",
        lambda tf, x: {
            "a": tf.linalg.band_part(x, 0, -1),
            "b": tf.linalg.band_part(x, 0, 0),
            "c": tf.linalg.band_part(x, 2, 1),
        },
        In((None, 4, 6)),
    ),
    op(
        "resize_bilinear_legacy",
        lambda tf, x: tf.raw_ops.ResizeBilinear(
            images=x, size=[5, 14], align_corners=False, half_pixel_centers=False
        ),
        IMAGE,
    ),
    op(
        "resize_nearest_legacy",
        lambda tf, x: tf.raw_ops.ResizeNearestNeighbor(
            images=x, size=[5, 14], align_corners=False, half_pixel_centers=False
        ),
        IMAGE,
    ),
    op(
        "resize_nearest_align",
        lambda tf, x: tf.raw_ops.ResizeNearestNeighbor(
            images=x, size=[5, 14], align_corners=True, half_pixel_centers=False
        ),
        IMAGE,
    ),
    op(
        "resize_nearest_half",
        lambda tf, x: tf.raw_ops.ResizeNearestNeighbor(
            images=x, size=[3, 4], align_corners=False, half_pixel_centers=True
        ),
        IMAGE,
    ),
    op(
        "resize_uint8_nearest",
        lambda tf, x: tf.image.resize(x, [5, 14], "nearest"),
        In((None, 8, 9, 3), "int 0..255", "uint8"),
    ),
    op(
        "resize_bicubic_legacy",
        lambda tf, x: tf.raw_ops.ResizeBicubic(
            images=x, size=[5, 14], align_corners=True, half_pixel_centers=False
        ),
        IMAGE,
    ),
    op("resize_antialias", lambda tf, x: tf.image.resize(x, [4, 5], antialias=True), IMAGE),
    op("resize_lanczos", lambda tf, x: tf.image.resize(x, [4, 5], "lanczos3"), IMAGE),
    op(
        "crop_and_resize_nearest",
        lambda tf, x: tf.image.crop_and_resize(
            x,
            [[0.1, 0.2, 0.9, 0.95], [0.8, 0.9, 0.2, 0.1]],
            [0, 1],
            [4, 5],
            "nearest",
            extrapolation_value=3.0,
        ),
        In((2, 8, 9, 3)),
    ),
    op(
        "ssim",
        lambda tf, x, y: tf.image.ssim(x, y, 1.0),
        In((2, 16, 16, 1), "float 0..1"),
        In((2, 16, 16, 1), "float 0..1"),
    ),
    op("sobel", lambda tf, x: tf.image.sobel_edges(x), IMAGE),
    op(
        "extract_patches_rates",
        lambda tf, x: tf.image.extract_patches(x, [1, 2, 3, 1], [1, 2, 1, 1], [1, 2, 2, 1], "SAME"),
        IMAGE,
    ),
    op(
        "nms_scores",
        lambda tf, x, y: named(
            "is", tf.image.non_max_suppression_with_scores(x, y, 4, 0.4, 0.1, soft_nms_sigma=0.5)
        ),
        In((8, 4), "float 0..1"),
        In((8,), "float 0..1"),
    ),
)
