"""The backends on their way through a verification: loaded, then timed one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tfjs_verify.artifact import Artifact
from tfjs_verify.cases import CasePlan, Smallest, typical_case
from tfjs_verify.errors import ExecutionError, RuntimeFailure
from tfjs_verify.measurements.latency import Latency, measure_latency
from tfjs_verify.measurements.parity import CandidateParity, Parity
from tfjs_verify.runtimes import TFJS, Backend, NodePool, TensorFlow
from tfjs_verify.verification.request import Progress, Request


@dataclass
class Candidate:
    """One backend on its way through the stages; `failure` ends it."""

    backend: Backend
    runtime: TFJS | None = None
    failure: RuntimeFailure | None = None
    latency: Latency | None = None
    smallest: Smallest | None = None
    saved_case: str | None = None

    @property
    def live(self) -> TFJS | None:
        """The runtime, as long as nothing failed."""
        return self.runtime if self.failure is None else None

    def parity(self, parity: Parity) -> CandidateParity | None:
        """What the comparison says of this backend; None where it never got there."""
        if self.live is None:
            return None
        return next(each for each in parity.candidates if each.name == self.live.name)

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """Take a failure of the backend as its end, not as the run's."""
        try:
            yield
        except RuntimeFailure as failure:
            self.failure = failure


@contextmanager
def load(
    request: Request, artifact: Artifact, nodes: NodePool, progress: Progress
) -> Iterator[list[Candidate]]:
    """The artifact on every backend that was asked for."""
    with ExitStack() as stack:
        candidates = [Candidate(backend) for backend in request.backends]
        for candidate in candidates:
            progress.stage(f"loading on {candidate.backend}")
            session = nodes.start(candidate.backend)
            with candidate.stopping():
                candidate.runtime = stack.enter_context(
                    TFJS(artifact, session=session, timeout=request.timeout)
                )
        yield candidates


def time_all(
    candidates: Sequence[Candidate], reference: TensorFlow, plan: CasePlan, progress: Progress
) -> None:
    """One after the other: what runs beside a timed backend would be in its figures."""
    case = typical_case(plan)
    try:
        reference_p50 = reference.time(case.inputs).percentile(50)
    except ExecutionError:
        return  # the reference rejects this very case; the comparison will say so
    for candidate in candidates:
        if candidate.live is not None:
            progress.stage(f"timing {candidate.backend}")
            with candidate.stopping():
                candidate.latency = measure_latency(
                    candidate.live, case, reference_p50_ms=reference_p50
                )
