from __future__ import annotations

import pytest

from tfjs_verify.conversion import ConversionWorker


@pytest.fixture(scope="session")
def worker():
    with ConversionWorker() as worker:
        yield worker
