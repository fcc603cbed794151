"""Measures keras.applications: python -m tests.corpus.applications [NAME...] [--out FILE.md]

Every model is built without trained weights, which alone would prove nothing: its softmax would be
nearly constant. So BatchNorm gets its own parameters and the statistics of random images, layer
scales become ones that matter, and the last layer's weights are stretched until images differ.
Each is converted, runs on every backend and is compared with TensorFlow; the Markdown file gets a
row per model. A deep network of random weights blows rounding up, so what differs by more than the
default tolerance still passes if it is not much further from the same network in float64 than
TensorFlow is. The exit status is 1 unless all pass everywhere.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

SIZES = {
    "MobileNet": 96,
    "MobileNetV2": 96,
    "MobileNetV3Small": 96,
    "MobileNetV3Large": 96,
    "EfficientNetB0": 96,
    "EfficientNetV2B0": 96,
    "ResNet50": 96,
    "ResNet50V2": 96,
    "DenseNet121": 96,
    "NASNetMobile": 96,
    "InceptionV3": 96,
    "Xception": 96,
    "VGG16": 64,
    "ConvNeXtTiny": 96,
}
"""Pixels per side: small, since what is computed per pixel is the same at any size."""
_CALIBRATION, _CASES = 8, 2
_LOGIT_SPREAD = 0.25
_LEAST_VARIANCE = 0.1
"""Of a channel, as a share of the mean over its layer's channels."""
_NOISE_FACTOR = 3.0
"""How much further than TensorFlow's float32 a backend's may be from float64."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One model: what was repaired, and per backend its error or why there is none."""

    name: str
    spread: float
    """The largest difference between two images' probabilities."""
    noise: float
    """How far TensorFlow is from float64: max |Δ| / max |float64|."""
    repairs: Sequence[tuple[str, int]]
    verdicts: dict[str, str]
    passed: bool
    seconds: float


