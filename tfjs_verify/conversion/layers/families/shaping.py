"""Reshapes and permutations, also as the glue that other translations are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tfjs_verify.conversion.layers.site import Site
from tfjs_verify.conversion.layers.term import Term, layer


def reshaped(x: Term, *sizes: int) -> Term:
    """`x` with these sizes behind the batch; -1 at most once."""
    return layer("Reshape", x, target_shape=list(sizes))


def permuted(x: Term, axes: Sequence[int]) -> Term:
    """`x` with its axes, batch included, in this order; itself if that is their order."""
    if list(axes) == list(range(len(axes))):
        return x
    return layer("Permute", x, dims=list(axes[1:]))


def with_axis_last(x: Term, axis: int, rank: int, make: Callable[[Term], Term]) -> Term:
    """`make` applied along the last axis where it is meant along another one."""
    order = [a for a in range(rank) if a != axis] + [axis]
    inverse = [order.index(a) for a in range(rank)]
    return permuted(make(permuted(x, order)), inverse)


def channels_last(
    site: Site, make: Callable[[Term], Term], *, rank_after: int | None = None
) -> Term:
    """`make` on channels-last data, whatever the layer's own format is."""
    value = site.take("data_format", "channels_last")
    if value in (None, "channels_last"):
        return make(site.x)
    rank = site.rank
    before = [0, *range(2, rank), 1]
    after_rank = rank if rank_after is None else rank_after
    result = make(permuted(site.x, before))
    if after_rank < 3:
        return result
    return permuted(result, [0, after_rank - 1, *range(1, after_rank - 1)])


def flatten(site: Site) -> Term:
    """TensorFlow.js's Flatten wants rank 3 at least, and every size known."""

    def make(x: Term) -> Term:
        if site.rank >= 3 and None not in site.shape[1:]:
            return layer("Flatten", x)
        size = 1 if site.rank == 1 else -1
        return reshaped(x, size)

    return channels_last(site, make, rank_after=2)


def reshape(site: Site) -> Term:
    """The same on both sides."""
    target = site.take("target_shape")
    return reshaped(site.x, *(-1 if size is None else int(size) for size in target))


def permute(site: Site) -> Term:
    """The same on both sides."""
    return layer("Permute", site.x, dims=list(site.take("dims")))


def repeat_vector(site: Site) -> Term:
    """The same on both sides."""
    return layer("RepeatVector", site.x, n=site.take("n"))


def up_sampling_1d(site: Site) -> Term:
    """As an image of width 1."""
    return _as_columns(site, lambda x: _enlarged(x, int(site.take("size")), 1))


def up_sampling_2d(site: Site) -> Term:
    """Nearest only: TensorFlow.js's bilinear has other corners."""
    site.only("interpolation", "nearest")
    rows, columns = _pair(site.take("size"))
    return channels_last(site, lambda x: _enlarged(x, rows, columns))


def up_sampling_3d(site: Site) -> Term:
    """The depth in an image of one column, then rows and columns."""
    a, b, c = (int(size) for size in site.take("size"))
    depth, rows, columns, channels = _sizes(site)

    def make(x: Term) -> Term:
        x = _enlarged(reshaped(x, depth, 1, rows * columns * channels), a, 1)
        x = _enlarged(reshaped(x, a * depth * rows, columns, channels), b, c)
        return reshaped(x, a * depth, b * rows, c * columns, channels)

    return channels_last(site, make)


def zero_padding_1d(site: Site) -> Term:
    """As an image of width 1."""
    padding = _ends(site.take("padding"))
    return _as_columns(site, lambda image: padded(image, padding, (0, 0)))


def zero_padding_2d(site: Site) -> Term:
    """The same on both sides."""
    rows, columns = (_ends(part) for part in _pair(site.take("padding")))
    return channels_last(site, lambda x: padded(x, rows, columns))


def zero_padding_3d(site: Site) -> Term:
    """Depth and rows with the columns folded into the channels, then the columns."""
    return _in_two_steps(site, "padding", padded, 1)


def cropping_1d(site: Site) -> Term:
    """As an image of width 1."""
    ends = _ends(site.take("cropping"))
    return _as_columns(site, lambda image: cropped(image, ends, (0, 0)))


def cropping_2d(site: Site) -> Term:
    """The same on both sides."""
    rows, columns = (_ends(part) for part in _pair(site.take("cropping")))
    return channels_last(site, lambda x: cropped(x, rows, columns))


def cropping_3d(site: Site) -> Term:
    """Depth and rows with the columns folded into the channels, then the columns."""
    return _in_two_steps(site, "cropping", cropped, -1)


def padded(x: Term, rows: tuple[int, int], columns: tuple[int, int]) -> Term:
    """An image with zeros around it."""
    return layer("ZeroPadding2D", x, padding=[list(rows), list(columns)])


def cropped(x: Term, rows: tuple[int, int], columns: tuple[int, int]) -> Term:
    """An image without its margins."""
    return layer("Cropping2D", x, cropping=[list(rows), list(columns)], data_format="channels_last")


def as_columns(x: Term, channels: int, make: Callable[[Term], Term], channels_after: int) -> Term:
    """A sequence treated as an image of one column, and made a sequence again."""
    return reshaped(make(reshaped(x, -1, 1, channels)), -1, channels_after)


def _as_columns(site: Site, make: Callable[[Term], Term]) -> Term:
    channels = site.dim(1 if site.channels_first else -1)
    return channels_last(site, lambda x: as_columns(x, channels, make, channels))


def _enlarged(x: Term, rows: int, columns: int) -> Term:
    return layer("UpSampling2D", x, size=[rows, columns], interpolation="nearest",
                 data_format="channels_last")  # fmt: skip


def _in_two_steps(
    site: Site,
    key: str,
    change: Callable[[Term, tuple[int, int], tuple[int, int]], Term],
    sign: int,
) -> Term:
    a, b, c = (_ends(part) for part in site.take(key))
    depth, rows, columns, channels = _sizes(site)
    new_depth, new_rows = depth + sign * sum(a), rows + sign * sum(b)

    def make(x: Term) -> Term:
        x = change(reshaped(x, depth, rows, columns * channels), a, b)
        x = change(reshaped(x, new_depth * new_rows, columns, channels), (0, 0), c)
        return reshaped(x, new_depth, new_rows, columns + sign * sum(c), channels)

    return channels_last(site, make)


def _sizes(site: Site) -> tuple[int, int, int, int]:
    sizes = [site.dim(axis) for axis in range(1, 5)]
    a, b, c, d = sizes if not site.channels_first else [*sizes[1:], sizes[0]]
    return a, b, c, d


def _pair(value: object) -> tuple[int, int]:
    first, second = value if isinstance(value, (list, tuple)) else (value, value)
    return first, second


def _ends(value: object) -> tuple[int, int]:
    low, high = _pair(value)
    return int(low), int(high)


TRANSLATORS = {
    "Flatten": flatten,
    "Reshape": reshape,
    "Permute": permute,
    "RepeatVector": repeat_vector,
    "UpSampling1D": up_sampling_1d,
    "UpSampling2D": up_sampling_2d,
    "UpSampling3D": up_sampling_3d,
    "ZeroPadding1D": zero_padding_1d,
    "ZeroPadding2D": zero_padding_2d,
    "ZeroPadding3D": zero_padding_3d,
    "Cropping1D": cropping_1d,
    "Cropping2D": cropping_2d,
    "Cropping3D": cropping_3d,
}
