"""From facts about a graph to what stands in the way of running it, and what takes care of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from tfjs_verify.conversion.preflight.audit import Flaws
from tfjs_verify.conversion.preflight.executors import Execution
from tfjs_verify.conversion.preflight.known import known_of

Kind = Literal["conversion", "op", "kernel", "mapping", "dtype", "weight"]
Level = Literal["blocks", "risk", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that is not in TensorFlow.js as it is in TensorFlow."""

    kind: Kind
    subject: str
    """The op type, the dtype, or the weight."""
    message: str
    level: Level
    """`blocks`: it does not run, or is wrong; `risk`: it may be; `note`: it is as well to know."""
    nodes: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    """Where it applies; empty is everywhere."""
    repairs: tuple[str, ...] = ()
    """What takes care of it, if anything does."""

    @property
    def stands(self) -> bool:
        """Whether it stands in the way, and nothing takes care of it."""
        return self.level == "blocks" and not self.repairs

    @property
    def key(self) -> tuple[str, ...]:
        """What stays the same where only the nodes differ."""
        return (self.kind, self.subject, self.message, *self.backends)


@dataclass(frozen=True)
class Support:
    """What the installed TensorFlow.js can do."""

    registered: frozenset[str]
    executions: Mapping[str, Execution]
    flaws: Mapping[str, Flaws]
    kernels: Mapping[str, Collection[str]]
    """The kernels that each backend has registered, as it says itself."""


def graph_findings(facts: Mapping[str, Any], support: Support, *, custom: bool) -> list[Finding]:
    """What is wrong with the original graph, and still is, or newly is, with the final one.

    `custom` says that JavaScript modules register ops of their own.
    """
    before = _merged(_node_findings(facts["original"]["nodes"], support, custom=custom))
    after = _merged(_node_findings(facts["final"]["nodes"], support, custom=custom))
    gone = [
        replace(finding, repairs=_repairs_of(finding, facts["repairs"]))
        for key, finding in before.items()
        if key not in after
    ]
    return [*after.values(), *gone]


def _node_findings(
    nodes: Iterable[tuple[str, str, Mapping[str, Any]]], support: Support, *, custom: bool
) -> Iterator[Finding]:
    for name, op, attributes in nodes:
        if op not in support.registered:
            if custom:
                words = "is left to the JavaScript modules to register"
                yield Finding("op", op, words, "note", (name,))
            else:
                yield Finding("op", op, "TensorFlow.js has no such op", "blocks", (name,))
            continue
        yield from _missing_kernels(name, op, support)
        yield from _flaws(name, op, attributes, support)
        for subject, fact, backends in known_of(op, attributes, support.kernels):
            yield Finding("kernel", subject, fact.message, fact.level, (name,), backends)


def _missing_kernels(name: str, op: str, support: Support) -> Iterator[Finding]:
    if op not in support.executions:
        return
    lacking: dict[tuple[str, ...], list[str]] = {}
    for backend, kernels in support.kernels.items():
        missing = tuple(sorted(support.executions[op].kernels - set(kernels)))
        if missing:
            lacking.setdefault(missing, []).append(backend)
    for missing, backends in lacking.items():
        words = f"no kernel {' and no '.join(missing)}"
        yield Finding("kernel", op, words, "blocks", (name,), tuple(backends))


def _flaws(
    name: str, op: str, attributes: Mapping[str, Any], support: Support
) -> Iterator[Finding]:
    flaws = support.flaws.get(op)
    if flaws is None:
        return
    for words in flaws.always:
        yield Finding(
            "mapping", op, f"TensorFlow.js computes it wrongly: {words}", "blocks", (name,)
        )
    for words in flaws.possibly:
        yield Finding(
            "mapping", op, f"TensorFlow.js may compute it wrongly: {words}", "risk", (name,)
        )
    for ignored in flaws.ignored:
        value = attributes.get(ignored.attribute, ignored.assumed)
        if value != ignored.assumed:
            words = (
                f"TensorFlow.js ignores {ignored.attribute}={value!r} and computes with"
                f" {ignored.assumed!r}"
            )
            yield Finding("mapping", op, words, "blocks", (name,))


def _merged(findings: Iterable[Finding]) -> dict[tuple[str, ...], Finding]:
    """One finding for all the nodes that share it."""
    merged: dict[tuple[str, ...], Finding] = {}
    for finding in findings:
        known = merged.get(finding.key)
        nodes = finding.nodes if known is None else known.nodes + finding.nodes
        merged[finding.key] = replace(finding, nodes=nodes)
    return merged


def _repairs_of(finding: Finding, repairs: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The repairs that touched the finding's nodes; what no repair touched was simplified away."""
    nodes = set(finding.nodes)
    names = [str(each["name"]) for each in repairs if nodes & set(each["nodes"])]
    return tuple(dict.fromkeys(names)) or ("simplification",)


def dtype_findings(
    dtypes: Mapping[str, list[str]], narrowed: Mapping[str, str]
) -> Iterator[Finding]:
    """What is computed in a dtype that TensorFlow.js does not have."""
    for dtype, nodes in sorted(dtypes.items()):
        words = f"is computed in {narrowed[dtype]}"
        yield Finding("dtype", dtype, words, "note", tuple(nodes))


def weight_findings(
    weights: Iterable[Mapping[str, Any]], quantize: Collection[str], *, repair: bool
) -> Iterator[Finding]:
    """What quantisation would do; notes only, unless it is what was asked for."""
    for weight in weights:
        dtype = str(weight["dtype"])
        if quantize and dtype not in quantize:
            continue
        spared = repair and weight["spared"]
        yield Finding(
            "weight",
            str(weight["name"]),
            f"as {dtype}: {weight['harm']}",
            ("blocks" if weight["spared"] else "risk") if quantize else "note",
            repairs=("quantization-exemption",) if spared else (),
        )
