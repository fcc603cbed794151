"""What a run found out: data first (`report`), then one pure renderer for each form of it."""

from tfjs_verify.report.report import (
    BackendReport,
    ConversionFailure,
    ConversionReport,
    DecisionReport,
    DomainReport,
    FindingReport,
    ModelReport,
    NoiseReport,
    OutputReport,
    PowerReport,
    QuantizationReport,
    RejectionReport,
    Report,
    Verdict,
    WorstElement,
    worst_verdict,
)

__all__ = [
    "BackendReport",
    "ConversionFailure",
    "ConversionReport",
    "DecisionReport",
    "DomainReport",
    "FindingReport",
    "ModelReport",
    "NoiseReport",
    "OutputReport",
    "PowerReport",
    "QuantizationReport",
    "RejectionReport",
    "Report",
    "Verdict",
    "WorstElement",
    "worst_verdict",
]
