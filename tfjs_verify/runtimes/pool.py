"""The Node processes of a run: at most one per backend, started when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tfjs_verify.errors import RequestError
from tfjs_verify.lifetime import Closing
from tfjs_verify.runtimes.base import Backend
from tfjs_verify.runtimes.tfjs import NodeSession, start_node


class NodePool(Closing):
    """Keeps one Node process per backend alive, and replaces one that died."""

    def __init__(
        self,
        *,
        extensions: Sequence[Path] = (),
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.extensions = tuple(extensions)
        self._progress = progress
        self._sessions: dict[Backend, NodeSession] = {}

    @property
    def versions(self) -> Mapping[str, Mapping[str, str]]:
        """Per backend that was started, the versions that run there."""
        return {name: session.versions for name, session in self._sessions.items()}

    def start(self, backend: Backend) -> NodeSession:
        """The living process of `backend`; raises EnvironmentProblem where it cannot be had."""
        session = self._sessions.get(backend)
        if session is None or not session.alive:
            session = start_node(backend, extensions=self.extensions, progress=self._progress)
            self._sessions[backend] = session
        return session

    def check_extensions(self, extensions: Sequence[Path]) -> None:
        """RequestError unless the processes were started with just these extensions.

        Custom ops are global to a process, so two sets of them never share one.
        """
        if tuple(extensions) != self.extensions:
            raise RequestError(
                "these Node processes were started with other JavaScript modules; "
                "verify this model without the shared ones"
            )

    def close(self) -> None:
        """End all processes."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
