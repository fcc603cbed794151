"""What a reader should know: what disagreed, and what was noticed on the way."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from tfjs_verify.artifact import Artifact
from tfjs_verify.cases import Case, OutputPower
from tfjs_verify.comparison import Domain, Mismatch
from tfjs_verify.measurements.graph_facts import Narrowed
from tfjs_verify.measurements.noise import Noise
from tfjs_verify.measurements.order import Unordered
from tfjs_verify.measurements.parity import CandidateParity, Disagreement
from tfjs_verify.measurements.quantization import QuantizationEffect
from tfjs_verify.report.report import POWERLESS, FindingReport
from tfjs_verify.report.values import shown
from tfjs_verify.runtimes.tfjs import LoadedModel
from tfjs_verify.tensors import WIRE_DTYPES, Signature, tfjs_dtype

_COARSE = 1e-2
"""Where less than this part of an output's scale is lost to rounding, nothing is said of it."""


def disagreements(parity: CandidateParity) -> tuple[FindingReport, ...]:
    """What disagreed, one finding per output and domain."""
    found: dict[tuple[str, str, bool], FindingReport] = {}
    for each in parity.disagreements:
        comparison = each.comparison
        if comparison.structure is not None:
            message = f'output "{comparison.name}": {comparison.structure}{_made_of(each.case)}'
            domain = _domain(each.case, "finite")
            _count(found, comparison.name, FindingReport(domain, each.gates, message, 1))
        for mismatch in comparison.mismatches:
            finding = _mismatch_finding(parity, each, mismatch)
            _count(found, comparison.name, finding)
        for mismatch in comparison.undecided:
            finding = _mismatch_finding(parity, each, mismatch)
            words = f"{finding.message}; rounding may decide which"
            _count(found, comparison.name, replace(finding, gates=False, message=words))
    return tuple(found.values())


def _count(
    found: dict[tuple[str, str, bool], FindingReport], output: str, finding: FindingReport
) -> None:
    key = (output, finding.domain, finding.gates)
    before = found.get(key)
    found[key] = finding if before is None else replace(before, count=before.count + finding.count)


def _mismatch_finding(
    parity: CandidateParity, disagreement: Disagreement, mismatch: Mismatch
) -> FindingReport:
    case = disagreement.case
    where = f'output "{disagreement.comparison.name}"{list(mismatch.index)}'
    values = f"tensorflow {shown(mismatch.expected)}, {parity.name} {shown(mismatch.actual)}"
    return FindingReport(
        domain=_domain(case, mismatch.domain),
        gates=disagreement.gates,
        message=f"{where}: {values}{_made_of(case)}",
        count=mismatch.count,
    )


def _made_of(case: Case) -> str:
    if case.values == "finite":
        return ""
    return f"; the case was made of {case.values.replace('_', ' ')} values"


def _domain(case: Case, seen: Domain) -> Domain:
    """The domain of a finite mismatch is that of the values that the case was made of."""
    made: Mapping[str, Domain] = {
        "nan": "nan",
        "infinite": "infinite",
        "subnormal": "subnormal",
        "signed_zero": "signed_zero",
        "int_extreme": "overflow",
    }
    if seen == "finite" and case.drawn is not None:
        return made.get(case.values, "finite")
    return seen


def narrowings(signature: Signature) -> tuple[FindingReport, ...]:
    """The dtypes of the signature that TensorFlow.js does not have."""
    sides = (("input", signature.inputs), ("output", signature.outputs))
    return tuple(
        FindingReport(
            "precision",
            False,
            f'{side} "{spec.name}" is {spec.dtype}; TensorFlow.js has it as '
            f"{tfjs_dtype(spec.dtype)}",
            1,
        )
        for side, specs in sides
        for spec in specs
        if spec.dtype not in WIRE_DTYPES
    )


def narrowed(
    found: Sequence[Narrowed], disagreements: Sequence[Disagreement] = ()
) -> tuple[FindingReport, ...]:
    """What the graph computes in fewer bits on TensorFlow.js, and the outputs that may show it.

    One gates where an output that depends on it disagrees where that counts.
    """
    wrong = {
        each.comparison.name for each in disagreements if each.gates and each.mismatch is not None
    }
    findings = []
    for each in found:
        shown_by = [name for name in each.outputs if name in wrong]
        words = f"{each}; it disagrees in {', '.join(shown_by)}" if shown_by else str(each)
        findings.append(FindingReport("precision", bool(shown_by), words, len(each.ops)))
    return tuple(findings)


def coarse(noise: Noise) -> tuple[FindingReport, ...]:
    """The outputs of which rounding leaves so little that small faults cannot be told from it."""
    return tuple(
        FindingReport(
            "precision",
            False,
            f'output "{name}": float32 rounding alone moves it; only errors beyond '
            f"{each.resolution():.1%} of its scale can be told from rounding",
            1,
        )
        for name, each in noise.outputs.items()
        if each.measured and each.resolution() > _COARSE
    )


