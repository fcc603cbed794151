"""What stands in a model's way to TensorFlow.js, told before anything is converted or run.

`executors` reads what the installed TensorFlow.js does, `audit` what of it is wrong, `inspection`
what a model needs; `findings` puts the three together.
"""

from __future__ import annotations

from tfjs_verify.conversion.preflight.checking import Preflight, preflight
from tfjs_verify.conversion.preflight.findings import Finding

__all__ = ["Finding", "Preflight", "preflight"]
