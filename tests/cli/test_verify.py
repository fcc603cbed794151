from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import DIGITS

SCHEMA = {
    "schema",
    "verdict",
    "environment",
    "seed",
    "models",
}
MODEL = {"name", "path", "verdict", "signature", "conversion", "backends", "mutation"}
CONVERSION = {"route", "format", "quantization", "seconds", "bytes", "repairs", "error"}
BACKEND = {
    "backend",
    "verdict",
    "cases",
    "stage",
    "message",
    "outputs",
    "findings",
    "minimal_case",
    "blame",
    "latency",
    "memory",
}
OUTPUT = {
    "name",
    "dtype",
    "max_abs_error",
    "max_rel_error",
    "max_ulp_error",
    "scaled_error",
    "noise_ratio",
    "cosine_similarity",
    "mismatched",
    "required_tolerance",
}
MUTATION = {"score", "counts", "backend", "seed", "cases", "mutants", "reason"}
MUTANT = {"operator", "what", "fate", "why", "cases", "effect"}
LATENCY = {"load_ms", "first_ms", "p50_ms", "p90_ms", "p99_ms", "reference_p50_ms"}


def test_the_report_is_all_that_stdout_gets_and_json_keeps_its_contract(run, models, tmp_path):
    answer = run("verify", models / "twins", "-b", "cpu", "-n", 3, "--json", tmp_path / "r.json")
    assert answer.status == 0
    assert "✓ pass" in answer.out
    assert [line.split()[:2] for line in answer.out.splitlines() if "first " in line][-1:]
    assert "WARNING" not in answer.out + answer.err
    assert all(line == line.rstrip() for line in answer.out.splitlines())
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["schema"] == "tfjs-verify/report/1"
    assert set(document) >= SCHEMA
    (model,) = document["models"]
    assert set(model) >= MODEL
    assert set(model["conversion"]) >= CONVERSION
    (backend,) = model["backends"]
    assert set(backend) >= BACKEND
    assert set(backend["outputs"][0]) >= OUTPUT
    assert set(backend["latency"]) >= LATENCY
    assert document["verdict"] == model["verdict"] == backend["verdict"] == "pass"
    assert {output["name"] for output in backend["outputs"]} == {"first", "second"}


def test_the_mutation_score_is_said_as_mutate_says_it(run, models, tmp_path):
    common = ("-b", "cpu", "-n", 8, "--json")
    words = ("--mutation-check", 6, *common, tmp_path / "verify.json")
    answer = run("verify", models / "plain", *words)
    assert answer.status == 0
    (said,) = [line for line in answer.out.splitlines() if "mutation score" in line]
    mutation = json.loads((tmp_path / "verify.json").read_text())["models"][0]["mutation"]
    assert set(mutation) == MUTATION
    assert set(mutation["mutants"][0]) == MUTANT
    assert f"{mutation['score']:.1%} on cpu" in said
    run("mutate", models / "plain", "--mutants", 6, *common, tmp_path / "mutate.json")
    alone = json.loads((tmp_path / "mutate.json").read_text())
    assert {key: alone[key] for key in MUTATION} == mutation


def test_a_working_directory_keeps_the_artifact_that_ran(run, models, tmp_path):
    answer = run("verify", models / "plain", "-b", "cpu", "-n", 1, "--work-dir", tmp_path / "w")
    assert answer.status == 0
    kept = tmp_path / "w" / "plain" / "artifact"
    document = json.loads((kept / "model.json").read_text())
    for group in document["weightsManifest"]:
        assert all((kept / path).is_file() for path in group["paths"])


def test_several_models_are_one_report(run, models, tmp_path):
    answer = run(
        "verify",
        models / "plain",
        models / "twins",
        "-b",
        "cpu",
        "-n",
        1,
        "--json",
        tmp_path / "r.json",
    )
    assert answer.status == 0
    names = [model["name"] for model in json.loads((tmp_path / "r.json").read_text())["models"]]
    assert names == ["plain", "twins"]


def test_real_data_alone(run):
    answer = run(
        "verify", DIGITS / "digits.keras", "--data", DIGITS / "cases", "-n", 0, "-b", "wasm"
    )
    assert answer.status == 0


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


