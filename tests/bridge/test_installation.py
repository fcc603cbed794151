"""Provisioning with the real npm, the real compiler and real processes that get killed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tfjs_verify.bridge.installation import find_node, find_tensorflow, node_sources, provision
from tfjs_verify.bridge.installation.addon import addon_path
from tfjs_verify.errors import EnvironmentProblem, ProvisioningError, RequestError

NOWHERE = "127.0.0.1:9"  # the discard port: a connection is refused at once
SCRIPT = """
from tfjs_verify.bridge.installation import provision
print(provision(progress=lambda line: print(line, flush=True)).modules)
"""


def start(cache: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT], env=env, stdout=subprocess.PIPE, text=True
    )


def processes_within(directory: Path) -> list[str]:
    """The command lines of all processes that work in or under the directory (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(directory):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended while we looked
    return found


def until(condition: object, seconds: float = 60.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@dataclass(frozen=True)
class Story:
    """A provisioning is killed in the middle of npm, then three processes start at once."""

    after_kill: list[str]
    survivors: list[str]
    tellings: list[list[str]]
    cache: Path


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    home = tmp_path_factory.mktemp("cache")
    cache = home / "tfjs-verify"
    victim = start(home)
    until(lambda: any(cache.glob(".building-*/node_modules/*")))
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    after_kill = [path.name for path in cache.iterdir()]
    until(lambda: not processes_within(cache))
    survivors = processes_within(cache)
    racers = [start(home) for _ in range(3)]
    tellings = [racer.communicate()[0].splitlines() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    return Story(after_kill, survivors, tellings, cache)


@pytest.fixture
def packages_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache that has the npm packages and nothing that was compiled."""
    packages = provision(backends=["wasm"]).modules
    cache = tmp_path / "tfjs-verify"
    cache.mkdir()
    (cache / packages.name).symlink_to(packages)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield cache
    assert not list(cache.glob(".building-*")), "nothing half-made stays"


def test_a_kill_leaves_nothing_that_looks_whole(story: Story) -> None:
    assert not [name for name in story.after_kill if name.startswith("packages-")]
    assert [name for name in story.after_kill if name.startswith(".building-")]


def test_npm_does_not_outlive_a_killed_parent(story: Story) -> None:
    assert story.survivors == []


def test_the_next_start_removes_what_a_kill_left(story: Story) -> None:
    names = sorted(path.name for path in story.cache.iterdir())
    assert len(names) == 3
    assert names[0].startswith("packages-")
    assert "-linked-" in names[1]
    assert names[2] == "provisioning.lock"


def test_of_several_processes_one_builds_and_all_get_it(story: Story) -> None:
    lines = [line for telling in story.tellings for line in telling]
    assert sum(line.startswith("Installing") for line in lines) == 1
    assert sum(line.startswith("Compiling") for line in lines) == 1
    assert any(line.startswith("Waiting for another process") for line in lines)
    assert len({telling[-1] for telling in story.tellings}) == 1


def test_offline_ever_after(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("npm_config_registry", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://{NOWHERE}")
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("XDG_CACHE_HOME", str(story.cache.parent))
    told: list[str] = []
    installation = provision(progress=told.append)
    assert told == []
    assert installation.modules.parent == story.cache
    assert installation.tfjs_node == "linked"


def test_linked_and_plain_packages_share_their_files_but_the_addon(story: Story) -> None:
    plain, linked, _ = sorted(story.cache.iterdir())
    manifest = "node_modules/@tensorflow/tfjs/package.json"
    assert (plain / manifest).samefile(linked / manifest)
    assert addon_path(linked).is_file()
    assert not addon_path(plain).exists()


def test_the_addon_runs_the_tensorflow_that_pip_installed() -> None:
    installation = provision(backends=["node"])
    load = "console.log(require(process.argv[1]).TF_Version)"
    answer = subprocess.run(
        [installation.node, "-e", load, addon_path(installation.modules)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == find_tensorflow().version
    assert installation.tensorflow == find_tensorflow()


@pytest.mark.usefixtures("packages_only")
def test_without_a_compiler_only_node_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    node = find_node().path
    monkeypatch.setenv("PATH", str(node.parent))
    monkeypatch.delenv("CXX", raising=False)
    assert provision(backends=["wasm", "cpu"]).tfjs_node is None
    with pytest.raises(ProvisioningError, match=r"no C\+\+ compiler.*-b wasm -b cpu") as refusal:
        provision(backends=["node"])
    assert refusal.value.exit_code == 3


@pytest.mark.usefixtures("packages_only")
def test_a_compiler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler --fast")
    with pytest.raises(ProvisioningError, match="CXX names 'no-such-compiler --fast'"):
        provision(backends=["node"])


def test_a_compiler_that_fails_is_quoted(
    packages_only: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler = script(tmp_path / "cxx", "echo 'fatal error: no standard library' >&2; exit 4")
    monkeypatch.setenv("CXX", str(compiler))
    with pytest.raises(ProvisioningError, match=r"exit status 4(.|\n)*no standard library"):
        provision(backends=["node"])
    assert not list(packages_only.glob("*-linked-*"))


def test_an_unreachable_registry_is_no_mystery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", f"http://{NOWHERE}")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(ProvisioningError, match=r"npm ci .*registry(.|\n)*ECONNREFUSED"):
        provision(backends=["cpu"])
    assert [path.name for path in (tmp_path / "tfjs-verify").iterdir()] == ["provisioning.lock"]


def test_stock_that_cannot_download_names_the_way_out(
    packages_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFJS_NODE_CDN_STORAGE", f"https://{NOWHERE}/")
    with pytest.raises(ProvisioningError, match=r"--tfjs-node linked(.|\n)*ECONNREFUSED"):
        provision(backends=["node"], tfjs_node="stock")
    assert not list(packages_only.glob("*-stock"))


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ProvisioningError, match=r"cannot be written.*XDG_CACHE_HOME"):
        provision(backends=["cpu"])


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    """A limit on the size of a file is the full disk that needs no privileges."""
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    answer = subprocess.run(
        ["/bin/sh", "-c", f'ulimit -f 64; exec "$0" -c "{SCRIPT}"', sys.executable],
        env=env,
        capture_output=True,
        text=True,
    )
    assert "ProvisioningError" in answer.stderr, answer.stderr
    assert not list((tmp_path / "tfjs-verify").glob("packages-*"))


def test_unknown_backend_is_a_wrong_request() -> None:
    with pytest.raises(RequestError, match="no backend 'webgpu'; there are node, wasm, cpu"):
        provision(backends=["webgpu"])


def test_the_sources_hold_together() -> None:
    root = node_sources()
    main = (root / "js/src/contract.js").read_text("utf-8")
    assert re.search(r"\.\./\.\./bridge/contract\.json", main)
    assert (root / "js/src/../../bridge/contract.json").is_file()


def test_a_node_that_the_user_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = find_node()
    assert bundled.source == "nodejs-bin"
    named = script(tmp_path / "node", f'exec "{bundled.path}" "$@"')
    monkeypatch.setenv("TFJS_VERIFY_NODE", str(named))
    node = find_node()
    assert (node.path, node.version, node.source) == (named, bundled.version, "TFJS_VERIFY_NODE")
    assert provision(backends=["wasm"]).node == named


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("echo hello", "is not Node"),
        ("echo '[]'", "is not Node"),
        ("echo 'no such option' >&2; exit 9", "exit status 9: no such option"),
        ("""echo '{"version": "16.20.2", "abi": "93"}'""", "is Node 16.20.2; 18 or newer"),
    ],
)
def test_a_named_node_that_will_not_do(
    body: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFJS_VERIFY_NODE", str(script(tmp_path / "node", body)))
    with pytest.raises(EnvironmentProblem, match=complaint) as refusal:
        find_node()
    assert "TFJS_VERIFY_NODE" in refusal.value.message
    assert refusal.value.exit_code == 3


def test_a_named_node_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFJS_VERIFY_NODE", "/no/such/node")
    with pytest.raises(EnvironmentProblem, match=r"/no/such/node.*No such file"):
        find_node()


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
    path.chmod(0o755)
    assert shutil.which(path)
    return path
