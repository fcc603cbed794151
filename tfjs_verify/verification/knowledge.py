"""What is known of a model before anything is compared: its cases, its noise, its graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tfjs_verify.cases import (
    Case,
    CasePlan,
    Domain,
    ShapeInference,
    infer_domains,
    plan_cases,
    refine_dimensions,
    sample_cases,
)
from tfjs_verify.errors import CaseError, ExecutionError, LoadError
from tfjs_verify.measurements.graph_facts import (
    Narrowed,
    narrowed_ops,
    order_free_outputs,
    random_outputs,
)
from tfjs_verify.measurements.judging import NoiseJudge
from tfjs_verify.measurements.noise import DEFAULT_CASES, Oracle, measure_noise
from tfjs_verify.measurements.noise.freezing import Frozen, freeze
from tfjs_verify.measurements.order import Unordered
from tfjs_verify.measurements.readings import Scores
from tfjs_verify.measurements.stability import unsettled_outputs
from tfjs_verify.model import Model
from tfjs_verify.runtimes import TensorFlow
from tfjs_verify.verification.deciding import decided_by
from tfjs_verify.verification.request import Request


@dataclass(frozen=True)
class Knowledge:
    """A model as the comparison needs to know it."""

    plan: CasePlan
    cases: tuple[Case, ...]
    """Those that noise is measured on."""
    judge: NoiseJudge
    scores: Mapping[str, Scores]
    """The outputs that somebody decides by."""
    order_free: tuple[Unordered, ...]
    """The outputs that are sets along their last axis."""
    narrowed: tuple[Narrowed, ...]
    """What the graph computes in dtypes that TensorFlow.js does not have."""
    unsettled: tuple[str, ...]
    """The outputs on which TensorFlow was seen to disagree with itself."""
    random: Mapping[str, tuple[str, ...]]
    """The others that depend on random numbers, and the ops that draw them."""


@dataclass(frozen=True)
class Read:
    """A model's graph, and the same in float64."""

    frozen: Frozen | None
    oracle: Oracle | None
    """None where TensorFlow cannot freeze the model, or refuses its graph in float64."""
    reason: str = ""
    """Why there is no oracle."""


@contextmanager
def get_to_know(
    request: Request, model: Model, reference: TensorFlow, data: Sequence[Case]
) -> Iterator[Knowledge]:
    """Read the model's graph, and measure its noise on a few cases."""
    with read_graph(model, timeout=request.timeout) as read:
        yield know(request, model, reference, data, read)


@contextmanager
def read_graph(model: Model, *, timeout: float) -> Iterator[Read]:
    """Freeze the model's graph and lift it to float64, as far as TensorFlow follows.

    `timeout` is for a case in float64, in seconds.
    """
    with ExitStack() as stack:
        frozen, oracle, reason = None, None, ""
        try:
            frozen = freeze(model)
            oracle = stack.enter_context(Oracle(model, frozen=frozen, timeout=timeout))
        except LoadError as error:
            reason = error.message
        yield Read(frozen, oracle, reason)


def know(
    request: Request, model: Model, reference: TensorFlow, data: Sequence[Case], read: Read
) -> Knowledge:
    """What `request` needs to know of a model whose graph was read."""
    plan = _plan(request, model, read.frozen, reference, data)
    if request.examples:
        cases = sample_cases(plan, count=DEFAULT_CASES, seed=request.seed)
    else:
        cases = tuple(plan.samples[:DEFAULT_CASES])
    unsettled = unsettled_outputs(reference, cases)
    random: dict[str, tuple[str, ...]] = {}
    if read.frozen is not None:
        drawn = random_outputs(read.frozen.graph, read.frozen.outputs)
        random = {name: ops for name, ops in drawn.items() if name not in unsettled}
    judge = NoiseJudge(
        measure_noise(reference, read.oracle, cases, reason=read.reason),
        model.signature.outputs,
        reference=reference,
        oracle=read.oracle,
        atol=request.atol,
        rtol=request.rtol,
        unsettled=(*unsettled, *random),
    )
    scores = decided_by(request, model, read.frozen)
    if read.frozen is None:
        return Knowledge(plan, cases, judge, scores, (), (), unsettled, random)
    graph, outputs = read.frozen.graph, read.frozen.outputs
    return Knowledge(
        plan,
        cases,
        judge,
        scores,
        order_free_outputs(graph, outputs),
        narrowed_ops(graph, outputs),
        unsettled,
        random,
    )


def _plan(
    request: Request,
    model: Model,
    frozen: Frozen | None,
    reference: TensorFlow,
    data: Sequence[Case],
) -> CasePlan:
    """What cases are drawn from: what the user said, else the graph, the data, the dtypes.

    Sizes that TensorFlow refuses are left out. Raises CaseError where none is left, or where
    the data leave no room.
    """
    inferred: Mapping[str, Domain] = {}
    if frozen is not None:
        placeholders, tables = frozen.inputs, frozen.captures
        inferred = infer_domains(frozen.graph, placeholders, model.signature, tables)
    shapes = None if frozen is None else ShapeInference(frozen.graph, frozen.inputs)
    _check_room(shapes, data)
    plan = plan_cases(model.signature, domains={**inferred, **request.inputs}, samples=data)
    if not request.examples:
        return plan

    def accepts(case: Case) -> bool:
        if shapes is not None and not shapes.has_room(case):
            return False
        try:
            reference.run(case.inputs)
        except ExecutionError:
            return False
        return True

    return refine_dimensions(plan, accepts)


def _check_room(shapes: ShapeInference | None, data: Sequence[Case]) -> None:
    """Raises CaseError for the user's own case of a size that TensorFlow may not survive."""
    if shapes is None:
        return
    seen = set()
    for case in data:
        sizes = tuple(array.shape for array in case.inputs.values())
        if sizes not in seen and not shapes.has_room(case):
            raise CaseError(
                f"{case}: a window of the model is larger than what these sizes leave it to slide"
                f" over: {', '.join(f'{name} {a.shape}' for name, a in case.inputs.items())}."
                " Leave the file out, or give larger ones."
            )
        seen.add(sizes)
