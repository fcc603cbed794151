"""Does the reference agree with itself? Where it does not, nothing can agree with it."""

from __future__ import annotations

from collections.abc import Sequence

from tfjs_verify.cases import Case
from tfjs_verify.comparison import compare
from tfjs_verify.errors import ExecutionError
from tfjs_verify.runtimes import Runtime
from tfjs_verify.tensors import narrow
from tfjs_verify.tolerance import default_tolerance

_CASES = 3


def unsettled_outputs(reference: Runtime, cases: Sequence[Case]) -> tuple[str, ...]:
    """The outputs that differ between two runs on one case: dropout in training mode, random ops.

    Differences within the default tolerance are threads that add up in another order.
    """
    unsettled: dict[str, None] = {}
    for case in cases[:_CASES]:
        try:
            once, again = reference.run(case.inputs), reference.run(case.inputs)
        except ExecutionError:
            continue
        for spec in reference.signature.outputs:
            allowance = default_tolerance(spec.dtype)
            first, second = (narrow(answer[spec.name])[0] for answer in (once, again))
            if not compare(spec.name, first, second, allowance).agrees:
                unsettled[spec.name] = None
    return tuple(unsettled)
