"""verify(): the whole line, top to bottom: open, convert, load, time, compare, report."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tfjs_verify.artifact import Artifact, load_artifact
from tfjs_verify.cases import (
    Case,
    CasePlan,
    Domain,
    load_cases,
    plan_cases,
    save_case,
    typical_case,
)
from tfjs_verify.conversion import convert
from tfjs_verify.errors import ConversionError, ExecutionError, RequestError, RuntimeFailure
from tfjs_verify.measurements.latency import Latency, measure_latency
from tfjs_verify.measurements.parity import Parity, measure_parity
from tfjs_verify.model import Model, open_model
from tfjs_verify.report import BackendReport, ModelReport, Report, assembly, worst_verdict
from tfjs_verify.runtimes import BACKENDS, TFJS, Backend, NodePool, TensorFlow
from tfjs_verify.runtimes.tfjs import DEFAULT_TIMEOUT_S
from tfjs_verify.tolerance import Tolerance, resolve_tolerance

FAILURES = Path("failures")
"""Where failing cases are kept when no working directory was named."""


@dataclass(frozen=True)
class Request:
    """One model and how to verify it, in the words of the command line and of suite files."""

    model: object
    name: str | None = None
    backends: tuple[Backend, ...] = BACKENDS
    examples: int = 100
    seed: int = 0
    data: tuple[Path, ...] = ()
    inputs: Mapping[str, Domain] = field(default_factory=dict)
    artifact: Path | None = None
    format: Literal["graph", "layers"] = "graph"
    quantize: Literal["float16", "uint8", "uint16"] | None = None
    repair: bool = True
    signature: str | None = None
    atol: float | None = None
    rtol: float | None = None
    js_modules: tuple[Path, ...] = ()
    timeout: float = DEFAULT_TIMEOUT_S
    work_dir: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be verified before anything heavy is loaded."""
        unknown = [name for name in self.backends if name not in BACKENDS]
        if unknown:
            raise RequestError(
                f"there is no backend {unknown[0]!r}; there are {', '.join(BACKENDS)}"
            )
        if not self.backends:
            raise RequestError(f"no backend was named; there are {', '.join(BACKENDS)}")
        if self.examples < 0:
            raise RequestError(f"examples must be 0 or more, not {self.examples}")
        if self.examples == 0 and not self.data:
            raise RequestError(
                "zero cases prove nothing: ask for at least one generated example (-n 1) or name "
                "real inputs with --data"
            )
        if self.timeout <= 0:
            raise RequestError(f"the timeout must be more than 0 s, not {self.timeout:g}")
        for word, value in (("atol", self.atol), ("rtol", self.rtol)):
            if value is not None and not value >= 0:
                raise RequestError(f"{word} must be 0 or more, not {value:g}")


@dataclass(frozen=True)
class Progress:
    """Whom to tell how far the run is; silent by default."""

    stage: Callable[[str], None] = lambda text: None
    cases: Callable[[int, int], None] = lambda done, total: None


SILENT = Progress()


def verify(
    model: object,
    *,
    backends: Sequence[Backend] = BACKENDS,
    examples: int = 100,
    seed: int = 0,
    data: Sequence[str | Path] = (),
    inputs: Mapping[str, Domain] | None = None,
    artifact: str | Path | None = None,
    format: Literal["graph", "layers"] = "graph",
    quantize: Literal["float16", "uint8", "uint16"] | None = None,
    repair: bool = True,
    signature: str | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    js_modules: Sequence[str | Path] = (),
    timeout: float = DEFAULT_TIMEOUT_S,
    work_dir: str | Path | None = None,
    name: str | None = None,
    nodes: NodePool | None = None,
) -> Report:
    """Convert a model, run it on every backend, and compare with TensorFlow.

    `model` is a path (SavedModel directory, `.keras`, `.h5`) or a Keras model in memory. `data`
    names `.npz` files or directories of them, `inputs` gives domains of generated values by input
    name, `timeout` is in seconds for every single call. Raises RequestError where the request is
    wrong, EnvironmentProblem where this machine lacks something; what the model does wrong is in
    the report.
    """
    request = Request(
        model=model,
        name=name,
        backends=tuple(backends),
        examples=examples,
        seed=seed,
        data=tuple(Path(path) for path in data),
        inputs=dict(inputs or {}),
        artifact=None if artifact is None else Path(artifact),
        format=format,
        quantize=quantize,
        repair=repair,
        signature=signature,
        atol=atol,
        rtol=rtol,
        js_modules=tuple(Path(path) for path in js_modules),
        timeout=timeout,
        work_dir=None if work_dir is None else Path(work_dir),
    )
    return verify_all([request], nodes=nodes)


def assert_parity(model: object, **options: Any) -> Report:
    """`verify` with the same options, for tests: raises ParityError unless every backend agrees."""
    return verify(model, **options).raise_for_mismatch()


def verify_all(
    requests: Sequence[Request], *, progress: Progress = SILENT, nodes: NodePool | None = None
) -> Report:
    """Verify several models, one after the other, into one report.

    Each gets Node processes of its own, unless `nodes` is given.
    """
    models: list[ModelReport] = []
    versions: dict[str, Mapping[str, str]] = {}
    for request in requests:
        with ExitStack() as stack:
            pool = nodes or stack.enter_context(
                NodePool(extensions=request.js_modules, progress=progress.stage)
            )
            models.append(verify_model(request, pool, progress))
            versions.update(pool.versions)
    return Report(
        verdict=worst_verdict([model.verdict for model in models]),
        environment=assembly.environment(versions),
        seed=requests[0].seed,
        models=tuple(models),
    )


