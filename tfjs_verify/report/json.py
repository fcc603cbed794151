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
    return json.dumps({"schema": SCHEMA, **_plain(report)}, indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
