"""Every error that tfjs-verify raises on purpose.

    TfjsVerifyError
    ├── RequestError              the request is wrong                     exit 2
    │   ├── ModelError            the model cannot be read or has no such signature
    │   ├── CaseError             a case or a domain does not fit the signature
    │   └── ArtifactError         the TensorFlow.js files cannot be read or do not fit the model
    ├── EnvironmentProblem        Node, the addon or a package is missing   exit 3
    │   └── ProvisioningError     the Node side could not be built
    ├── ConversionError           this model has no TensorFlow.js form      exit 1
    ├── RuntimeFailure            a runtime could not answer a case         exit 1
    │   ├── LoadError             the backend refused the artifact
    │   ├── ExecutionError        the backend raised while it ran
    │   ├── DeadlineExceeded      no answer within the time allowed
    │   ├── ProcessDied           the process ended before it answered
    │   └── ProtocolError         the peer does not speak our contract
    └── ParityError               it ran and disagrees (an AssertionError)  exit 1

Foreign exceptions (TensorFlow's, Keras's, the operating system's) become one of these at one
border per package. Messages say what, where, what was expected and what to do next.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Stage = Literal["load", "run", "compare", "timeout", "crash"]


class TfjsVerifyError(Exception):
    """Base of every error raised on purpose, so that one `except` catches them all."""

    exit_code: ClassVar[int] = 1

    @property
    def message(self) -> str:
        """The message without the class name."""
        return str(self.args[0]) if self.args else type(self).__name__


class RequestError(TfjsVerifyError):
    """What was asked for cannot be asked: arguments, model or data."""

    exit_code = 2


class ModelError(RequestError):
    """The model cannot be read, or has no such signature."""


class CaseError(RequestError):
    """A case or a domain of values does not fit the model's signature."""


class ArtifactError(RequestError):
    """The TensorFlow.js files cannot be read, or do not belong to the model."""


class EnvironmentProblem(TfjsVerifyError):
    """Something that tfjs-verify needs on this machine is missing; the message names the cure."""

    exit_code = 3


class ProvisioningError(EnvironmentProblem):
    """The Node side could not be installed or its addon could not be compiled."""


class ConversionError(TfjsVerifyError):
    """The model has no TensorFlow.js form.

    `ops` lists what stands in the way, as "OpType (node name)".
    """

    def __init__(self, message: str, *, ops: tuple[str, ...] = (), cause_type: str = "") -> None:
        super().__init__(message)
        self.ops = ops
        self.cause_type = cause_type or type(self).__name__


class RuntimeFailure(TfjsVerifyError):
    """A runtime could not answer; `stage` says how far it came."""

    stage: Stage = "run"


class LoadError(RuntimeFailure):
    """The backend refused the artifact."""

    stage = "load"


class ExecutionError(RuntimeFailure):
    """The backend raised while it ran the model."""

    stage = "run"


class DeadlineExceeded(RuntimeFailure):
    """No answer came within the time allowed; the process was ended."""

    stage = "timeout"


class ProcessDied(RuntimeFailure):
    """The process ended before it answered; the message quotes its last words on stderr."""

    stage = "crash"


class ProtocolError(RuntimeFailure):
    """The peer does not speak the contract of this version."""

    stage = "crash"


class ParityError(TfjsVerifyError, AssertionError):
    """TensorFlow.js ran and disagrees with TensorFlow."""
