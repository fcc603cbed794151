"""Faults in attributes, and in the small integers that say what an op does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Any

import numpy as np

from tfjs_verify.artifact.contents import Contents, Node, Site
from tfjs_verify.measurements.mutation.faults import (
    Fault,
    Operator,
    decode_text,
    encode_text,
    text_of,
    with_attribute,
)
from tfjs_verify.measurements.mutation.uses import Use, Uses
from tfjs_verify.tensors import Array

_ACTIVATIONS: Sequence[Sequence[str]] = (
    ("Relu", "Relu6", "Elu", "Selu", "Softplus"),
    ("Sigmoid", "Tanh"),
)
"""Ops that take one another's place; within a group, functions call their output the same."""
_FUSED_ACTIVATIONS = ("Relu", "Relu6", "Elu", "Sigmoid")
_AXES = {
    "ConcatV2": -1,
    "Mean": 1,
    "Sum": 1,
    "Max": 1,
    "Min": 1,
    "Prod": 1,
    "All": 1,
    "Any": 1,
    "ArgMax": 1,
    "ArgMin": 1,
    "GatherV2": 2,
    "ExpandDims": 1,
    "Split": 0,
    "SplitV": 2,
    "Cumsum": 1,
    "ReverseV2": 1,
    "Transpose": 1,
}
"""Which input of an op names axes."""
_FLAGS = (
    "transpose_a",
    "transpose_b",
    "adj_x",
    "adj_y",
    "align_corners",
    "half_pixel_centers",
    "keep_dims",
    "exclusive",
    "reverse",
)
_LARGEST_EPSILON = 1e-2


def change_activation(contents: Contents, random: Random) -> Iterator[Fault]:
    """Another activation, none, or one where there was none."""
    for site, node in _shuffled(contents, random):
        op, fused = node["op"], node.get("attr", {}).get("fused_ops")
        group = next((each for each in _ACTIVATIONS if op in each), None)
        if group is not None:
            other = random.choice([each for each in group if each != op])
            yield _node(site, node, {**node, "op": other}, f"op {op} → {other}")
        elif op == "Softmax" and site.function is None:
            yield _node(site, node, {**node, "op": "LogSoftmax"}, f"op {op} → LogSoftmax")
        elif op == "LeakyRelu":
            before = float(node["attr"].get("alpha", {}).get("f", 0.2))
            after = 2 * before if before else 0.1
            changed = with_attribute(node, "alpha", {"f": after})
            yield _node(site, node, changed, f"alpha {before:g} → {after:g}")
        elif fused is not None:
            yield _refused(site, node, fused, random)


def _refused(site: Site, node: Node, fused: Any, random: Random) -> Fault:
    """A contraction fused with another activation, or with none."""
    before = [decode_text(each) for each in fused["list"].get("s", ())]
    choices = [[*before[:1], each] for each in _FUSED_ACTIVATIONS if before[1:] != [each]]
    if len(before) > 1:
        choices.append(before[:1])
    after = random.choice(choices)
    changed = with_attribute(
        node, "fused_ops", {"list": {"s": [encode_text(each) for each in after]}}
    )
    return _node(site, node, changed, f"fused_ops {'+'.join(before)} → {'+'.join(after)}")


def change_steps(attribute: str) -> Operator:
    """An operator on strides or dilations: 1 becomes 2, and anything else 1, in the plane."""

    def operate(contents: Contents, random: Random) -> Iterator[Fault]:
        for site, node in _shuffled(contents, random):
            steps = node.get("attr", {}).get(attribute, {}).get("list", {}).get("i")
            if not steps:
                continue
            before = [int(each) for each in steps]
            plane = range(2, len(before)) if _channels_first(node) else range(1, len(before) - 1)
            changed = 2 if all(before[axis] == 1 for axis in plane) else 1
            after = [changed if axis in plane else each for axis, each in enumerate(before)]
            value = {"list": {"i": [str(each) for each in after]}}
            yield _node(
                site,
                node,
                with_attribute(node, attribute, value),
                f"{attribute} {before} → {after}",
            )

    return operate


def change_padding(contents: Contents, random: Random) -> Iterator[Fault]:
    """SAME for VALID and back; and what an explicit padding puts before, after."""
    uses = Uses(contents)
    for site, node in _shuffled(contents, random):
        before = text_of(node, "padding")
        if before in ("SAME", "VALID"):
            after = "VALID" if before == "SAME" else "SAME"
            changed = with_attribute(node, "padding", {"s": encode_text(after)})
            yield _node(site, node, changed, f"padding {before} → {after}")
    for name, values in contents.weights.items():
        use = _first(uses, name, lambda use: use.op in ("Pad", "PadV2", "MirrorPad"), 1)
        if use is None or values.ndim != 2:
            continue
        reversed_ = values[:, ::-1].copy()
        if np.array_equal(reversed_, values):
            axis = int(np.argmax(values.sum(axis=1)))
            reversed_[axis] += np.array([1, -1], values.dtype) * min(1, int(values[axis].min()))
        if not np.array_equal(reversed_, values):
            yield _weight(use, name, values, reversed_, "paddings")


