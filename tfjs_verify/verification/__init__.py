"""verify(): from a request to a report.

`request` says what is asked and `verify` is the whole line in one screen. Its steps: `artifacts`
gets the TensorFlow.js files that run, `knowledge` what has to be known of the model, `candidates`
loads and times the backends, `comparing` compares them and makes failures small, `describing`
reports. `mutating` plants faults.
"""

from tfjs_verify.verification.request import SILENT, Progress, Request
from tfjs_verify.verification.verify import assert_parity, verify, verify_all, verify_model

__all__ = [
    "SILENT",
    "Progress",
    "Request",
    "assert_parity",
    "verify",
    "verify_all",
    "verify_model",
]
