"""How a project keeps it true that TensorFlow.js reads the digits as TensorFlow does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfjs_verify.pytest_plugin import TfjsSession

HERE = Path(__file__).parent
MODEL = HERE / "digits.keras"
CASES = HERE / "cases"


def test_tensorflow_js_agrees(tfjs: TfjsSession) -> None:
    """On the real images, and on ten batches of generated ones."""
    tfjs.assert_parity(MODEL, data=[CASES], examples=10)


def test_the_model_reads_the_images() -> None:
    """Parity alone would hold for a model that has learnt nothing."""
    import keras

    cases = sorted(CASES.glob("*.npz"))
    images = np.concatenate([np.load(case)["image"] for case in cases])
    shown = [int(case.stem[-1]) for case in cases]
    read = keras.saving.load_model(MODEL).predict(images, verbose=0).argmax(axis=-1)
    assert np.mean(read == shown) > 0.97
