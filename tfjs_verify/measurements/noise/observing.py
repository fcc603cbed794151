"""What rounding was seen to do to one output on one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfjs_verify.measurements.noise.envelope import Envelope
from tfjs_verify.measurements.noise.output import OutputNoise, magnitudes, widened
from tfjs_verify.measurements.noise.parts import Columns
from tfjs_verify.tensors import Array, value_classes

_JUMP = 1e-4
"""Relative to the output's scale, what rounding hardly does unless it decides something."""
_MINORITY = 0.25
_SMALL = 2.0**-10
"""Relative to the scale: integers that rounding moves by less are rounded numbers, not labels."""
_NATURAL = 1.0
"""The size of a sine, a softmax, an erf: kernels are exact to some ULP of that, however small the
number that comes out."""


def output_noise(
    name: str,
    dtype: str,
    exact: Array,
    answer: Array,
    dithered: Sequence[Array],
    *,
    parts: Sequence[Columns] = (),
    counts: bool = False,
) -> OutputNoise:
    """The noise of one output on one case: the reference's `answer` and the `dithered` ones.

    Elements that are not finite on both sides say nothing about the size of rounding. `parts` are
    columns to be measured by themselves; `counts` says that integers are rounded real numbers.
    """
    others = (answer, *dithered)
    if any(other.shape != exact.shape for other in others):
        return replace(OutputNoise(name, dtype), reshapes=True)
    if exact.dtype.kind not in "fc":
        return _whole_noise(OutputNoise(name, dtype), exact, others, counts=counts)
    noise = _real_noise(OutputNoise(name, dtype), exact, others)
    if not parts or exact.shape[-1:] != (sum(map(len, parts)),):
        return noise
    outer = min(max(noise.scales, default=0.0), _NATURAL)
    return replace(
        noise,
        parts=tuple(
            (
                columns,
                replace(
                    _real_noise(
                        OutputNoise(name, dtype),
                        exact[..., columns],
                        [each[..., columns] for each in others],
                    ),
                    outer=outer,
                ),
            )
            for columns in parts
        ),
    )


def _whole_noise(
    empty: OutputNoise, exact: Array, others: Sequence[Array], *, counts: bool
) -> OutputNoise:
    """Of integers and booleans, where rounding alone decides; of counts, how far they move.

    Rounding moves a large count as it moves a real number, and by one even where the real number
    moves by less.
    """
    if exact.dtype.kind not in "iub":
        flipped = np.any([other != exact for other in others], axis=0)
        return replace(empty, jumps=flipped.astype(np.float64) if flipped.any() else None)
    deviations = [np.abs(widened(other) - widened(exact)) for other in others]
    moved = np.max(deviations, axis=0, initial=0.0)
    if not moved.any():
        return empty
    magnitude, scale = magnitudes(exact)
    if not counts or moved.max() > _SMALL * scale:
        return replace(empty, jumps=moved)
    envelope = Envelope().with_samples(
        (magnitude / scale).reshape(-1), (np.maximum(moved - 1, 0.0) / scale).reshape(-1)
    )
    return replace(empty, jumps=moved, envelope=envelope, scales=(scale,), step=1.0)


def _real_noise(empty: OutputNoise, exact: Array, others: Sequence[Array]) -> OutputNoise:
    answer = others[0]
    magnitude, exact_scale = magnitudes(exact)
    size, scale = magnitudes(answer)  # allowances are asked for by the size of the answer
    with np.errstate(invalid="ignore", over="ignore"):
        errors = [np.abs(widened(other) - widened(exact)) for other in others]
    representable = magnitude <= np.finfo(np.float32).max  # float64 goes on where float32 ends
    errors = [np.where(representable, error, np.nan) for error in errors]
    jumps = _jumps(errors, scale)
    envelope = Envelope()
    peaks = []
    for error in errors:
        finite = np.isfinite(error)
        peaks.append(float(np.max(error[finite], initial=0.0)))
        if scale:
            steady = finite if jumps is None else finite & (jumps == 0)
            envelope = envelope.with_samples(size[steady] / scale, error[steady] / scale)
    relative = [peak / (scale or max(exact_scale, peak) or 1.0) for peak in peaks]
    return replace(
        empty,
        reference=relative[0],
        sensitivity=max(relative[1:], default=0.0),
        envelope=envelope,
        on_zeros=0.0 if scale else max(peaks),
        scales=(scale,),
        jumps=jumps,
        classes=_classes((exact, *others), jumps),
    )


def _classes(answers: Sequence[Array], jumps: Array | None) -> Array | None:
    """The classes that the elements have in float32, where the answers are not of one mind.

    An element that jumps may have any class that one of them has.
    """
    with np.errstate(over="ignore"):
        narrow = [a.astype(np.complex64 if a.dtype.kind == "c" else np.float32) for a in answers]
    seen: Array = np.bitwise_or.reduce([value_classes(answer) for answer in narrow])
    undecided = (seen & (seen - 1)) != 0
    if not undecided.any():
        return None
    if jumps is not None:
        seen = np.where(jumps > 0, np.bitwise_or.reduce(seen[undecided]), seen)
        undecided |= jumps > 0
    return np.where(undecided, seen, 0).astype(np.uint8)


def _jumps(errors: Sequence[Array], scale: float) -> Array | None:
    """How far the few elements move that rounding moves by a share of the scale, unlike the rest.

    Where many move, they are badly conditioned instead: then some that did not move could have.
    """
    if not scale:
        return None
    largest = np.max([np.where(np.isfinite(error), error, 0.0) for error in errors], axis=0)
    jumps: Array = largest > max(_JUMP * scale, 1e3 * float(np.median(largest)))
    return np.where(jumps, largest, 0.0) if 0 < np.mean(jumps) < _MINORITY else None