def build(name: str) -> Any:
    """A model of `keras.applications` whose output depends on its image."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(len(name))
    size = SIZES[name]
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3))
    _vary(model, np.random.default_rng(len(name)))
    images = pictures(name, _CALIBRATION)
    _learn_statistics(model, images)
    _stretch(model, images)
    return model


def pictures(name: str, count: int, *, seed: int = 0) -> np.ndarray:
    """Random images, from coarse patches to noise, in the range of the model's own input."""
    size = SIZES[name]
    rng = np.random.default_rng(seed)
    images = rng.uniform(60, 195, (count, 1, 1, 3))
    for cells in (2, 4, 8, size):
        pattern = rng.normal(0, rng.uniform(5, 60, (count, 1, 1, 1)), (count, cells, cells, 3))
        images = images + pattern.repeat(size // cells, axis=1).repeat(size // cells, axis=2)
    images = np.clip(images, 0, 255)
    scales_itself = name.startswith(("EfficientNet", "MobileNetV3", "ConvNeXt"))
    return np.asarray(images if scales_itself else images / 127.5 - 1, np.float32)


def _vary(model: Any, rng: np.random.Generator) -> None:
    normalised = any("norm" in type(layer).__name__.lower() for layer in model.layers)
    for layer in model.layers:
        for weight in layer.weights:
            name = weight.path.rpartition("/")[2]
            if name == "kernel" and not normalised:
                weight.assign(weight * 2**0.5)  # what ReLU takes away, or deep layers see nothing
            if name == "gamma":
                # ConvNeXt's layer scale starts at 1e-6, which switches every block off.
                weight.assign(rng.uniform(0.5, 1.5, weight.shape))
            elif name in ("beta", "bias"):
                weight.assign(rng.normal(0, 0.2, weight.shape))


def _learn_statistics(model: Any, images: np.ndarray) -> None:
    """One pass in training mode without momentum leaves the batch's statistics behind."""
    import keras

    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    model(images, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        # Random weights leave channels nearly dead, which would be rounding noise blown up.
        variance = np.asarray(norm.moving_variance)
        norm.moving_variance.assign(np.maximum(variance, _LEAST_VARIANCE * variance.mean()))


def _stretch(model: Any, images: np.ndarray) -> None:
    """Lets logits differ between images by about `_LOGIT_SPREAD`, and no class be always ahead."""
    kernel = [w for w in model.weights if w.path.endswith("kernel")][-1]
    bias = [w for w in model.weights if w.path.endswith("bias")][-1]
    kernel.assign(kernel * (_LOGIT_SPREAD / float(_logits(model, images).std(axis=0).mean())))
    bias.assign(bias - _logits(model, images).mean(axis=0))


def _logits(model: Any, images: np.ndarray) -> np.ndarray:
    """The logarithms of the probabilities, up to a constant per image."""
    logits = np.log(model(images).numpy().astype(np.float64) + 1e-30)
    return np.asarray(logits - logits.mean(axis=1, keepdims=True))


def in_float64(name: str, model: Any, images: np.ndarray) -> np.ndarray:
    """What the same network answers in float64."""
    import keras

    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        shape = model.input_shape[1:]
        wide = getattr(keras.applications, name)(weights=None, input_shape=shape)
        wide.set_weights(model.get_weights())
        return np.asarray(wide(images.astype(np.float64)))
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def measure(name: str) -> Row:
    """Converts one model and compares it on every backend."""
    from tests.corpus.measuring import BACKENDS
    from tfjs_verify.conversion import convert
    from tfjs_verify.errors import TfjsVerifyError
    from tfjs_verify.model import open_model
    from tfjs_verify.runtimes.tensorflow import TensorFlow

    started = time.perf_counter()
    verdicts: dict[str, str] = {}
    passed, repairs = False, []
    built = build(name)
    images = pictures(name, _CASES, seed=1)
    exact = in_float64(name, built, images)
    with tempfile.TemporaryDirectory() as scratch, open_model(built) as model:
        (spec,) = model.signature.inputs
        cases = [{spec.name: images[:1]}, {spec.name: images}]
        with TensorFlow(model) as reference:
            expected = [reference.run(case) for case in cases]
        (both,) = expected[1].values()
        spread = float(np.abs(both[0] - both[1]).max())
        noise = _distance(both, exact)
        try:
            artifact = convert(model, Path(scratch) / "out", timeout=900)
        except TfjsVerifyError as error:
            verdicts = dict.fromkeys(BACKENDS, error.message)
        else:
            repairs = [(repair.name, len(repair.nodes)) for repair in artifact.repairs]
            answers = [
                _on(b, artifact, model.signature.outputs, cases, expected, exact) for b in BACKENDS
            ]
            verdicts = {b: text for b, (text, _) in zip(BACKENDS, answers, strict=True)}
            passed = all(agrees for _, agrees in answers)
    return Row(name, spread, noise, repairs, verdicts, passed, time.perf_counter() - started)


def _on(
    backend: Any, artifact: Any, outputs: Any, cases: Any, expected: Any, exact: np.ndarray
) -> tuple[str, bool]:
    from tfjs_verify.comparison import compare_outputs
    from tfjs_verify.errors import TfjsVerifyError
    from tfjs_verify.runtimes.tfjs import TFJS
    from tfjs_verify.tolerance import default_tolerance

    (output,) = outputs
    tolerances = {output.name: default_tolerance(output.dtype)}
    worst, passes = 0.0, True
    try:
        with TFJS(artifact, backend=backend, timeout=600) as runtime:
            for case, wanted in zip(cases, expected, strict=True):
                given, reference = runtime.run(case), wanted[output.name]
                (compared,) = compare_outputs(outputs, wanted, given, tolerances)
                answer = given[output.name]
                rounded = answer.shape == reference.shape and (
                    _distance(answer, exact[: len(answer)])
                    <= _NOISE_FACTOR * _distance(reference, exact[: len(answer)])
                )
                passes &= compared.agrees or rounded
                worst = max(worst, _distance(answer, reference))
    except TfjsVerifyError as error:
        return error.message.splitlines()[0], False
    return f"{worst:.1e}" if passes else f"**{worst:.1e}**", passes


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other.astype(np.float64)).max() / np.abs(other).max())


def render(rows: Sequence[Row]) -> str:
    """The table; errors are max |Δ| / max |TensorFlow|."""
    from tests.corpus.measuring import BACKENDS

    lines = [
        "# keras.applications",
        "",
        f"{sum(row.passed for row in rows)} of {len(rows)} agree on {', '.join(BACKENDS)}."
        " Errors are max |Δ| / max |TensorFlow|, bold where they disagree; noise is how far"
        " TensorFlow itself is from float64, spread how far the probabilities of two images are"
        " apart.",
        "",
        f"| model | pixels | {' | '.join(BACKENDS)} | noise | spread | repairs (nodes) | seconds |",
        f"|{'---|' * (len(BACKENDS) + 6)}",
    ]
    for row in rows:
        errors = " | ".join(row.verdicts[backend] for backend in BACKENDS)
        repairs = ", ".join(f"{name} ({count})" for name, count in row.repairs) or "none"
        lines.append(
            f"| {row.name} | {SIZES[row.name]} | {errors} | {row.noise:.1e} | {row.spread:.2g}"
            f" | {repairs} | {row.seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measures one model after the other; the file is complete after each."""
    arguments = _arguments()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for name in arguments.names or SIZES:
        rows.append(measure(name))
        arguments.out.write_text(render(rows), encoding="utf-8")
        print(f"{name}: {rows[-1].verdicts} {rows[-1].seconds:.0f} s", flush=True)
    return 0 if all(row.passed for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.applications")
    parser.add_argument("names", nargs="*", choices=[[], *SIZES], metavar="NAME")
    parser.add_argument(
        "--out", type=Path, default=Path("build/applications.md"), metavar="FILE.md"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
