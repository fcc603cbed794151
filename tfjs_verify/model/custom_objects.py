"""A Python file with the layers that a Keras file uses and does not hold."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from typing import Any

from tfjs_verify.errors import RequestError


def load_custom_objects(file: Path) -> dict[str, Any]:
    """Runs the file, and gives the classes and functions that it defines, by name.

    What it registers with Keras itself (`@keras.saving.register_keras_serializable()`) needs no
    name here. Raises RequestError where it cannot be run or defines nothing.
    """
    name = f"tfjs_verify_custom_objects_{abs(hash(file.resolve()))}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise RequestError(f"{file} is no Python file; expected one that defines the layers.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where pickling and inspect look for the classes
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the user's code, which may raise anything
        del sys.modules[name]
        raise RequestError(f"{file} cannot be run: {type(error).__name__}: {error}") from error
    found = {
        key: value
        for key, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == name
    }
    if not found:
        raise RequestError(f"{file} defines no class and no function.")
    return found