def acquitted(parity: CandidateParity) -> tuple[FindingReport, ...]:
    """The cases on which rounding moves an output much further than it usually does."""
    return tuple(
        FindingReport(
            "precision",
            False,
            f'output "{output.name}": {output.furthest.case.name} is badly conditioned: '
            f"{parity.name} differs by {output.furthest.scaled:.1e} of the scale, "
            f"{output.furthest.ratio:.0f} × the usual noise, and rounding alone may do that there",
            output.acquitted,
        )
        for output in parity.outputs
        if output.furthest is not None
    )


def zeros(parity: CandidateParity) -> tuple[FindingReport, ...]:
    """The zeros that are of another sign on one side, and the subnormals that one side flushed."""
    return tuple(
        FindingReport(
            each.first.domain,
            False,
            f'output "{each.output}"{list(each.first.index)}: tensorflow '
            f"{shown(each.first.expected)}, {parity.name} {shown(each.first.actual)}, "
            f"in {each.case.name}",
            each.count,
        )
        for each in parity.zeros
    )


def unordered(groups: Sequence[Unordered]) -> tuple[FindingReport, ...]:
    """The outputs that were compared as sets, for the model leaves their order open."""
    findings = []
    for group in groups:
        for name in group.names:
            others = ", ".join(f'"{other}"' for other in group.names if other != name)
            words = (
                f'output "{name}" is a set in any order (top_k(sorted=False)) and was compared as '
                f"such{f', together with {others}' if others else ''}"
            )
            findings.append(FindingReport("order", False, words, 1))
    return tuple(findings)


def unsettled(outputs: Sequence[str]) -> tuple[FindingReport, ...]:
    """The outputs on which TensorFlow does not agree with itself."""
    return tuple(
        FindingReport(
            "nondeterministic",
            False,
            f'output "{name}": TensorFlow itself gives another answer each time',
            1,
        )
        for name in outputs
    )


def random(ops: Mapping[str, Sequence[str]], differ: Collection[str]) -> tuple[FindingReport, ...]:
    """The outputs that depend on random numbers, which these `ops` draw; some of them `differ`."""
    findings = []
    for name, drawn in ops.items():
        seen = (
            "it differs: by chance or by a fault, nobody can tell"
            if name in differ
            else "it never varied here: what draws them may be in a branch that is not taken, or "
            "matter seldom"
        )
        words = f'output "{name}" depends on random numbers, of {", ".join(drawn)}; {seen}'
        findings.append(FindingReport("nondeterministic", False, words, 1))
    return tuple(findings)


def extras(artifact: Artifact) -> tuple[FindingReport, ...]:
    """What the artifact takes or gives beyond the model's signature."""
    sides = (("input", artifact.extra_inputs), ("output", artifact.extra_outputs))
    return tuple(
        FindingReport(
            "finite", True, f'the artifact has an {side} "{name}" that the model does not have', 1
        )
        for side, names in sides
        for name in names
    )


def quantised(
    effect: QuantizationEffect | None,
    *,
    faults: Sequence[str] = (),
    doubt: str = "",
    reason: str = "",
) -> tuple[FindingReport, ...]:
    """What quantisation changed beyond its budget; that is every backend's failure.

    So are `faults` of the artifact that no quantisation makes. Where the one could not be told from
    the other, for this `doubt`, or nothing be measured at all, for this `reason`, that is worth
    knowing.
    """
    if effect is None:
        message = (
            f"the weights are quantised, and what that changes could not be told apart: {reason}. "
            "The backends are compared with the original model; --atol and --rtol allow for it"
        )
        return (FindingReport("precision", False, message, 1),)
    over = [(True, words) for words in effect.excesses]
    doubts = [(False, f"the weight {words} no longer holds what it did") for words in effect.doubts]
    if doubt:
        doubts.append((False, doubt))
    return (
        *(FindingReport("finite", True, words, 1) for words in faults),
        *(
            FindingReport("precision", gates, f"quantisation: {words}", 1)
            for gates, words in (*over, *doubts)
        ),
    )


def powerless(measured: Sequence[OutputPower], *, gates: bool) -> tuple[FindingReport, ...]:
    """The outputs whose parity proves nothing."""
    return tuple(
        FindingReport(
            "finite",
            gates,
            f'{POWERLESS}: output "{each.name}" proves nothing. {each.reason} Give real '
            "inputs with --data, or domains with --input",
            1,
        )
        for each in measured
        if each.powerless
    )


def order(artifact: Artifact, loaded: LoadedModel) -> tuple[FindingReport, ...]:
    """Where the order that JavaScript code sees is not the signature's."""
    found = []
    for side, ours, theirs in (
        ("inputs", artifact.inputs, loaded.inputs),
        ("outputs", artifact.outputs, loaded.outputs),
    ):
        names = {node.partition(":")[0]: name for name, node in ours.items()}
        seen = [names.get(spec.name.partition(":")[0], spec.name) for spec in theirs]
        if len(seen) > 1 and seen != list(ours):
            found.append(
                FindingReport(
                    "order",
                    False,
                    f"JavaScript sees the {side} by position as [{', '.join(seen)}], not as "
                    f"[{', '.join(ours)}]: pass and read them by name",
                    1,
                )
            )
    return tuple(found)
