"""The wire contract, read from the same `contract.json` that the Node side reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfjs_verify.bridge.installation import node_sources
from tfjs_verify.errors import (
    EnvironmentProblem,
    ExecutionError,
    LoadError,
    ProtocolError,
    RequestError,
    TfjsVerifyError,
)

ERROR_CLASSES: Mapping[str, type[TfjsVerifyError]] = {
    "ParseError": ProtocolError,
    "InvalidRequest": ProtocolError,
    "MethodNotFound": ProtocolError,
    "InvalidParams": ProtocolError,
    "InternalError": ProtocolError,
    "ContractMismatch": ProtocolError,
    "UnknownModel": ProtocolError,
    "BackendUnavailable": EnvironmentProblem,
    "ExtensionFailed": RequestError,
    "LoadFailed": LoadError,
    "ExecutionFailed": ExecutionError,
    "BackendBroken": ExecutionError,
}
"""The class raised here for each error that the contract names."""


@dataclass(frozen=True)
class Contract:
    """One version of the wire contract."""

    sha256: str
    methods: Mapping[str, Any]
    error_names: Mapping[int, str]

    def error(self, code: int, message: str) -> TfjsVerifyError:
        """The exception that stands for a JSON-RPC error of this code."""
        name = self.error_names.get(code)
        if name is None:
            return ProtocolError(
                f"the Node side answered with an unknown error code {code}: {message}"
            )
        return ERROR_CLASSES[name](message)

    def is_fatal(self, code: int) -> bool:
        """Whether nothing that the process says after this error is worth anything."""
        return self.error_names.get(code) == "BackendBroken"


def read_contract(path: Path | None = None) -> Contract:
    """The contract at `path`; by default the one that belongs to this installation."""
    data = (path or node_sources() / "bridge" / "contract.json").read_bytes()
    document = json.loads(data)
    return Contract(
        sha256=hashlib.sha256(data).hexdigest(),
        methods=document["methods"],
        error_names={int(code): entry["name"] for code, entry in document["errors"].items()},
    )
