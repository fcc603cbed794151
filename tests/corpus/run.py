"""Measures the corpus: python -m tests.corpus.run [--layers] [--ops] [--filter X] [--out FILE.md]

Every model goes through the stock converter and through ours, Keras models also into the layers
format; every artifact runs on every backend on dense random inputs (batches 1, 3 and 2) and is
compared with TensorFlow. The Markdown file gets a table, beside it a `.jsonl` file holds the
results, which `--resume` continues. The exit status is 1 if anything of ours converts and is wrong.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


def main() -> int:
    """Runs what the arguments ask for."""
    from tests.corpus.measuring import Result, entries
    from tests.corpus.table import render, silently_wrong

    arguments = _arguments()
    order = [name for name in entries() if _wanted(name, arguments)]
    if not order:
        print("nothing in the corpus fits", file=sys.stderr)
        return 2
    state = arguments.out.with_suffix(".jsonl")
    done: dict[str, Result] = {}
    if arguments.resume and state.exists():
        for line in state.read_text(encoding="utf-8").splitlines():
            result = Result.from_json(json.loads(line))
            done[result.name] = result
    else:
        state.unlink(missing_ok=True)
    state.parent.mkdir(parents=True, exist_ok=True)
    _measure([name for name in order if name not in done], arguments.jobs, state, done)
    results = [done[name] for name in order if name in done]
    arguments.out.write_text(render(results), encoding="utf-8")
    wrong = silently_wrong(results, "ours") + silently_wrong(results, "layers")
    print(f"{len(results)} of {len(order)} models → {arguments.out}; wrong by ours: {len(wrong)}")
    return 1 if wrong or len(results) < len(order) else 0


def _measure(names: Sequence[str], jobs: int, state: Path, done: dict[str, object]) -> None:
    """Writes each result as it comes; a model that takes its process down is left out."""
    from tests.corpus.measuring import Result

    remaining = list(names)
    while remaining:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=context, initializer=_start) as pool:
            futures = {pool.submit(_one, name): name for name in remaining}
            for future in as_completed(futures):
                name = futures[future]
                try:
                    content = future.result()
                except BrokenProcessPool:
                    break
                except Exception as error:  # noqa: BLE001 - one broken entry must not end the run
                    print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
                    remaining.remove(name)
                    continue
                remaining.remove(name)
                done[name] = Result.from_json(content)
                with state.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(content) + "\n")
                print(f"{len(done):4d} {name} {content['seconds']} s", flush=True)
            else:
                return
        print(f"a process died; left out: {remaining[0]}", file=sys.stderr)
        remaining.pop(0)


def _start() -> None:
    """A bench per process, closed when the process ends."""
    import atexit

    from tests.corpus.measuring import Bench

    bench = Bench()
    atexit.register(bench.close)
    multiprocessing.current_process()._bench = bench  # type: ignore[attr-defined]


def _one(name: str) -> dict[str, object]:
    from tests.corpus.measuring import entries

    bench = multiprocessing.current_process()._bench  # type: ignore[attr-defined]
    return bench.measure(name, entries()[name]).as_json()


def _wanted(name: str, arguments: argparse.Namespace) -> bool:
    kind = name.partition(":")[0]
    both = not arguments.layers and not arguments.ops
    chosen = both or (arguments.layers if kind == "layer" else arguments.ops)
    return bool(chosen and arguments.filter in name)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.run", description=__doc__)
    parser.add_argument("--layers", action="store_true", help="layer models only")
    parser.add_argument("--ops", action="store_true", help="op graphs only")
    parser.add_argument("--filter", default="", metavar="X", help="names that contain X only")
    parser.add_argument("--out", type=Path, default=Path("build/corpus.md"), metavar="FILE.md")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (2)")
    parser.add_argument("--resume", action="store_true", help="continue an earlier run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
