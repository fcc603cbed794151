"""Mutants on a backend: written, loaded, and gone again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from tfjs_verify.artifact import Artifact, load_artifact
from tfjs_verify.artifact.contents import Contents, write_contents
from tfjs_verify.runtimes import TFJS, Backend, NodePool
from tfjs_verify.tensors import Signature


class Nursery:
    """Loads contents on one backend, in a Node process that nobody else uses."""

    def __init__(
        self,
        reference: Signature,
        *,
        backend: Backend,
        extensions: Sequence[Path] = (),
        timeout: float = 30.0,
    ) -> None:
        """`timeout` is in seconds and holds for every call."""
        self.backend = backend
        self._reference = reference
        self._timeout = timeout
        self._nodes = NodePool(extensions=extensions)

    @contextmanager
    def planted(self, contents: Contents) -> Iterator[TFJS]:
        """A runtime of these contents; its artifact is read again, as `verify` would read it.

        Raises ArtifactError, RuntimeFailure.
        """
        with tempfile.TemporaryDirectory(prefix="tfjs-verify-") as temporary:
            directory = Path(temporary)
            write_contents(contents, directory)
            artifact: Artifact = load_artifact(directory, self._reference)
            session = self._nodes.start(self.backend)
            with TFJS(artifact, session=session, timeout=self._timeout) as candidate:
                yield candidate

    def renew(self) -> None:
        """End the process: what failed in it may have left its memory in any state."""
        self._nodes.close()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._nodes.close()
