"""Trains the model on a signal that is periodic: the hours of daylight over the year."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from layers import Snake

DEGREES_NORTH = 52.5


def daylight(day: np.ndarray) -> np.ndarray:
    """Hours of daylight in Berlin on a day of the year."""
    tilt = np.radians(-23.44) * np.cos(2 * np.pi * (day + 10) / 365.25)
    return 24 / np.pi * np.arccos(-np.tan(np.radians(DEGREES_NORTH)) * np.tan(tilt))


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    day = np.arange(0, 2 * 365, dtype=np.float32)[:, None]
    model = keras.Sequential(
        [
            keras.Input((1,), name="day"),
            keras.layers.Rescaling(1 / 58.13),  # the year as 2π
            keras.layers.Dense(16),
            Snake(),
            keras.layers.Dense(16),
            Snake(),
            keras.layers.Dense(1, name="hours"),
        ],
        name="daylight",
    )
    model.compile("adam", "mse")
    model.optimizer.learning_rate = 3e-3
    model.fit(day, daylight(day), epochs=400, batch_size=146, verbose=0)
    error = np.abs(model.predict(day, verbose=0) - daylight(day)).max()
    print(f"off by at most {error * 60:.0f} minutes")
    model.save(Path(__file__).parent / "daylight.keras", include_optimizer=False)
