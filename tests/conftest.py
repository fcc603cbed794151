"""Small real models, saved once per session, and the command line called as a user calls it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from tfjs_verify.conversion import ConversionWorker
from tfjs_verify.runtimes import NodePool

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits"


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Answer]:
    """Call `tfjs-verify` in this process, in a directory of its own."""
    from tfjs_verify.cli.main import main

    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["tfjs-verify", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Answer(int(ended.value.code or 0), out, err)

    return call


@pytest.fixture(scope="session")
def nodes() -> Iterator[NodePool]:
    """One Node process per backend for the whole session."""
    with NodePool() as pool:
        yield pool


@pytest.fixture(scope="session")
def worker() -> Iterator[ConversionWorker]:
    """One conversion process for the whole session."""
    with ConversionWorker() as process:
        yield process


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SavedModels `plain` (one output) and `twins` (two inputs, two outputs of one shape)."""
    import keras

    directory = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(7)
    x = keras.Input((6,), name="x")
    plain = keras.Model(x, {"scores": keras.layers.Dense(4, activation="softmax")(x)})
    plain.export(directory / "plain", verbose=False)
    plain.save(directory / "plain.keras")
    z, a = keras.Input((3,), name="z"), keras.Input((3,), name="a")
    twins = keras.Model([z, a], {"second": z - 2 * a, "first": keras.layers.Dense(3)(z) + a})
    twins.export(directory / "twins", verbose=False)
    return directory