GOOD = np.zeros((1, 6), np.float32)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["{tmp}/nowhere"], ["{tmp}/nowhere"]),
        (["{tmp}/empty"], ["{tmp}/empty", "SavedModel"]),
        (["{tmp}/cut.keras"], ["cut.keras"]),
        (["{tmp}/cut.h5"], ["cut.h5"]),
        (["{tmp}/note.txt"], ["note.txt"]),
        (["{models}/plain", "--signature", "nope"], ["nope", "serving_default"]),
        (["{models}/plain", "--data", "{tmp}/missing.npz"], ["missing.npz", "x", "float32[?, 6]"]),
        (
            ["{models}/plain", "--data", "{tmp}/misnamed.npz"],
            ["misnamed.npz", "xx", "did you mean"],
        ),
        (["{models}/plain", "--data", "{tmp}/shape.npz"], ["shape.npz", "[?, 6]", "(1, 5)"]),
        (["{models}/plain", "--data", "{tmp}/dtype.npz"], ["dtype.npz", "float32"]),
        (["{models}/plain", "--data", "{tmp}/absent.npz"], ["absent.npz"]),
        (["{models}/plain", "--data", "{tmp}/empty"], ["empty", ".npz"]),
        (["{models}/plain", "-b", "webgl"], ["webgl", "node"]),
        (["{models}/plain", "-n", "0"], ["--data"]),
        (["{models}/plain", "-n", "-3"], ["-3"]),
        (["{models}/plain", "-n", "many"], ["many"]),
        (["{models}/plain", "--input", "x"], ["NAME=SPEC"]),
        (["{models}/plain", "--input", "y=float 0..1"], ["y", "x"]),
        (["{models}/plain", "--input", "x=floaty"], ["floaty"]),
        (["{models}/plain", "--input", "x=values [1e999]"], ["inf", "finite"]),
        (["{models}/plain", "--input", "x=bool", "--input", "x=mask"], ["'x' twice"]),
        (["{models}/plain", "--timeout", "nan"], ["timeout"]),
        (["{models}/plain", "--quantization-budget", "1%"], ["budget", "--quantize"]),
        (["{models}/plain", "--scores", "scores=logit@nan"], ["logit@0.3"]),
        (["{models}/plain", "--artifact", "{tmp}/empty"], ["empty", "model.json"]),
        (["{models}/plain", "--json", "{tmp}/no/such/r.json"], ["r.json"]),
        (["{models}/plain", "--json", "{tmp}"], ["directory"]),
        (["{models}/plain", "--work-dir", "{tmp}/note.txt"], ["note.txt"]),
        (["{models}/plain", "--js-module", "{tmp}/none.mjs", "-b", "cpu"], ["none.mjs"]),
        (["{models}/plain", "--suite", "{tmp}/note.txt"], ["suite"]),
        ([], ["name the models"]),
    ],
)
def test_bad_input_is_one_clear_message(run, models, tmp_path, words, parts):
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("not a model")
    (tmp_path / "cut.keras").write_bytes((models / "plain.keras").read_bytes()[:900])
    (tmp_path / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(40))
    npz(tmp_path / "missing.npz")
    npz(tmp_path / "misnamed.npz", xx=GOOD)
    npz(tmp_path / "shape.npz", x=GOOD[:, :5])
    npz(tmp_path / "dtype.npz", x=np.array([[b"a"] * 6]))
    fill = {"tmp": tmp_path, "models": models}
    answer = run("verify", *(word.format(**fill) for word in words))
    assert answer.status == 2, answer
    assert "Traceback" not in answer.err
    assert answer.out == ""
    for part in parts:
        assert part.format(**fill) in answer.err


def test_a_model_that_a_backend_cannot_run_is_an_error_with_its_message(run, tmp_path):
    """What the stock converter makes of a folded batch normalisation; wasm has no such bias."""
    import tensorflow as tf

    class Fused(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32, name="image")])
        def __call__(self, image):
            kernel = tf.reshape(tf.linspace(-1.0, 1.0, 3 * 3 * 3 * 4), (3, 3, 3, 4))
            bias = tf.constant([[[[0.1, 0.2, 0.3, 0.4]]]])
            return {"y": tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME") + bias)}

    path = tmp_path / "fused"
    module = Fused()
    tf.saved_model.save(module, path, signatures=module.__call__)
    answer = run("verify", path, "--no-repair", "-n", 2, "--json", tmp_path / "r.json")
    assert answer.status == 1
    document = json.loads((tmp_path / "r.json").read_text())
    verdicts = {b["backend"]: b for b in document["models"][0]["backends"]}
    assert verdicts["node"]["verdict"] == verdicts["cpu"]["verdict"] == "pass"
    assert verdicts["wasm"]["verdict"] == "error"
    assert "FusedConv2D only supports rank-1 bias but got rank 4" in verdicts["wasm"]["message"]
    assert verdicts["wasm"]["message"] in answer.out


def test_no_node_process_outlives_a_killed_parent(models):
    command = [
        sys.executable,
        "-m",
        "tfjs_verify.cli.main",
        "verify",
        str(models / "plain"),
        "-n",
        "100000",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as parent:
        try:
            children = _wait_for(lambda: _node_children(parent.pid), count=3)
        finally:
            parent.kill()
    assert _survivors(children, seconds=5) == []


# A shell that starts a test run in the background has its children ignore the signal.
INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from tfjs_verify.cli.main import main
main()
"""


def test_an_interrupt_ends_the_run_in_order(models):
    words = ["verify", str(models / "plain"), "-n", "100000", "-b", "cpu"]
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as parent:
        try:
            children = _wait_for(lambda: _node_children(parent.pid), count=1)
            parent.send_signal(signal.SIGINT)
            _, err = parent.communicate(timeout=60)
        finally:
            parent.kill()
    assert parent.returncode == 130
    assert "Traceback" not in err
    assert _survivors(children, seconds=60) == []


def _survivors(processes: list[int], *, seconds: float) -> list[int]:
    """The processes that are still there after so long, or none as soon as all are gone."""
    deadline = time.monotonic() + seconds
    while any(_alive(pid) for pid in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [pid for pid in processes if _alive(pid)]


def _wait_for(look, *, count: int) -> list[int]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = look()
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError(f"fewer than {count} Node processes were started")


def _node_children(parent: int) -> list[int]:
    children = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _parent_of(entry) == parent:
            command = (entry / "cmdline").read_bytes()
            if b"main.js" in command:
                children.append(int(entry.name))
    return children


def _parent_of(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
