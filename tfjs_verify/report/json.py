"""The report as JSON, schema `tfjs-verify/report/1`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from tfjs_verify.report.report import Report

SCHEMA = "tfjs-verify/report/1"


def render_json(report: Report) -> str:
    """The document as text: strict JSON, where a number that JSON cannot hold is null."""
    return json.dumps({"schema": SCHEMA, **plain(report)}, indent=2, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Data classes as dictionaries, and as null every number that JSON does not have."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
