"""Which way imports run, and what they must not load."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tfjs_verify"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_node" not in path.parts)
HEAVY = ("tensorflow", "tensorflowjs", "keras", "tf_keras", "jax", "hypothesis")

LOADED = f"import sys; print(sorted(set({HEAVY}) & set(sys.modules)))"


def python(code: str, directory: Path) -> str:
    """What a fresh interpreter prints last, started outside the checkout."""
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=directory, capture_output=True, text=True, check=True
    )
    return answer.stdout.splitlines()[-1]


def test_imports_run_one_way() -> None:
    answer = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout


def test_importing_the_package_loads_nothing_heavy(tmp_path: Path) -> None:
    assert python(f"import tfjs_verify; {LOADED}", tmp_path) == "[]"


@pytest.mark.parametrize("words", [["--help"], ["verify", "--help"], ["setup", "--help"]])
def test_help_loads_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['tfjs-verify', *{words}]\n"
        "from tfjs_verify.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        f"{LOADED}"
    )
    assert python(code, tmp_path) == "[]"


def test_pytest_starts_without_tensorflow(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass\n", "utf-8")
    code = f"import pytest; assert pytest.main(['-q']) == 0; {LOADED}"
    assert "tensorflow" not in python(code, tmp_path)


def test_our_directories_are_no_packages_elsewhere(tmp_path: Path) -> None:
    names = ("bridge", "js", "tests", "examples", "benchmarks")
    code = (
        "from importlib.util import find_spec\n"
        f"specs = filter(None, map(find_spec, {names}))\n"
        f"places = [str(spec.submodule_search_locations) for spec in specs]\n"
        f"print([place for place in places if {str(ROOT)!r} in place])"
    )
    assert python(code, tmp_path) == "[]"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_house_rules(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), "a module says what it is for"
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert [name.name for name in node.names] != ["*"], f"star import, line {node.lineno}"
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(statement):
            read = isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
            assert not read, f"the environment is read at import, line {statement.lineno}"


def test_all_names_what_there_is() -> None:
    for path in MODULES:
        if "__all__" not in path.read_text("utf-8"):
            continue
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        module = importlib.import_module(name)
        assert sorted(set(module.__all__)) == sorted(module.__all__), name
        for public in module.__all__:
            assert hasattr(module, public), f"{name}.{public}"
