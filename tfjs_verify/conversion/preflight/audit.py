"""Ops that TensorFlow.js lists and yet executes wrongly: found by comparing what is stated thrice.

TensorFlow's OpDef states an op's inputs and attributes, the converter's op list says which of them
become which parameter, and the executor reads parameters. Where one of the three disagrees with the
others, a value of the model does not arrive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tfjs_verify.conversion.preflight.executors import Execution

_STRUCTURAL = frozenset({"type", "list(type)", "func"})
"""Kinds of attributes that say how a graph is built, not what it computes."""
_WITHOUT_EFFECT = frozenset(
    {
        *("N", "num", "num_split", "num_args", "num_host_args", "value", "output_shapes"),
        *("parallel_iterations", "is_constant", "shape", "element_shape", "element_shape_except0"),
        *("container", "shared_name", "use_node_name_sharing", "use_cudnn_on_gpu", "first_n"),
        *("seed", "seed2", "validate_indices", "bad_indices_policy", "incompatible_shape_error"),
        *("grad_a", "grad_b", "grad_x", "grad_y", "PARAMS_RAGGED_RANK", "filter_format"),
        *("num_row_partition_tensors", "exponential_avg_factor", "sparse_gradient", "epsilon"),
    }
)
"""Attributes that follow from the graph, or that change no result of an inference.

Where an `epsilon` matters it is read; fused contractions carry one without having a use for it.
"""
_ASSUMED: Mapping[str, Any] = {"is_training": False}
"""What TensorFlow.js takes for granted where it isn't TensorFlow's default."""
_IMMATERIAL = frozenset(
    {"flowIn", "maxNumElements", "numElements", "element_shape", "leading_dims"}
)
"""Inputs that carry no value, or a size that TensorFlow.js's lists do not need."""


@dataclass(frozen=True)
class Ignored:
    """An attribute that TensorFlow.js does not read."""

    attribute: str
    assumed: Any
    """The value with which TensorFlow.js computes."""


@dataclass(frozen=True)
class Flaws:
    """What is wrong with one op's mapping."""

    always: tuple[str, ...]
    """Whatever the node: an input that does not arrive."""
    possibly: tuple[str, ...]
    """An input that is not read, and may have but the value that is taken for granted."""
    ignored: tuple[Ignored, ...]
    """For nodes whose value is another than the one that is assumed."""


def audit(entry: Mapping[str, Any], definition: Any, execution: Execution | None) -> Flaws:
    """Compares an entry of the op list with TensorFlow's OpDef and the executor."""
    if execution is None or definition is None:
        return Flaws((), (), ())
    inputs, attributes = entry.get("inputs", ()), entry.get("attrs", ())
    declared = {str(parameter["name"]) for parameter in (*inputs, *attributes)}
    unread = tuple(_unread(inputs, execution))
    misnamed = bool(execution.parameters - declared)
    return Flaws(
        (*_misplaced(inputs, definition, execution), *(unread if misnamed else ())),
        () if misnamed else unread,
        tuple(_ignored(attributes, definition, execution)),
    )


def _misplaced(inputs: Any, definition: Any, execution: Execution) -> Iterator[str]:
    names = [argument.name for argument in definition.input_arg]
    if any(each.number_attr or each.type_list_attr for each in definition.input_arg):
        return
    at: dict[int, str] = {}
    misplaced = False
    for parameter in inputs:
        start, name = int(parameter["start"]), str(parameter["name"])
        if start in at and "end" not in parameter:
            misplaced = True
            yield f"it takes {name} from the place of {at[start]}"
        elif start >= len(names):
            misplaced = True
            yield f"it takes {name} from input {start}, and the op has {len(names)}"
        at[start] = name
    if at and not misplaced and not execution.takes_inputs_by_position:
        for place, name in enumerate(names):
            if not {place, place - len(names)} & set(at) and name not in _IMMATERIAL:
                yield f"it does not know the input {name}"


def _unread(inputs: Any, execution: Execution) -> Iterator[str]:
    for parameter in inputs:
        name = str(parameter["name"])
        known = execution.parameters | _IMMATERIAL
        if name not in known and not execution.takes_inputs_by_position:
            yield f"it never reads the input {name}"


def _ignored(attributes: Any, definition: Any, execution: Execution) -> Iterator[Ignored]:
    read = {
        str(attribute[key])
        for attribute in attributes
        if attribute["name"] in execution.parameters
        for key in ("tfName", "tfDeprecatedName")
        if key in attribute
    }
    for attribute in definition.attr:
        name = str(attribute.name)
        if attribute.type in _STRUCTURAL or name in _WITHOUT_EFFECT or name in read:
            continue
        default = plain(attribute.default_value) if attribute.HasField("default_value") else None
        yield Ignored(name, _ASSUMED.get(name, default))


def plain(value: Any) -> Any:
    """An AttrValue as a Python value; `None` for what is no number, text, truth or list of them."""
    kind = value.WhichOneof("value")
    if kind in ("i", "f", "b"):
        return getattr(value, kind)
    if kind == "s":
        return value.s.decode(errors="replace")
    if kind == "list":
        for field in ("i", "f", "b", "s"):
            items = list(getattr(value.list, field))
            if items:
                return [i.decode(errors="replace") if field == "s" else i for i in items]
        return []
    return None
