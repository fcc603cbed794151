"""Measure the bridge: float32 tensors from Python to Node and back, beside what else one could do.

    python benchmarks/bridge.py [--json FILE] [--check]

README.md beside this file says what each column is. All are measured in one run, in turn:
only ratios of one run mean anything on a machine that is not idle.
"""

from __future__ import annotations

import argparse
import base64
import fcntl
import json
import os
import select
import statistics
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tfjs_verify.bridge.installation import find_node
from tfjs_verify.runtimes.tfjs import NodeSession, start_node

Tensor = NDArray[np.float32]
Column = Literal["bridge", "json", "base64", "pipe", "memcpy"]
Medians = Mapping[Column, float]

TIMEOUT_S = 60.0
PIPE_BYTES = 1 << 20
TEXT_PEER = Path(__file__).with_name("text_peer.mjs")


@dataclass(frozen=True)
class Plan:
    """How often a size makes the trip: `rounds` over all columns, in each `burst` calls in a row.

    A verification, too, makes its calls in a row. JSON takes seconds where the others take little:
    it makes one call a round, and `json_calls` in all.
    """

    bytes: int
    rounds: int
    burst: int
    json_calls: int

    def calls(self, column: Column, turn: int) -> int:
        """The calls that a column makes in round number `turn`."""
        return self.burst if column != "json" else int(turn < self.json_calls)


PLANS = (
    Plan(4_096, rounds=20, burst=20, json_calls=20),
    Plan(602_112, rounds=15, burst=8, json_calls=15),  # one image, 224 × 224 × 3
    Plan(4_816_896, rounds=10, burst=4, json_calls=5),  # a batch of eight
    Plan(64 << 20, rounds=6, burst=3, json_calls=1),
)


class Channel(ABC):
    """A way there and back."""

    @abstractmethod
    def round_trip(self, tensor: Tensor) -> Tensor:
        """The tensor as it came back."""


class Bridge(Channel):
    """The product's own: `echo`, called as every other method is."""

    def __init__(self, session: NodeSession) -> None:
        self._client = session.client

    def round_trip(self, tensor: Tensor) -> Tensor:
        reply = self._client.call(
            "echo", tensors={"x": tensor}, tensors_key="tensors", timeout=TIMEOUT_S
        )
        return reply.tensors("tensors")["x"]


class JsonNumbers(Channel):
    """A JSON array of numbers on a line."""

    def __init__(self, peer: subprocess.Popen[bytes]) -> None:
        self._peer = peer

    def round_trip(self, tensor: Tensor) -> Tensor:
        return np.array(exchange(self._peer, tensor.tolist()), dtype=np.float32)


class Base64(Channel):
    """The bytes as base64 in a JSON string on a line."""

    def __init__(self, peer: subprocess.Popen[bytes]) -> None:
        self._peer = peer

    def round_trip(self, tensor: Tensor) -> Tensor:
        data = exchange(self._peer, base64.b64encode(tensor.data).decode("ascii"))
        return np.frombuffer(base64.b64decode(data), dtype=np.float32)


