"""Options whose text says more than one thing: NAME=SPEC, NAME=KIND."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfjs_verify.cases import Domain, parse_domain
from tfjs_verify.errors import RequestError
from tfjs_verify.measurements.quantization import UNLIMITED, Budget, parse_budget
from tfjs_verify.measurements.readings import Reading, parse_reading
from tfjs_verify.model import load_custom_objects


def parsed(words: Mapping[str, Any]) -> dict[str, Any]:
    """The words of a command with these options in the form that a request takes."""
    return {
        **words,
        **(opening(words) if "tags" in words else {}),
        "inputs": domains(words["inputs"]),
        "scores": scores(words["scores"]),
        "quantization_budget": budget(words["quantization_budget"]),
    }


def opening(words: Mapping[str, Any]) -> dict[str, Any]:
    """How to read the model, from `--tags` and `--custom-objects`."""
    tags, file = words["tags"], words["custom_objects"]
    return {
        "tags": None if tags is None else tuple(tag for tag in tags.split(",") if tag),
        "custom_objects": None if file is None else load_custom_objects(file),
    }


def domains(texts: Sequence[str]) -> dict[str, Domain]:
    """Domains of generated values by input name, from `--input NAME=SPEC`."""
    found = {}
    for text in texts:
        name, equals, spec = text.partition("=")
        if not equals:
            raise RequestError(f"--input wants NAME=SPEC, e.g. 'image=float 0..1', not {text!r}")
        if name in found:
            raise RequestError(f"--input names {name!r} twice; which domain is meant?")
        found[name] = parse_domain(spec)
    return found


def scores(texts: Sequence[str]) -> dict[str, Reading]:
    """What somebody decides by, from `--scores NAME[=KIND[@THRESHOLD]]`."""
    named = (text.partition("=") for text in texts)
    return {name: parse_reading(kind or "classes") for name, _, kind in named}


def budget(text: str | None) -> Budget:
    """What quantisation may cost, from `--quantization-budget`."""
    return UNLIMITED if text is None else parse_budget(text)


def names(models: Sequence[str]) -> list[str | None]:
    """A name for each model of one run: its own, unless an earlier one has it already."""
    stems = [Path(model).stem for model in models]
    return [
        None if stems.index(stem) == place else f"{stem}-{stems[: place + 1].count(stem)}"
        for place, stem in enumerate(stems)
    ]
