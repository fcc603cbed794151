"""The client against real Node processes that misbehave in one way each (tests/peers)."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from tests.conftest import ROOT
from tfjs_verify.bridge.client import Client
from tfjs_verify.bridge.contract import read_contract
from tfjs_verify.bridge.installation import find_node
from tfjs_verify.bridge.process import NodeProcess
from tfjs_verify.errors import (
    DeadlineExceeded,
    EnvironmentProblem,
    ProcessDied,
    ProtocolError,
    TfjsVerifyError,
)

CONTRACT = read_contract()
HELLO = {"contract": CONTRACT.sha256, "backend": "cpu"}


def peer(name: str) -> Client:
    command = [str(find_node().path), str(ROOT / "tests" / "peers" / f"{name}.mjs")]
    return Client(NodeProcess(command), CONTRACT, name="tfjs:cpu")


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("junk-on-stdout", ProtocolError, "Loading plug-in"),
        ("silence", DeadlineExceeded, "did not answer `initialize` within 2 s"),
    ],
)
def test_a_peer_that_never_says_hello(name, error, message):
    with peer(name) as client:
        with pytest.raises(error, match=message):
            client.call("initialize", HELLO, timeout=2)
        assert gone(client.pid)
        assert not client.alive


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("half-a-frame", ProcessDied, r"died during `memory`.*status 3(.|\n)*leaving early"),
        ("half-an-attachment", ProcessDied, r"exit status 3"),
        ("killed", ProcessDied, r"signal SIGKILL(.|\n)*allocating far too much"),
        ("silence-later", DeadlineExceeded, "did not answer `memory`"),
        ("deaf", DeadlineExceeded, "did not answer `memory`"),
        ("wrong-id", ProtocolError, "no reply to request 2"),
        ("no-json", ProtocolError, "cannot be read"),
    ],
)
def test_a_peer_that_fails_later(name, error, message):
    with peer(name) as client:
        client.call("initialize", HELLO, timeout=60)
        with pytest.raises(error, match=message):
            client.call("memory", timeout=2)
        assert gone(client.pid)
        with pytest.raises(error, match=message):
            client.call("memory", timeout=2)


def test_tensors_that_a_reply_announces_and_lacks_are_a_protocol_error():
    with peer("wrong-result") as client:
        client.call("initialize", HELLO, timeout=60)
        reply = client.call("predict", {"model": 1, "outputs": []}, tensors={}, timeout=60)
        with pytest.raises(ProtocolError, match="tensors of a reply"):
            reply.tensors("outputs")


def test_a_large_request_to_a_peer_that_does_not_read_has_a_deadline():
    with peer("silence") as client:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            client.call("echo", tensors={"x": np.zeros(10_000_000, np.float32)}, timeout=1)
        assert time.monotonic() - started < 30


def test_a_peer_that_will_not_end_is_ended():
    client = peer("deaf")
    client.call("initialize", HELLO, timeout=60)
    client.close()
    assert gone(client.pid)
    client.close()


def test_node_that_is_not_there_is_a_problem_of_the_environment():
    with pytest.raises(EnvironmentProblem, match="tfjs-verify doctor"):
        NodeProcess(["/nowhere/node"])


def test_every_error_of_the_contract_has_a_class():
    for code in CONTRACT.error_names:
        assert isinstance(CONTRACT.error(code, "why"), TfjsVerifyError)
    assert isinstance(CONTRACT.error(4711, "why"), ProtocolError)
