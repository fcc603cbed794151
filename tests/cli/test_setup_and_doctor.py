"""`setup` and `doctor`, called as a user calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfjs_verify.bridge.installation import (
    choose_linkage,
    chosen_linkage,
    find_tensorflow,
    provision,
)


@pytest.fixture(scope="module", autouse=True)
def provisioned() -> None:
    provision()


@pytest.fixture
def linked_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of our own that has what the user's has."""
    cache = tmp_path / "tfjs-verify"
    cache.mkdir()
    for backend in ("node", "wasm"):
        modules = provision(backends=[backend], tfjs_node="linked").modules
        (cache / modules.name).symlink_to(modules)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache


def test_setup_says_what_is_ready_and_only_that_on_stdout(run: Callable[..., Any]) -> None:
    answer = run("setup", "-b", "wasm")
    assert answer.status == 0
    assert answer.out.startswith("Ready: wasm on Node ")
    assert len(answer.out.splitlines()) == 1


@pytest.mark.usefixtures("linked_cache")
def test_later_runs_use_the_addon_that_was_chosen(run: Callable[..., Any]) -> None:
    assert chosen_linkage() == "linked"
    choose_linkage("stock")
    assert chosen_linkage() == "stock"
    assert run("setup", "--tfjs-node", "linked").status == 0
    assert chosen_linkage() == "linked"


@pytest.mark.usefixtures("linked_cache")
def test_a_choice_that_failed_is_not_remembered(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFJS_VERIFY_NODE", "/no/such/node")
    answer = run("setup", "-b", "node", "--tfjs-node", "stock")
    assert answer.status == 3
    assert answer.err.startswith("error: Node cannot be started as /no/such/node")
    assert "Traceback" not in answer.err
    assert chosen_linkage() == "linked"


def test_doctor_of_a_healthy_machine(run: Callable[..., Any], tmp_path: Path) -> None:
    answer = run("doctor", "--json", "doctor.json")
    assert answer.status == 0, answer.out
    diagnosis = json.loads((tmp_path / "doctor.json").read_text("utf-8"))
    assert diagnosis["healthy"]
    facts = {fact["name"]: fact["value"] for fact in diagnosis["facts"]}
    version = find_tensorflow().version
    assert facts["tfjs-node addon"] == f"linked, runs TensorFlow {version}"
    assert facts["tensorflow"] == f"{version}, {find_tensorflow().directory}"
    assert facts["wasm simd"] == "yes"
    assert facts["converter"] == "its dependencies fit together"
    for name, value in facts.items():
        assert f"{name} " in answer.out
        assert value in answer.out


def test_doctor_of_a_machine_without_node(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFJS_VERIFY_NODE", "/no/such/node")
    answer = run("doctor")
    assert answer.status == 3
    assert "✗  node " in answer.out
    assert "unset it to use the Node of the nodejs-bin package" in answer.out


def test_doctor_of_a_machine_without_a_compiler(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert run("doctor").status == 0  # the addon was compiled long ago
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    answer = run("doctor")
    assert answer.status == 3
    assert "-b wasm -b cpu" in answer.out
    assert "not provisioned" in answer.out
    assert not (tmp_path / "empty").exists(), "doctor changes nothing"


def test_doctor_finds_an_addon_that_does_not_load(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    modules = provision(backends=["node"], tfjs_node="linked").modules
    broken = tmp_path / "tfjs-verify" / modules.name / "node_modules/@tensorflow/tfjs-node/lib"
    (broken / "napi-v8").mkdir(parents=True)
    (broken / "napi-v8" / "tfjs_binding.node").write_bytes(b"\x7fELF and no more")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    answer = run("doctor")
    assert answer.status == 3
    assert "it does not load: Error: " in answer.out
    assert "tfjs-verify setup --tfjs-node linked" in answer.out
