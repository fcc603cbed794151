"""preflight(): a model against the TensorFlow.js that is installed."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfjs_verify.conversion.options import ConversionOptions
from tfjs_verify.conversion.preflight.audit import Flaws, audit
from tfjs_verify.conversion.preflight.executors import Executors
from tfjs_verify.conversion.preflight.findings import (
    Finding,
    Support,
    dtype_findings,
    graph_findings,
    weight_findings,
)
from tfjs_verify.conversion.process import ConversionWorker
from tfjs_verify.model import Model
from tfjs_verify.tensors import NARROWED

DEFAULT_TIMEOUT = 1800.0


@dataclass(frozen=True)
class Preflight:
    """All that was found, what stands in the way first."""

    findings: tuple[Finding, ...]
    backends: tuple[str, ...]
    nodes: int
    """How many nodes the model's graph has."""

    @property
    def clear(self) -> bool:
        """Whether nothing stands in the way on any of the backends."""
        return not any(finding.stands for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """For the JSON file."""
        return {
            "schema": "tfjs-verify/preflight/1",
            "clear": self.clear,
            "backends": list(self.backends),
            "nodes": self.nodes,
            "findings": [
                {
                    "kind": finding.kind,
                    "subject": finding.subject,
                    "message": finding.message,
                    "level": finding.level,
                    "stands": finding.stands,
                    "nodes": list(finding.nodes),
                    "backends": list(finding.backends),
                    "repairs": list(finding.repairs),
                }
                for finding in self.findings
            ],
        }


def preflight(
    model: Model,
    kernels: Mapping[str, Collection[str]],
    modules: Path,
    *,
    quantize: Collection[str] = (),
    repair: bool = True,
    custom: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
    worker: ConversionWorker | None = None,
) -> Preflight:
    """Looks for what keeps a model from running in TensorFlow.js, or from being right there.

    `kernels` are those that each backend has registered, by backend; `modules` is the directory
    with the `node_modules` that will run. With `quantize`, harm that these dtypes do to weights
    counts; without, it is noted for each there is. `custom` lets ops through that JavaScript
    modules register. `timeout` is in seconds.

    Raises ConversionError where the model's graph cannot be frozen, EnvironmentProblem where
    TensorFlow.js is not installed in `modules`.
    """
    executors = Executors(modules)
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(ConversionWorker())
        facts = worker.inspect(model, ConversionOptions(repair=repair), timeout=timeout)
    support = Support(
        executors.registered,
        executors.by_op,
        _audited(facts, executors),
        kernels,
    )
    findings = [
        *graph_findings(facts, support, custom=custom),
        *_signature_findings(model),
        *dtype_findings(facts["final"]["dtypes"], NARROWED),
        *weight_findings(facts["final"]["weights"], quantize, repair=repair),
    ]
    if facts["error"] is not None:
        findings.insert(0, Finding("conversion", model.name, facts["error"], "blocks"))
    order = {"blocks": 0, "risk": 1, "note": 2}
    findings.sort(key=lambda finding: (not finding.stands, order[finding.level]))
    return Preflight(tuple(findings), tuple(kernels), len(facts["original"]["nodes"]))


def _audited(facts: Mapping[str, Any], executors: Executors) -> dict[str, Flaws]:
    from tensorflow.python.framework import op_def_registry

    return {
        op: audit(entry, op_def_registry.get(op), executors.by_op.get(op))
        for op, entry in facts["listed"].items()
    }


def _signature_findings(model: Model) -> list[Finding]:
    return [
        Finding(
            "dtype",
            spec.dtype,
            f"{side} {spec.name!r} is {NARROWED[spec.dtype]} in TensorFlow.js",
            "note",
        )
        for side, specs in (("input", model.signature.inputs), ("output", model.signature.outputs))
        for spec in specs
        if spec.dtype in NARROWED
    ]