def change_axis(contents: Contents, random: Random) -> Iterator[Fault]:
    """Another axis, as an attribute or as an input; two axes of a permutation exchanged."""
    for site, node in _shuffled(contents, random):
        value = node.get("attr", {}).get("axis", {})
        if node["op"] in ("Pack", "Unpack", "OneHot") and "i" in value:
            before = int(value["i"])
            after = _other_axis(before)
            changed = with_attribute(node, "axis", {"i": str(after)})
            yield _node(site, node, changed, f"axis {before} → {after}")
    uses = Uses(contents)
    names = [name for name, values in contents.weights.items() if values.dtype.kind == "i"]
    random.shuffle(names)
    for name in names:
        values = contents.weights[name]
        use = _first(uses, name, _takes_axes)
        if use is None or not values.size:
            continue
        changed_axes = values.copy()
        flat = changed_axes.reshape(-1)
        if use.op == "Transpose":
            if flat.size < 2:
                continue
            flat[-2:] = flat[-2:][::-1].copy()
        else:
            flat[-1] = _other_axis(int(flat[-1]))
        if len(set(flat.tolist())) == flat.size:
            yield _weight(use, name, values, changed_axes, "axes")


def change_epsilon(contents: Contents, random: Random) -> Iterator[Fault]:
    """The small number that keeps a root or a quotient finite, ten times as large."""
    for site, node in _shuffled(contents, random):
        attribute = node.get("attr", {}).get("epsilon", {})
        if node["op"].startswith("FusedBatchNorm"):
            before = float(attribute.get("f", 1e-4))
            changed = with_attribute(node, "epsilon", {"f": 10 * before})
            yield _node(site, node, changed, f"epsilon {before:g} → {10 * before:g}")
    uses = Uses(contents)
    for name, values in contents.weights.items():
        if values.dtype.kind != "f" or values.size != 1:
            continue
        if not 0 < float(values.reshape(-1)[0]) <= _LARGEST_EPSILON:
            continue
        use = _first(uses, name, lambda use: use.op in ("AddV2", "Add", "Maximum"))
        if use is not None:
            yield _weight(use, name, values, 10 * values, "epsilon")


def change_data_format(contents: Contents, random: Random) -> Iterator[Fault]:
    """Channels first for channels last, and back."""
    for site, node in _shuffled(contents, random):
        before = text_of(node, "data_format")
        if before in ("NHWC", "NCHW"):
            after = "NCHW" if before == "NHWC" else "NHWC"
            changed = with_attribute(node, "data_format", {"s": encode_text(after)})
            yield _node(site, node, changed, f"data_format {before} → {after}")


def flip_flag(contents: Contents, random: Random) -> Iterator[Fault]:
    """A transposed operand, an aligned corner, a kept dimension, and the like."""
    for site, node in _shuffled(contents, random):
        for flag in _FLAGS:
            value = node.get("attr", {}).get(flag)
            if value is not None and "b" in value:
                before = bool(value["b"])
                changed = with_attribute(node, flag, {"b": not before})
                yield _node(site, node, changed, f"{flag} {before} → {not before}")


def shift_slice(contents: Contents, random: Random) -> Iterator[Fault]:
    """A slice that begins, or ends, one further."""
    uses = Uses(contents)
    names = [name for name, values in contents.weights.items() if values.dtype.kind == "i"]
    random.shuffle(names)
    for name in names:
        values = contents.weights[name]
        use = _first(uses, name, lambda use: use.op in ("StridedSlice", "Slice"))
        if use is None or use.position not in (1, 2) or not values.size:
            continue
        shifted = values.copy()
        index = random.randrange(values.size)
        shifted.reshape(-1)[index] += -1 if int(values.reshape(-1)[index]) > 0 else 1
        yield _weight(use, name, values, shifted, "begin" if use.position == 1 else "end")


def _node(site: Site, node: Node, changed: Node, words: str) -> Fault:
    return Fault(
        f'"{node["name"]}" ({node["op"]}): {words}',
        partial(Contents.with_node, site=site, node=changed),
    )


def _weight(use: Use, name: str, before: Array, after: Array, words: str) -> Fault:
    return Fault(
        f'"{use.node["name"]}" ({use.op}): {words} {_shown(before)} → {_shown(after)}',
        partial(Contents.with_weight, name=name, values=after),
    )


def _shown(values: Array) -> str:
    listed: Any = values.tolist()
    return f"{listed:g}" if isinstance(listed, float) else str(listed)


def _shuffled(contents: Contents, random: Random) -> list[tuple[Site, Node]]:
    nodes = list(contents.nodes())
    random.shuffle(nodes)
    return nodes


def _first(
    uses: Uses, name: str, fits: Callable[[Use], bool], position: int | None = None
) -> Use | None:
    return next(
        (
            use
            for use in uses.of(name)
            if fits(use) and (position is None or use.position == position)
        ),
        None,
    )


def _takes_axes(use: Use) -> bool:
    position = _AXES.get(use.op)
    if position is None:
        return False
    count = len([each for each in use.node.get("input", ()) if not each.startswith("^")])
    return use.position == position % count


def _other_axis(axis: int) -> int:
    if axis < 0:
        return axis - 1
    return axis - 1 if axis else 1


def _channels_first(node: Node) -> bool:
    return text_of(node, "data_format").startswith("NC")
