"""Measures keras.applications: python -m tests.corpus.applications [NAME...] [--out FILE.md]

Every model is built without trained weights, which alone would prove nothing: its softmax would be
nearly constant. So BatchNorm gets its own parameters and the statistics of random images, layer
scales become ones that matter, and the last layer's weights are stretched until images differ.
Each is converted and judged on every backend as `verify` does it, on pictures and on a few
generated cases; the Markdown file gets a row per model. The exit status is 1 unless all pass
everywhere.
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
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tests.corpus.judging import Judged

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
_CALIBRATION = 8
_EXAMPLES = 4
"""Generated cases, beside the pictures."""
_LOGIT_SPREAD = 0.25
_LEAST_VARIANCE = 0.1
"""Of a channel, as a share of the mean over its layer's channels."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One model: what was repaired, and what the backends made of it."""

    name: str
    spread: float
    """The largest difference between two pictures' probabilities."""
    judged: Judged | None = None
    refused: str = ""
    """Why it was not converted."""
    repairs: Sequence[tuple[str, int]] = ()
    seconds: float = 0.0

    @property
    def passes(self) -> bool:
        """Whether it is right on every backend."""
        return self.judged is not None and self.judged.passes


def build(name: str, size: int | None = None) -> Any:
    """A model of `keras.applications` whose output depends on its image, of `size` a side."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(len(name))
    size = size or SIZES[name]
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3))
    _vary(model, np.random.default_rng(len(name)))
    images = pictures(name, _CALIBRATION, size)
    _learn_statistics(model, images)
    _stretch(model, images)
    return model


def pictures(name: str, count: int, size: int, *, seed: int = 0) -> np.ndarray:
    """Random images, from coarse patches to noise, in the range of the model's own input."""
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


def cases(name: str, model: Any, *, seed: int) -> list[Any]:
    """One picture, and two at once."""
    from tfjs_verify.cases import Case

    (spec,) = model.signature.inputs
    images = pictures(name, 3, spec.shape[1], seed=seed + 1)
    origin = f"pictures of seed {seed}"
    return [
        Case("picture", {spec.name: images[:1]}, origin),
        Case("two pictures", {spec.name: images[1:]}, origin),
    ]


def measure(name: str) -> Row:
    """Converts one model and judges it on every backend."""
    from tests.corpus.judging import judge
    from tfjs_verify.conversion import convert
    from tfjs_verify.errors import TfjsVerifyError
    from tfjs_verify.model import open_model
    from tfjs_verify.runtimes import NodePool

    started = time.perf_counter()
    built = build(name)
    one, other = np.asarray(built(pictures(name, 2, SIZES[name], seed=1)))
    row = Row(name, float(np.abs(one - other).max()))
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_model(built, name=name) as model,
        NodePool() as nodes,
    ):
        try:
            artifact = convert(model, Path(scratch) / "out", timeout=900)
        except TfjsVerifyError as error:
            return dataclasses.replace(row, refused=error.message)
        judged = judge(
            model,
            artifact,
            nodes,
            examples=_EXAMPLES,
            data=lambda seed: cases(name, model, seed=seed),
            special_values="off",  # told, and nothing that this table shows
        )
    repairs = [(repair.name, len(repair.nodes)) for repair in artifact.repairs]
    seconds = time.perf_counter() - started
    return dataclasses.replace(row, judged=judged, repairs=repairs, seconds=seconds)


def render(rows: Sequence[Row]) -> str:
    """The table; noise and errors are relative to the largest number of the output."""
    from tfjs_verify.runtimes import BACKENDS

    errors = [f"{backend}: error" for backend in BACKENDS]
    ratios = [f"{backend}: ÷ noise" for backend in BACKENDS]
    lines = [
        "# keras.applications",
        "",
        f"{sum(row.passes for row in rows)} of {len(rows)} pass on {', '.join(BACKENDS)}. Noise is"
        " the model's own rounding noise, measured on eight cases in the oracle's seconds; error is"
        " the largest of a backend, both relative to the largest number of the output; ÷ noise is"
        " the largest error by the noise of its element, bold where that was too much; spread is"
        " how far the probabilities of two pictures are apart.",
        "",
        f"| model | pixels | spread | noise | oracle | {' | '.join([*errors, *ratios])} "
        "| repairs (nodes) |",
        f"|{'---|' * (2 * len(BACKENDS) + 6)}",
    ]
    for row in rows:
        head = f"| {row.name} | {SIZES[row.name]} | {row.spread:.2g} |"
        if row.judged is None:
            lines.append(f"{head} {row.refused} |" + " |" * (2 * len(BACKENDS) + 2))
            continue
        answers = [row.judged.answers[backend] for backend in BACKENDS]
        cells = [f"{row.judged.noise:.1e}", f"{row.judged.oracle_seconds:.0f} s"]
        cells += [each.failure or f"{each.scaled_error:.1e}" for each in answers]
        cells += [
            f"{each.noise_ratio:.2f}" if each.passes else f"**{each.noise_ratio:.2f}**"
            for each in answers
        ]
        repairs = ", ".join(f"{name} ({count})" for name, count in row.repairs) or "none"
        lines.append(f"{head} {' | '.join([*cells, repairs])} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measures one model after the other; the file is complete after each."""
    arguments = _arguments()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for name in arguments.names or SIZES:
        rows.append(measure(name))
        arguments.out.write_text(render(rows), encoding="utf-8")
        verdict = "pass" if rows[-1].passes else "FAIL"
        print(f"{name}: {verdict}, {rows[-1].seconds:.0f} s", flush=True)
    return 0 if all(row.passes for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.applications")
    parser.add_argument("names", nargs="*", choices=[[], *SIZES], metavar="NAME")
    parser.add_argument(
        "--out", type=Path, default=Path("build/applications.md"), metavar="FILE.md"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
