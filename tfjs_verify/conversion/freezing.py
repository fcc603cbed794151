"""A frozen signature made ready to be rewritten and written (worker side).

Inputs and outputs keep the names of the signature: that is where every later name comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tensorflowjs.converters import tf_saved_model_conversion_v2 as stock

from tfjs_verify.conversion.options import ControlFlow
from tfjs_verify.model.freezing import (
    FrozenSignature,
    freeze_function,
    freeze_signature,
    tensor_info,
)


@dataclass
class Initializer:
    """The graph that fills lookup tables before the first prediction."""

    graph: Any
    outputs: list[tuple[Any, int]] = field(default_factory=list)
    """The handles it gives, with the ids under which the model takes them."""
    names: tuple[str, ...] = ()
    """The operations to run, where there are no handles (TensorFlow 1)."""


@dataclass
class Frozen:
    """A frozen graph, and what is what in it."""

    graph: Any
    inputs: dict[str, Any]
    """From the signature's names to TensorInfos of placeholders."""
    outputs: dict[str, Any]
    """From the signature's names to TensorInfos of the only outputs of Identity nodes."""
    resources: list[tuple[Any, int]]
    """Placeholders that take the handles of lookup tables, with their ids."""
    initializer: Initializer | None


def freeze(
    saved_model: Path, tags: Sequence[str], signature_key: str, *, control_flow: ControlFlow
) -> Frozen:
    """Freezes one signature of a SavedModel of TensorFlow 1 or 2."""
    signature = freeze_signature(
        saved_model, tags, signature_key, lower_control_flow=control_flow == "v1"
    )
    resources, initializer = _tables(signature)
    frozen = Frozen(
        signature.graph, dict(signature.inputs), dict(signature.outputs), resources, initializer
    )
    _give_outputs_nodes_of_their_own(frozen)
    return frozen


def _tables(signature: FrozenSignature) -> tuple[list[tuple[Any, int]], Initializer | None]:
    """Lookup tables live outside the graph: the stock converter knows how to recreate them."""
    if signature.table_initializers:
        return [], Initializer(signature.initializer, names=signature.table_initializers)
    if signature.function is None:
        return [], None
    captured = _captured_resources(signature.function)
    tables = [each for each in _tables_filled(signature.owner) if _identity(each) in captured]
    if not tables:
        return [], None
    resources = [(tensor_info(captured[_identity(each)]), _identity(each)) for each in tables]
    constant = freeze_function(_initializer_of(tables), lower_control_flow=True)
    outputs = [
        (tensor_info(tensor), _identity(table))
        for table, tensor in zip(tables, constant.outputs, strict=True)
    ]
    return resources, Initializer(constant.graph.as_graph_def(), outputs)


def _tables_filled(owner: Any) -> list[Any]:
    """The lookup tables that a loaded model fills, whichever signature looks something up there."""
    from tensorflow.python.checkpoint.trackable_view import TrackableView
    from tensorflow.python.trackable.resource import TrackableResource

    return [
        each
        for each in TrackableView(owner).descendants()
        if isinstance(each, TrackableResource)
        and _identity(each)
        in {captured._id for captured in each._initialize.get_concrete_function().captured_inputs}
    ]


def _initializer_of(tables: Sequence[Any]) -> Any:
    """The function that creates and fills just these, and gives their handles in this order."""
    import tensorflow as tf

    holder = tf.Module()
    holder.tables = list(tables)
    return stock._get_resource_initializer_concrete_function(holder)


def _identity(table: Any) -> int:
    return int(table.resource_handle._id)


def _captured_resources(function: Any) -> dict[int, Any]:
    """The inputs of a function through which it is given what it captured, by the capture's id."""
    captured = function.captured_inputs
    given = function.inputs[len(function.inputs) - len(captured) :]
    return {outside._id: inside for outside, inside in zip(captured, given, strict=True)}


def _give_outputs_nodes_of_their_own(frozen: Frozen) -> None:
    """So that every later rewrite may replace the node that computes an output."""
    nodes = {node.name: node for node in frozen.graph.node}
    taken: set[str] = set()
    for info in frozen.outputs.values():
        node, _, index = info.name.partition(":")
        if nodes[node].op == "Identity" and index == "0" and node not in taken:
            taken.add(node)
            continue
        name = f"{node}_output"
        while name in nodes or name in taken:
            name += "_"
        identity = frozen.graph.node.add(name=name, op="Identity", input=[info.name])
        identity.attr["T"].type = info.dtype
        info.name = f"{name}:0"
        taken.add(name)
