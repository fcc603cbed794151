"""What the wheel has, what it adds to site-packages, and that it works away from the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits"


def call(*command: object, cwd: Path, env: dict[str, str] | None = None) -> str:
    answer = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"
    return answer.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution as `python -m build` does."""
    directory = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--no-isolation", "--outdir", directory, cwd=ROOT)
    (built,) = directory.glob("*.whl")
    return built


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def new_environment(directory: Path) -> Path:
    """A virtual environment without pip; its site-packages."""
    call(sys.executable, "-m", "venv", "--without-pip", directory, cwd=directory.parent)
    (site_packages,) = directory.glob("lib/python*/site-packages")
    return site_packages


def install(environment: Path, wheel: Path, *options: str) -> None:
    interpreter = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", interpreter, "install", "-q")
    call(*pip, *options, wheel, cwd=environment)


def copy_digits(directory: Path) -> None:
    shutil.copy(DIGITS / "digits.keras", directory)
    (directory / "cases").mkdir()
    for case in sorted((DIGITS / "cases").glob("*.npz"))[:3]:
        shutil.copy(case, directory / "cases")


def test_the_wheel_carries_the_node_side_and_nothing_else_of_the_checkout(wheel: Path) -> None:
    files = contents(wheel)
    assert {name.split("/")[0] for name in files} == {
        "tfjs_verify",
        f"tfjs_verify-{wheel.name.split('-')[1]}.dist-info",
    }
    carried = {
        name.removeprefix("tfjs_verify/_node/") for name in files if "tfjs_verify/_node/" in name
    }
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "js/src").rglob("*.js")}
    rest = {"bridge/contract.json", "js/package.json", "js/package-lock.json"}
    assert carried == sources | rest
    for name in carried:
        assert files[f"tfjs_verify/_node/{name}"] == (ROOT / name).read_bytes()


def test_the_wheel_has_every_module_and_the_typed_marker(wheel: Path) -> None:
    files = contents(wheel)
    for path in (ROOT / "tfjs_verify").rglob("*.py"):
        assert str(path.relative_to(ROOT)) in files
    assert "tfjs_verify/py.typed" in files


def test_the_wheel_is_the_same_without_the_detour(wheel: Path, tmp_path: Path) -> None:
    build = (sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path)
    call(*build, cwd=ROOT)
    (direct,) = tmp_path.glob("*.whl")
    assert contents(direct) == contents(wheel)


def test_installed_elsewhere_it_verifies_a_model(wheel: Path, tmp_path: Path) -> None:
    """The dependencies are borrowed from this environment, so that only ours is installed."""
    environment = tmp_path / "environment"
    site_packages = new_environment(environment)
    before = {path.name for path in site_packages.iterdir()}
    install(environment, wheel, "--no-deps")
    gained = {path.name for path in site_packages.iterdir()} - before
    assert gained == {"tfjs_verify", f"tfjs_verify-{wheel.name.split('-')[1]}.dist-info"}
    borrowed = sysconfig.get_path("purelib")
    (site_packages / "borrowed.pth").write_text(borrowed + "\n", "utf-8")
    away = tmp_path / "away"
    away.mkdir()
    copy_digits(away)
    python = environment / "bin" / "python"
    where = "from tfjs_verify.bridge.installation import node_sources; print(node_sources())"
    assert call(python, "-c", where, cwd=away).strip() == str(site_packages / "tfjs_verify/_node")
    report = away / "report.json"
    verify = (environment / "bin" / "tfjs-verify", "verify", "digits.keras", "-n", 2)
    call(*verify, "--data", "cases", "--json", report, cwd=away)
    document = json.loads(report.read_text("utf-8"))
    assert document["verdict"] == "pass"
    backends = document["models"][0]["backends"]
    assert [(b["backend"], b["cases"]) for b in backends] == [("node", 5), ("wasm", 5), ("cpu", 5)]


@pytest.mark.slow
def test_installed_as_a_user_would(wheel: Path, tmp_path: Path) -> None:
    """Every dependency as plain pip resolves it today, and a cache with nothing in it."""
    environment = tmp_path / "environment"
    new_environment(environment)
    install(environment, wheel)
    copy_digits(tmp_path)
    command = environment / "bin" / "tfjs-verify"
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    call(command, "verify", "digits.keras", "--data", "cases", cwd=tmp_path, env=env)
    call(command, "doctor", cwd=tmp_path, env=env)
