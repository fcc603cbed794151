"""verify(): from a request to a report.

`request` says what is asked, `verify` is the whole line in one screen, `stages` are its steps,
`artifacts` gets the TensorFlow.js files that run.
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
