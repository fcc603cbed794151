"""Measures false alarms: python -m tests.corpus.false_alarms [--models GLOB...] [--seeds N] ...

Every model of the corpus (`layer:`, `op:` and `app:`) is converted once and judged with every seed
as `verify` judges it: its noise, its cases, second hearings, all backends. A disagreement that
counts is an alarm, and a false one unless the model is known to be wrong there. Results go to a
`.jsonl` file, a line per model, which the next run continues; a summary is printed. The exit status
is 1 where there was an alarm.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import fnmatch
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

_EXAMPLES = {"layer": 100, "op": 100, "app": 2}
"""An application has pictures as well, and takes seconds for one of them on the cpu backend."""

_TIMEOUT_S = {"layer": 10.0, "op": 10.0, "app": 600.0}

_SIDE = 64
_SIDES = {"InceptionV3": 80, "Xception": 72, "VGG16": 48}
"""Pixels a side of an application's pictures. Two take no less; VGG16 has most to do per pixel."""

_MODELS_PER_PROCESS = {"layer": 40, "op": 40, "app": 1}
"""TensorFlow keeps every graph that it ever had: of applications, gigabytes."""


def measure(name: str, *, seeds: Sequence[int], examples: int, timeout: float) -> dict[str, Any]:
    """Convert one model of the corpus and judge it; a line of the file of results."""
    from tests.corpus.judging import judge
    from tfjs_verify.conversion import convert
    from tfjs_verify.errors import ConversionError

    started = time.perf_counter()
    worker, nodes = _processes()
    line: dict[str, Any] = {"name": name, "refused": ""}
    with (
        tempfile.TemporaryDirectory(prefix="alarms-") as scratch,
        _opened(name, Path(scratch)) as (model, domains, data),
    ):
        try:
            artifact = convert(model, Path(scratch) / "artifact", worker=worker)
        except ConversionError as error:
            line["refused"] = " ".join(error.message.split())[:200]
        else:
            judged = judge(
                model,
                artifact,
                nodes,
                seeds=seeds,
                examples=examples,
                domains=domains,
                data=data,
                # They cannot alarm, and are a third of the work that an application makes.
                special_values="off" if name.startswith("app:") else "report",
                timeout=timeout,
            )
            line |= dataclasses.asdict(judged)
    return line | {"seconds": round(time.perf_counter() - started, 1)}


@cache
def _processes() -> tuple[Any, Any]:
    """What a process of this measurement starts once."""
    from tfjs_verify.conversion import ConversionWorker
    from tfjs_verify.runtimes import NodePool

    stack = contextlib.ExitStack()
    Finalize(None, stack.close, exitpriority=10)
    return stack.enter_context(ConversionWorker()), stack.enter_context(NodePool())


@contextlib.contextmanager
def _opened(
    name: str, scratch: Path
) -> Iterator[tuple[Any, Mapping[str, Any], Callable[[int], Sequence[Any]]]]:
    """A model of the corpus, the domains of its inputs, and the real cases of a seed."""
    from tests.corpus import applications
    from tests.corpus.layer_models import LayerModel
    from tests.corpus.measuring import entries
    from tfjs_verify.cases import parse_domain
    from tfjs_verify.model import open_model

    kind, _, short = name.partition(":")
    if kind == "app":
        built = applications.build(short, _SIDES.get(short, _SIDE))
        with open_model(built, name=short) as model:
            yield model, {}, lambda seed: applications.cases(short, model, seed=seed)
        return
    entry = entries()[name]
    source: Any = entry.build() if isinstance(entry, LayerModel) else entry.save(scratch / "saved")
    with open_model(source, name=short) as model:
        taken = {spec.name for spec in model.signature.inputs}
        domains = {n: parse_domain(text) for n, text in entry.domains.items() if n in taken}
        yield model, domains, lambda seed: ()


def summary(lines: Sequence[Mapping[str, Any]]) -> str:
    """How much was answered, and every alarm."""
    converted = [line for line in lines if not line["refused"]]
    answered = sum(each["cases"] for line in converted for each in line["answers"].values())
    told = [f"{len(lines)} models, {len(lines) - len(converted)} not converted; {answered} answers"]
    told += [f"{line['name']}: random, so no verdict" for line in converted if line["unsettled"]]
    told += [
        f"{line['name']} on {backend}: {each['failure']}"
        for line in converted
        for backend, each in line["answers"].items()
        if each["failure"]
    ]
    alarmed = set()
    for line in converted:
        for backend, each in line["answers"].items():
            for seed, text in list(each["alarms"].items())[:1]:
                alarmed.add(line["name"])
                told.append(
                    f"{line['name']} on {backend}, {len(each['alarms'])} seeds, as {seed}: {text}"
                )
    return "\n".join([*told, f"{len(alarmed)} models with alarms"])


def main() -> int:
    """Measures what the arguments ask for."""
    from tests.corpus.applications import SIZES
    from tests.corpus.measuring import entries

    options = _options()
    names = [*entries(), *(f"app:{name}" for name in SIZES)]
    wanted = [n for n in names if any(fnmatch.fnmatch(n, glob) for glob in options.models)]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.touch()
    lines = map(json.loads, options.out.read_text(encoding="utf-8").splitlines())
    done = {line["name"]: line for line in lines}
    asked = partial(_measure, seeds=range(options.first, options.first + options.seeds))
    with options.out.open("a", encoding="utf-8") as file:
        for kind, limit in _MODELS_PER_PROCESS.items():
            named = [n for n in wanted if n not in done and n.startswith(f"{kind}:")]
            examples = options.examples or _EXAMPLES[kind]
            tasks = [(name, examples, options.timeout or _TIMEOUT_S[kind]) for name in named]
            with get_context("spawn").Pool(options.jobs, maxtasksperchild=limit) as pool:
                for line in pool.imap_unordered(asked, tasks):
                    done[line["name"]] = line
                    file.write(json.dumps(line) + "\n")
                    file.flush()
                    print(f"{len(done):4d} {summary([line])} {line['seconds']} s", flush=True)
    lines_wanted = [done[name] for name in wanted]
    print(summary(lines_wanted))
    alarms = [a for n in lines_wanted for a in n.get("answers", {}).values() if a["alarms"]]
    return 1 if alarms else 0


def _measure(task: tuple[str, int, float], *, seeds: Sequence[int]) -> dict[str, Any]:
    name, examples, timeout = task
    return measure(name, seeds=seeds, examples=examples, timeout=timeout)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.false_alarms")
    add = parser.add_argument
    add("--models", nargs="+", default=["*"], metavar="GLOB", help="as op:matmul, layer:*, app:*")
    add("--seeds", type=int, default=20, metavar="N", help="how many (20)")
    add("--first", type=int, default=0, metavar="SEED", help="the first of them (0)")
    add("--examples", type=int, metavar="N", help="cases per seed (100; applications 2)")
    add("--timeout", type=float, metavar="S", help="for one case (10; applications 600)")
    add("--out", type=Path, default=Path("build/false_alarms.jsonl"), metavar="FILE.jsonl")
    add("--jobs", type=int, default=2, metavar="N", help="processes (2)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
