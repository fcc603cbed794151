"""Pooling, windowed, adaptive and global."""

from __future__ import annotations

from tfjs_verify.conversion.layers.families.shaping import channels_last, reshaped
from tfjs_verify.conversion.layers.site import Site
from tfjs_verify.conversion.layers.term import Term, layer


def windowed(site: Site) -> Term:
    """The same on both sides; TensorFlow.js ignores the data format of sequences.

    The wasm kernel for maxima of volumes starts from 0, which all-negative windows show.
    """
    size, strides = list(site.take("pool_size")), list(site.take("strides"))
    padding = site.only("padding", "valid", "same")
    if site.kind == "MaxPooling3D":
        return _of_volumes(site, size, strides, padding)
    return channels_last(
        site, lambda x: layer(site.kind, x, pool_size=size, strides=strides, padding=padding)
    )


def adaptive(site: Site) -> Term:
    """Windows of one size, where the output's sizes divide the input's."""
    first = 2 if site.channels_first else 1
    sizes = []
    for axis, after in enumerate(site.take("output_size"), start=first):
        before = site.dim(axis)
        if before % after:
            site.refuse(f"windows that differ in size (from {before} to {after}) have no equal")
        sizes.append(before // after)
    kind = site.kind.removeprefix("Adaptive")
    if kind == "MaxPooling3D":
        return _of_volumes(site, sizes, sizes, "valid")
    return channels_last(
        site, lambda x: layer(kind, x, pool_size=sizes, strides=sizes, padding="valid")
    )


def _of_volumes(site: Site, size: list[int], strides: list[int], padding: str) -> Term:
    """Along rows and columns with the depth among the channels, then along the depth."""
    first = 2 if site.channels_first else 1
    before = [site.dim(axis) for axis in range(first, first + 3)]
    channels = site.dim(1 if site.channels_first else -1)
    after = [_pooled_size(*sizes, padding) for sizes in zip(before, size, strides, strict=True)]

    def pooled(x: Term, axes: slice, fixed: int) -> Term:
        ends = [1] * fixed
        return layer(
            "MaxPooling2D", x, padding=padding,
            pool_size=[*ends, *size[axes]], strides=[*ends, *strides[axes]],
        )  # fmt: skip

    def make(x: Term) -> Term:
        x = layer("Permute", x, dims=[2, 3, 1, 4])
        x = pooled(reshaped(x, *before[1:], before[0] * channels), slice(1, 3), 0)
        x = pooled(reshaped(x, after[1] * after[2], before[0], channels), slice(0, 1), 1)
        x = reshaped(x, *after[1:], after[0], channels)
        return layer("Permute", x, dims=[3, 1, 2, 4])

    return channels_last(site, make)


def _pooled_size(size: int, window: int, stride: int, padding: str) -> int:
    return -(-size // stride) if padding == "same" else (size - window) // stride + 1


def global_(site: Site) -> Term:
    """TensorFlow.js ignores `keepdims`, and has none for volumes."""
    keeps = site.take("keepdims", False)
    rank = site.rank
    channels = site.shape[1 if site.channels_first else -1]

    def make(x: Term) -> Term:
        kind = site.kind
        if kind.endswith("3D"):
            x = reshaped(x, -1, site.dim(-1) if channels is None else channels)
            kind = f"{kind[:-2]}1D"
        x = layer(kind, x)
        if not keeps:
            return x
        return reshaped(x, *([1] * (rank - 2)), -1 if channels is None else channels)

    return channels_last(site, make, rank_after=rank if keeps else 2)


TRANSLATORS = {
    f"{family}{pool}Pooling{rank}D": translator
    for family, translator in (("", windowed), ("Adaptive", adaptive), ("Global", global_))
    for pool in ("Max", "Average")
    for rank in (1, 2, 3)
}
