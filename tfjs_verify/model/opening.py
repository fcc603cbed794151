"""From whatever the user has to a `Model`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfjs_verify.model.model import Model
from tfjs_verify.model.saved_model import read_signatures
from tfjs_verify.model.sources import source_of


@contextmanager
def open_model(
    source: object,
    *,
    signature: str | None = None,
    tags: Sequence[str] | None = None,
    outputs: Sequence[str] = (),
    custom_objects: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> Iterator[Model]:
    """Gives the model that `source` names, for as long as the context lasts.

    `source` is the path of a SavedModel directory (of TensorFlow 1 or 2), of a module of TensorFlow
    Hub in either of its formats, of a `.keras` or `.h5` file (of Keras 3 or 2), of a frozen `.pb`
    graph; the address of a TensorFlow Hub module; or in memory a Keras model, a `tf.function`, a
    `tf.Module`, or a `Model` that is open already. What is not a SavedModel becomes one in a
    temporary directory, which goes with the context; nothing is ever written beside the user's
    files.

    `signature` defaults to "serving_default", or to the only one there is; `tags` to "serve", or to
    the only tag set. `outputs` names the nodes that are a frozen graph's outputs; the only one that
    nothing consumes is the default. `custom_objects` are the classes and functions that a Keras
    file uses and does not hold, by name. Raises ModelError for everything that keeps the model from
    being read, listing what exists where a name is wrong; EnvironmentProblem where a module cannot
    be downloaded.
    """
    if isinstance(source, Model):
        signature = signature or source.signature_key
        tags = source.tags if tags is None else tags
    with tempfile.TemporaryDirectory(prefix="tfjs-verify-model-") as scratch:
        opened = source_of(source, outputs=outputs, custom_objects=custom_objects)
        directory = opened.save(Path(scratch) / "saved_model")
        described = read_signatures(directory, tags=tags, shown=opened.path)
        key, chosen = described.choose(signature)
        yield Model(
            name=_sanitised(name or opened.name),
            path=opened.path,
            saved_model=directory,
            signature_key=key,
            tags=described.tags,
            signature=chosen,
            keras_model=opened.keras_model,
        )


def _sanitised(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"
