"""Options that several commands share; the words are part of the public contract."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

_PATH = click.Path(path_type=Path)
BACKEND_NAMES = ("node", "wasm", "cpu")


def _seed(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """A whole number, or "random" for one that is drawn now."""
    if value == "random":
        return secrets.randbelow(2**31)
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a whole number nor 'random'") from None


def _together(*decorators: Callable[[Any], Any]) -> Callable[[Function], Function]:
    def apply(function: Function) -> Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


backends = click.option(
    "-b",
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(BACKEND_NAMES),
    default=BACKEND_NAMES,
    show_default=True,
    help="A TensorFlow.js backend; repeatable.",
)

drawing = _together(
    click.option(
        "-n",
        "--examples",
        type=int,
        default=100,
        show_default=True,
        metavar="N",
        help="How many cases to generate; 0 runs --data alone.",
    ),
    click.option(
        "--seed",
        callback=_seed,
        default="0",
        show_default=True,
        metavar="N|random",
        help="Same model, seed and options: the same cases. The report says what random drew.",
    ),
    click.option(
        "--data",
        multiple=True,
        type=_PATH,
        metavar="PATH",
        help="Real inputs: an .npz keyed by input name, or a directory of them; repeatable.",
    ),
    click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="NAME=SPEC",
        help="What an input's generated values may be, e.g. 'image=float 0..1'; repeatable.",
    ),
)

cases = _together(
    drawing,
    click.option(
        "--special-values",
        type=click.Choice(("report", "strict", "off")),
        default="report",
        show_default=True,
        help="NaN, infinities, subnormals, signed zeros: report what they do, fail on it, or skip.",
    ),
    click.option(
        "--require-power",
        is_flag=True,
        help="Fail where an output never changes, so that its parity proves nothing.",
    ),
    click.option(
        "--remember/--no-memory",
        default=True,
        show_default=True,
        help="Try first what failed in an earlier run.",
    ),
    click.option(
        "--mutation-check",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Plant N faults in an artifact that is in parity, and say how many would have been "
        "noticed; the verdict stays.",
    ),
    click.option(
        "--scores",
        multiple=True,
        metavar="NAME[=KIND[@T]]",
        help="An output that somebody decides by: classes (along the last axis), probability, "
        "logit, label (a decision itself); or, of a detector, boxes or centre_boxes, box_scores, "
        "box_classes, box_count; T is the score that counts as yes, as in p=probability@0.3. A "
        "last softmax, sigmoid or argmax and most detectors are recognised. Repeatable.",
    ),
    click.option(
        "--shrink-seconds",
        type=float,
        default=20.0,
        show_default=True,
        metavar="S",
        help="How long to make one failing case smaller.",
    ),
)

conversion = _together(
    click.option(
        "--format",
        type=click.Choice(("graph", "layers")),
        default="graph",
        show_default=True,
        help="The kind of TensorFlow.js model.",
    ),
    click.option(
        "--quantize",
        type=click.Choice(("float16", "uint8", "uint16")),
        help="Store the weights in fewer bytes.",
    ),
    click.option(
        "--no-repair",
        "repair",
        is_flag=True,
        default=True,
        flag_value=False,
        help="What the stock converter gives, unrepaired.",
    ),
    click.option("--signature", metavar="NAME", help="Which signature of the model."),
)

artifact = click.option(
    "--artifact", type=_PATH, metavar="DIR", help="Use this TensorFlow.js model as it is."
)

errors = _together(
    click.option("--atol", type=float, metavar="X", help="Allowed absolute error."),
    click.option("--rtol", type=float, metavar="X", help="Allowed relative error."),
)

tolerances = _together(
    click.option(
        "--quantization-budget",
        metavar="X|X%",
        help="What quantisation may cost: a part of the scale (0.01), or of the decisions (1%).",
    ),
    errors,
)

js_modules = click.option(
    "--js-module",
    "js_modules",
    multiple=True,
    type=_PATH,
    metavar="FILE",
    help="A module that exports register(tf): custom ops and layers; repeatable.",
)

timeout = click.option(
    "--timeout",
    type=float,
    default=120.0,
    show_default=True,
    metavar="S",
    help="Seconds that a single call may take.",
)

work_dir = click.option(
    "--work-dir",
    type=_PATH,
    metavar="DIR",
    help="Keep per model the artifact that ran and the failing cases here.",
)

running = _together(artifact, tolerances, js_modules, timeout, work_dir)

opening = _together(
    click.option(
        "--tags", metavar="TAG,TAG", help="Which graph of a SavedModel, by all of its tags."
    ),
    click.option(
        "--output",
        "outputs",
        multiple=True,
        metavar="NODE",
        help="A node that is an output of a frozen graph; repeatable.",
    ),
    click.option(
        "--custom-objects",
        type=_PATH,
        metavar="FILE.py",
        help="Python code that defines the layers which a Keras file uses and does not hold.",
    ),
)

reports = _together(
    click.option(
        "--json", "json_file", type=_PATH, metavar="FILE", help="Write the report as JSON."
    ),
)
