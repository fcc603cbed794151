"""You ship a TensorFlow model to the web knowing that it says the same thing there.

    import tfjs_verify as tv

    tv.verify(model, backends=("node", "wasm", "cpu"), examples=100).raise_for_mismatch()

Names load on first use, so that importing this package loads neither TensorFlow nor tensorflowjs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfjs_verify import strategies
    from tfjs_verify.artifact import Artifact, load_artifact
    from tfjs_verify.cases import Case
    from tfjs_verify.conversion import convert
    from tfjs_verify.errors import ParityError, TfjsVerifyError
    from tfjs_verify.measurements.parity import measure_parity
    from tfjs_verify.model import Model, open_model
    from tfjs_verify.runtimes import TFJS, TensorFlow
    from tfjs_verify.tensors import Signature, TensorSpec
    from tfjs_verify.tolerance import Tolerance
    from tfjs_verify.verification import assert_parity, verify

__all__ = [
    "TFJS",
    "Artifact",
    "Case",
    "Model",
    "ParityError",
    "Signature",
    "TensorFlow",
    "TensorSpec",
    "TfjsVerifyError",
    "Tolerance",
    "assert_parity",
    "convert",
    "load_artifact",
    "measure_parity",
    "open_model",
    "strategies",
    "verify",
]

_HOME = {
    "TFJS": "tfjs_verify.runtimes",
    "Artifact": "tfjs_verify.artifact",
    "Case": "tfjs_verify.cases",
    "Model": "tfjs_verify.model",
    "ParityError": "tfjs_verify.errors",
    "Signature": "tfjs_verify.tensors",
    "TensorFlow": "tfjs_verify.runtimes",
    "TensorSpec": "tfjs_verify.tensors",
    "TfjsVerifyError": "tfjs_verify.errors",
    "Tolerance": "tfjs_verify.tolerance",
    "assert_parity": "tfjs_verify.verification",
    "convert": "tfjs_verify.conversion",
    "load_artifact": "tfjs_verify.artifact",
    "measure_parity": "tfjs_verify.measurements.parity",
    "open_model": "tfjs_verify.model",
    "verify": "tfjs_verify.verification",
}


def __getattr__(name: str) -> object:
    if name == "strategies":
        return importlib.import_module("tfjs_verify.strategies")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