class Cat(Channel):
    """The bytes alone through `cat`, written and read at the same time, into memory at hand."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        assert process.stdout
        self._write_fd, self._read_fd = process.stdin.fileno(), process.stdout.fileno()
        self._returned = np.empty(0, dtype=np.float32)
        for fd in (self._write_fd, self._read_fd):
            os.set_blocking(fd, False)
            if hasattr(fcntl, "F_SETPIPE_SZ"):
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def round_trip(self, tensor: Tensor) -> Tensor:
        if self._returned.shape != tensor.shape:
            self._returned = np.zeros_like(tensor)
        unsent = tensor.data.cast("B")
        missing = self._returned.data.cast("B")
        poll = select.poll()
        poll.register(self._read_fd, select.POLLIN)
        poll.register(self._write_fd, select.POLLOUT)
        while missing:
            for fd, _ in poll.poll():
                if fd == self._read_fd:
                    missing = missing[os.readv(fd, [missing]) :]
                    continue
                unsent = unsent[os.write(fd, unsent) :]
                if not unsent:
                    poll.unregister(fd)
        return self._returned


class Memcpy(Channel):
    """One copy in memory: below this nothing can be."""

    def __init__(self) -> None:
        self._copy = np.empty(0, dtype=np.float32)

    def round_trip(self, tensor: Tensor) -> Tensor:
        if self._copy.shape != tensor.shape:
            self._copy = np.zeros_like(tensor)
        np.copyto(self._copy, tensor)
        return self._copy


def exchange(peer: subprocess.Popen[bytes], data: object) -> Any:
    """Send `data` on one line of JSON, and return what comes back on one."""
    assert peer.stdin
    assert peer.stdout
    peer.stdin.write(json.dumps({"data": data}).encode("ascii") + b"\n")
    peer.stdin.flush()
    return json.loads(peer.stdout.readline())["data"]


@contextmanager
def running(*command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with both ends of its pipes; it ends with its input."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process


def measure(plan: Plan, channels: Mapping[Column, Channel]) -> Medians:
    """Median milliseconds of each column; every reply is compared, bit for bit, off the clock."""
    tensor = np.random.default_rng(0).random(plan.bytes // 4, dtype=np.float32)
    samples: dict[Column, list[float]] = {column: [] for column in channels}
    for turn in range(plan.rounds):
        for column, channel in channels.items():
            for _ in range(plan.calls(column, turn)):
                start = time.perf_counter()
                returned = channel.round_trip(tensor)
                samples[column].append((time.perf_counter() - start) * 1e3)
                if not np.array_equal(returned.view(np.uint32), tensor.view(np.uint32)):
                    raise SystemExit(f"{column}: the tensor came back changed")
    return {column: statistics.median(taken) for column, taken in samples.items()}


@dataclass(frozen=True)
class Bar:
    """A promise about one size: `value` against `limit`."""

    claim: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        relation = "≥" if self.at_least else "≤"
        verdict = "met" if self.met else "MISSED"
        return f"{verdict:<7}{self.claim}: {self.value:.3g} {relation} {self.limit:g}"


def bars(results: Mapping[int, Medians]) -> list[Bar]:
    """What the README promises, against what was measured."""
    small, image, large = results[4_096], results[602_112], results[64 << 20]
    return [
        Bar("4 KiB, bridge, ms", small["bridge"], 0.3),
        Bar("602,112 B, JSON / bridge", image["json"] / image["bridge"], 100, at_least=True),
        Bar("602,112 B, bridge / cat", image["bridge"] / image["pipe"], 2),
        Bar("64 MiB, bridge / cat", large["bridge"] / large["pipe"], 1.5),
    ]


def table(results: Mapping[int, Medians]) -> str:
    """Milliseconds of every column, then the ratios that the bars are about."""
    columns: Sequence[Column] = ("bridge", "json", "base64", "pipe", "memcpy")
    head = "".join(f"{name:>12}" for name in (*columns, "json/bridge", "bridge/pipe"))
    lines = [f"{'bytes':>12}{head}   (medians, ms)"]
    for size, medians in results.items():
        times = "".join(f"{medians[column]:>12.3f}" for column in columns)
        json_ratio = medians["json"] / medians["bridge"]
        pipe_ratio = medians["bridge"] / medians["pipe"]
        lines.append(f"{size:>12,}{times}{json_ratio:>12.1f}{pipe_ratio:>12.2f}")
    return "\n".join(lines)


def measure_all() -> dict[int, Medians]:
    """Medians by size in bytes."""
    node = find_node().path
    with ExitStack() as stack:
        channels: dict[Column, Channel] = {
            "bridge": Bridge(stack.enter_context(start_node("cpu"))),
            "json": JsonNumbers(stack.enter_context(running(node, TEXT_PEER, "numbers"))),
            "base64": Base64(stack.enter_context(running(node, TEXT_PEER, "base64"))),
            "pipe": Cat(stack.enter_context(running("cat"))),
            "memcpy": Memcpy(),
        }
        return {plan.bytes: measure(plan, channels) for plan in PLANS}


def main() -> None:
    """Measure, print the table and the bars, write the data."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the medians there")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    options = parser.parse_args()

    results = measure_all()
    print(table(results), end="\n\n")
    promises = bars(results)
    print(*promises, sep="\n")
    if options.json:
        rows = [
            {"bytes": size, **{f"{column}_ms": medians[column] for column in medians}}
            for size, medians in results.items()
        ]
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    if options.check and not all(bar.met for bar in promises):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
