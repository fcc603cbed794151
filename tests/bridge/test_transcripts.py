"""Replays bridge/transcripts with the Python end's framing; js/test replays the same files."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import Any

import pytest

from tests.conftest import ROOT
from tfjs_verify.bridge.contract import read_contract
from tfjs_verify.bridge.framing import FrameReader, write_frame
from tfjs_verify.bridge.installation import provision
from tfjs_verify.bridge.process import NodeProcess

TRANSCRIPTS = ROOT / "bridge" / "transcripts"
FILES = sorted(TRANSCRIPTS.glob("*.jsonl"))
KINDS = {str: "string", bool: "boolean", int: "number", float: "number", list: "array"}


def test_there_are_transcripts():
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_node_side_says_what_the_transcript_says(file):
    text = file.read_text().replace("{contract}", read_contract().sha256)
    steps = [
        json.loads(line.replace("{transcripts}", str(TRANSCRIPTS))) for line in text.splitlines()
    ]
    ready = provision(backends=("cpu",))
    command = [str(ready.node), str(ready.main), "--modules", str(ready.modules)]
    with NodeProcess(command) as process:
        reader = FrameReader(process.read_fd)
        for step in steps[1:]:
            follow(process, reader, step)


def follow(process: NodeProcess, reader: FrameReader, step: dict[str, Any]) -> None:
    deadline = time.monotonic() + 120
    if "send" in step:
        attachment = base64.b64decode(step.get("attachment", ""))
        write_frame(process.write_fd, step["send"], [memoryview(attachment)], deadline)
    if "sendBytes" in step:
        os.write(process.write_fd, base64.b64decode(step["sendBytes"]))
    if step.get("close"):
        process.close_input()
    if "expect" in step:
        frame = reader.read(deadline)
        assert_fits(frame.message, step["expect"])
        assert base64.b64encode(frame.attachment).decode() == step.get("expectAttachment", "")
    if "exit" in step:
        end = process.describe_end()
        assert end.startswith(f"exit status {step['exit']}"), end


def assert_fits(actual: Any, expected: Any) -> None:
    """Equality, but for the two matchers of bridge/transcripts/README.md."""
    if isinstance(expected, dict) and "$any" in expected:
        assert KINDS.get(type(actual), "object") == expected["$any"], actual
    elif isinstance(expected, dict) and "$contains" in expected:
        assert expected["$contains"] in actual
    elif isinstance(expected, dict):
        assert isinstance(actual, dict)
        assert sorted(actual) == sorted(expected)
        for key, value in expected.items():
            assert_fits(actual[key], value)
    elif isinstance(expected, list):
        assert isinstance(actual, list)
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_fits(one, other)
    else:
        assert actual == expected
