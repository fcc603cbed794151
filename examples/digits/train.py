"""Train the digits example, and write what the repository carries of it: model and test images.

    python examples/digits/train.py [--directory DIRECTORY]

Wants scikit-learn beside tfjs-verify's own dependencies: the 1,797 handwritten digits (8×8 pixels)
come with it, so nothing is downloaded. The same versions on the same machine give the same weights.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

INPUT = "image"
"""Name of the model's input in its signature, hence the key in the case files."""

TRAINED_ON = 1437
CASES = 60
SEED = 7


@dataclass(frozen=True)
class Digits:
    """Images float32[n, 8, 8, 1] in 0..1, and which digit each shows, int64[n]."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, part: slice) -> Digits:
        return Digits(self.images[part], self.labels[part])


def load_digits() -> Digits:
    """All images, shuffled: in the order of collection the last ones are by other hands."""
    from sklearn.datasets import load_digits as load

    pixels, labels = load(return_X_y=True)
    brightest = 16
    images = (pixels.reshape(-1, 8, 8, 1) / brightest).astype(np.float32)
    order = np.random.default_rng(SEED).permutation(len(labels))
    return Digits(images[order], labels[order])


def build() -> Any:
    """A small separable CNN: what MobileNet is made of, in 12,000 weights.

    Every convolution is followed by BatchNorm and ReLU, which TensorFlow's converter folds and
    fuses: the steps in which a converted model most often parts from its original.
    """
    from keras import Input, Model, layers

    def normalised(x: Any, convolution: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization()(convolution(x)))

    image = Input((8, 8, 1), name=INPUT)
    x = normalised(image, layers.Conv2D(16, 3, padding="same", use_bias=False))
    x = normalised(x, layers.DepthwiseConv2D(3, padding="same", use_bias=False))
    x = normalised(x, layers.Conv2D(32, 1, use_bias=False))
    x = layers.MaxPooling2D()(x)
    x = normalised(x, layers.Conv2D(32, 3, padding="same", use_bias=False))
    x = layers.AveragePooling2D(2)(x)
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    return Model(image, layers.Dense(10, activation="softmax", name="digit")(x), name="digits")


def train(digits: Digits) -> Any:
    """A model fitted to these images; half a minute on two cores."""
    import keras
    import tensorflow as tf
    from keras import layers

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    model = build()
    # Slanted and shifted copies stand in for more writers; what distorts them is not saved.
    distorted = [layers.RandomRotation(0.04), layers.RandomTranslation(0.1, 0.1)]
    trainer = keras.Sequential([*distorted, model])
    epochs, batch = 60, 32
    decay = keras.optimizers.schedules.CosineDecay(3e-3, epochs * -(-len(digits) // batch))
    trainer.compile(keras.optimizers.Adam(decay), "sparse_categorical_crossentropy")
    trainer.fit(digits.images, digits.labels, batch_size=batch, epochs=epochs, verbose=2)
    return model


def accuracy(model: Any, digits: Digits) -> float:
    """The share of the images in which the model reads the digit that is there."""
    read = model.predict(digits.images, verbose=0).argmax(axis=-1)
    return float((read == digits.labels).mean())


def write_cases(digits: Digits, directory: Path) -> None:
    """One `.npz` per image, a batch of one under the input's name; the file name says the digit."""
    directory.mkdir(exist_ok=True)
    for stale in directory.glob("*.npz"):
        stale.unlink()
    for index, label in enumerate(digits.labels):
        image = digits.images[index : index + 1]
        np.savez(directory / f"{index:02d}-shows-{label}.npz", **{INPUT: image})


def main() -> None:
    """Train on the first 1,437 images, report on the other 360, write model and cases."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--directory", type=Path, default=Path(__file__).parent)
    directory: Path = parser.parse_args().directory

    digits = load_digits()
    held_out = digits[TRAINED_ON:]
    model = train(digits[:TRAINED_ON])
    print(f"accuracy on {len(held_out)} held-out images: {accuracy(model, held_out):.2%}")

    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "digits.keras"
    model.save(path)
    write_cases(held_out[:CASES], directory / "cases")
    print(f"wrote {path} ({path.stat().st_size:,} bytes) and {CASES} cases")


if __name__ == "__main__":
    main()
