"""From whatever the user has to a `Model`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tfjs_verify.model.model import Model
from tfjs_verify.model.saved_model import read_signatures
from tfjs_verify.model.sources import source_of


@contextmanager
def open_model(
    source: object,
    *,
    signature: str | None = None,
    tags: Sequence[str] | None = None,
    name: str | None = None,
) -> Iterator[Model]:
    """Gives the model that `source` names, for as long as the context lasts.

    `source` is the path of a SavedModel directory, of a `.keras` or `.h5` file, or a Keras model in
    memory. What is not a SavedModel becomes one in a temporary directory, which goes with the
    context; nothing is ever written beside the user's files.

    `signature` defaults to "serving_default", or to the only one there is; `tags` to "serve", or to
    the only tag set. Raises ModelError for everything that keeps the model from being read, listing
    what exists where a name is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="tfjs-verify-model-") as scratch:
        opened = source_of(source)
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