def verify_model(request: Request, nodes: NodePool, progress: Progress = SILENT) -> ModelReport:
    """Verify one model on the Node processes of `nodes`."""
    progress.stage(f"opening {request.model}")
    with ExitStack() as stack:
        model = stack.enter_context(
            open_model(request.model, signature=request.signature, name=request.name)
        )
        data = load_cases(request.data, model.signature)
        plan = plan_cases(model.signature, domains=request.inputs, samples=data)
        nodes.check_extensions(request.js_modules)
        for backend in request.backends:
            nodes.start(backend)
        work_dir = stack.enter_context(_work_dir(request, model))
        progress.stage(f"converting {model.name}")
        try:
            artifact = _obtain_artifact(request, model, work_dir / "artifact")
        except ConversionError as error:
            return assembly.unconverted(
                model, error, request.format, request.quantize, request.backends
            )
        reference = stack.enter_context(TensorFlow(model))
        return _Run(request, model, artifact, reference, data, plan, nodes, progress).report()


@dataclass
class _Run:
    """One converted model: loaded on every backend, timed alone, compared side by side."""

    request: Request
    model: Model
    artifact: Artifact
    reference: TensorFlow
    data: Sequence[Case]
    plan: CasePlan
    nodes: NodePool
    progress: Progress
    live: dict[Backend, TFJS] = field(default_factory=dict)
    stopped: dict[Backend, RuntimeFailure] = field(default_factory=dict)
    latencies: dict[Backend, Latency] = field(default_factory=dict)

    def report(self) -> ModelReport:
        with ExitStack() as stack:
            self._load(stack)
            self._time()
            parity = self._compare()
        backends = tuple(self._backend(backend, parity) for backend in self.request.backends)
        given = self.request.artifact
        return assembly.model_report(
            self.model,
            self.artifact,
            backends,
            parity.rejected,
            given=None if given is None else str(given),
        )

    def _load(self, stack: ExitStack) -> None:
        for backend in self.request.backends:
            self.progress.stage(f"loading {self.model.name} on {backend}")
            session = self.nodes.start(backend)
            with self._stopping(backend):
                self.live[backend] = stack.enter_context(
                    TFJS(self.artifact, session=session, timeout=self.request.timeout)
                )

    def _time(self) -> None:
        """One after the other: what runs beside a timed backend would be in its figures."""
        case = typical_case(self.plan)
        try:
            reference = self.reference.time(case.inputs).percentile(50)
        except ExecutionError:
            return  # the reference rejects this very case; the comparison will say so
        for backend, runtime in list(self.live.items()):
            self.progress.stage(f"timing {self.model.name} on {backend}")
            with self._stopping(backend):
                self.latencies[backend] = measure_latency(runtime, case, reference_p50_ms=reference)

    def _compare(self) -> Parity:
        total = len(self.data) + self.request.examples
        self.progress.stage(f"comparing {self.model.name}")
        return measure_parity(
            self.reference,
            *self.live.values(),
            examples=self.request.examples,
            seed=self.request.seed,
            data=self.data,
            plan=self.plan,
            tolerances=self._tolerances(),
            on_case=lambda done: self.progress.cases(done, total),
        )

    def _backend(self, backend: Backend, parity: Parity) -> BackendReport:
        if backend in self.stopped:
            return assembly.stopped(backend, self.stopped[backend], self.latencies.get(backend))
        candidate = next(c for c in parity.candidates if c.name == self.live[backend].name)
        failing = assembly.failing_case(candidate)
        saved = None
        if failing is not None:
            saved = str(save_case(failing, self._cases_dir() / f"{self.model.name}-{backend}.npz"))
        return assembly.compared(backend, candidate, self.latencies.get(backend), saved)

    def _tolerances(self) -> dict[str, Tolerance]:
        return {
            spec.name: resolve_tolerance(spec.dtype, atol=self.request.atol, rtol=self.request.rtol)
            for spec in self.model.signature.outputs
        }

    def _cases_dir(self) -> Path:
        if self.request.work_dir is None:
            return FAILURES
        return self.request.work_dir / self.model.name / "cases"

    @contextmanager
    def _stopping(self, backend: Backend) -> Iterator[None]:
        try:
            yield
        except RuntimeFailure as failure:
            self.stopped[backend] = failure
            self.live.pop(backend, None)


def _obtain_artifact(request: Request, model: Model, directory: Path) -> Artifact:
    if request.artifact is None:
        return convert(
            model,
            directory,
            format=request.format,
            quantization=request.quantize,
            repair=request.repair,
        )
    artifact = load_artifact(request.artifact, model.signature)
    if request.work_dir is not None:
        shutil.copytree(request.artifact, directory, dirs_exist_ok=True)
    return artifact


@contextmanager
def _work_dir(request: Request, model: Model) -> Iterator[Path]:
    """Where the model's artifact lies while it runs: kept where the user named a directory."""
    if request.work_dir is not None:
        directory = request.work_dir / model.name
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RequestError(
                f"the working directory {request.work_dir} cannot be written: {error.strerror}"
            ) from error
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="tfjs-verify-") as temporary:
        yield Path(temporary)
