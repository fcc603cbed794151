"""Calls over the bridge: JSON-RPC 2.0 with tensors as attachments, every call with a deadline."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfjs_verify.bridge.contract import Contract
from tfjs_verify.bridge.framing import (
    EndOfStream,
    FrameReader,
    MalformedFrame,
    WaitedTooLong,
    write_frame,
)
from tfjs_verify.bridge.process import NodeProcess
from tfjs_verify.errors import DeadlineExceeded, ProcessDied, ProtocolError, TfjsVerifyError
from tfjs_verify.lifetime import Closing
from tfjs_verify.tensors import Array, decode, encode

_SHUTDOWN_S = 2.0


@dataclass(frozen=True)
class Reply:
    """The result of a call, and the attachment that its tensor descriptors point into."""

    result: dict[str, Any]
    attachment: memoryview

    def tensors(self, key: str) -> dict[str, Array]:
        """The named tensors under `key` of the result; ProtocolError where they do not decode."""
        try:
            return {
                name: decode(descriptor, self.attachment)
                for name, descriptor in self.result[key].items()
            }
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError(f"the tensors of a reply cannot be read: {error}") from error


class Client(Closing):
    """One conversation with one Node process.

    A missed deadline, a death or a broken frame ends the process; later calls raise the same error.
    """

    def __init__(self, process: NodeProcess, contract: Contract, *, name: str) -> None:
        self._process = process
        self._contract = contract
        self._name = name
        self._reader = FrameReader(process.read_fd)
        self._last_id = 0
        self._broken: TfjsVerifyError | None = None

    @property
    def pid(self) -> int:
        """The Node process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether calls can still be made."""
        return self._broken is None

    def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        tensors: Mapping[str, Array] | None = None,
        tensors_key: str = "inputs",
        timeout: float,
    ) -> Reply:
        """Call `method` and wait for its reply, at most `timeout` seconds.

        `tensors` travel as the attachment, their descriptors as `params[tensors_key]`. Raises
        DeadlineExceeded, ProcessDied, ProtocolError, or what the contract says for the error code.
        """
        if self._broken is not None:
            raise type(self._broken)(self._broken.message)
        descriptors, chunks = encode(tensors or {})
        document = dict(params or {})
        if tensors is not None:
            document[tensors_key] = descriptors
        self._last_id += 1
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": document}
        deadline = time.monotonic() + timeout
        try:
            write_frame(self._process.write_fd, request, chunks, deadline)
            frame = self._reader.read(deadline)
        except WaitedTooLong:
            raise self._break(
                DeadlineExceeded,
                f"{self._name} did not answer `{method}` within {timeout:g} s; its process was "
                "ended. A larger --timeout gives it more.",
            ) from None
        except EndOfStream:
            end = self._process.describe_end()
            raise self._break(
                ProcessDied, f"the Node process of {self._name} died during `{method}`: {end}"
            ) from None
        except MalformedFrame as error:
            raise self._break(
                ProtocolError,
                f"{self._name} answered `{method}` with something that is no frame of the bridge: "
                f"{error}",
            ) from None
        return self._unwrap(method, frame.message, frame.attachment)

    def close(self) -> None:
        """Ask the process to end, then see to it."""
        if self._broken is None:
            try:
                self.call("shutdown", timeout=_SHUTDOWN_S)
            except TfjsVerifyError:
                return  # whatever it was, `call` has ended the process
            self._broken = ProcessDied(f"{self._name} was closed")
        self._process.close()

    def _unwrap(self, method: str, message: dict[str, Any], attachment: memoryview) -> Reply:
        if message.get("id") != self._last_id or ("result" in message) == ("error" in message):
            raise self._break(
                ProtocolError,
                f"{self._name} answered `{method}` with a message that is no reply to request "
                f"{self._last_id}: {str(message)[:200]}",
            )
        if "error" in message:
            code = int(message["error"]["code"])
            error = self._contract.error(code, str(message["error"]["message"]))
            raise (
                self._break(type(error), error.message) if self._contract.is_fatal(code) else error
            )
        return Reply(message["result"], attachment)

    def _break(self, kind: type[TfjsVerifyError], message: str) -> TfjsVerifyError:
        self._process.kill()
        self._broken = kind(message)
        return self._broken
