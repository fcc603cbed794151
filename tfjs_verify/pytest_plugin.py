"""pytest: a session-wide `tfjs` fixture that keeps one Node process per backend.

    def test_my_model(tfjs):
        tfjs.assert_parity("saved_model/", examples=50, data=["real/"])

A session that does not use the fixture loads neither TensorFlow nor Node.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tfjs_verify.conversion import ConversionWorker
    from tfjs_verify.report import Report
    from tfjs_verify.runtimes import Backend, NodePool

_BACKENDS: tuple[Backend, ...] = ("node", "wasm", "cpu")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--tfjs-backend`."""
    parser.getgroup("tfjs-verify").addoption(
        "--tfjs-backend",
        action="append",
        choices=_BACKENDS,
        help="A TensorFlow.js backend for the `tfjs` fixture; repeatable (default: all three).",
    )


class TfjsSession:
    """What the `tfjs` fixture gives: parity assertions that share the session's Node processes."""

    def __init__(
        self, nodes: NodePool, worker: ConversionWorker, backends: tuple[Backend, ...]
    ) -> None:
        self.nodes = nodes
        self.worker = worker
        self.backends = backends

    def assert_parity(self, model: object, **options: Any) -> Report:
        """`tfjs_verify.assert_parity` on the session's processes and chosen backends.

        Options are those of `tfjs_verify.verify`. Returns the report, raises ParityError.
        """
        from tfjs_verify.verification import assert_parity

        options.setdefault("backends", self.backends)
        return assert_parity(model, nodes=self.nodes, worker=self.worker, **options)


@pytest.fixture(scope="session")
def tfjs(pytestconfig: pytest.Config) -> Iterator[TfjsSession]:
    """Parity assertions on Node processes that live as long as the session."""
    from tfjs_verify.conversion import ConversionWorker
    from tfjs_verify.runtimes import NodePool

    chosen = pytestconfig.getoption("--tfjs-backend") or _BACKENDS
    with NodePool() as nodes, ConversionWorker() as worker:
        yield TfjsSession(nodes, worker, tuple(dict.fromkeys(chosen)))
