"""pyproject.toml, constraints.txt and the lock file say the same thing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.10", "3.11", "3.12")


def project() -> dict[str, object]:
    table: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))[
        "project"
    ]
    return table


def requirements() -> list[Requirement]:
    table = project()
    dependencies, extras = table["dependencies"], table["optional-dependencies"]
    assert isinstance(dependencies, list)
    assert isinstance(extras, dict)
    return [Requirement(line) for line in [*dependencies, *extras["dev"]]]


def pins(python: str) -> dict[str, str]:
    """The one version that constraints.txt allows of each distribution, on this Python."""
    found: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        pin = Requirement(line)
        if pin.marker and not pin.marker.evaluate({"python_version": python}):
            continue
        name = canonicalize_name(pin.name)
        assert name not in found, f"{name} is pinned twice on {python}"
        exact = re.fullmatch(r"==([^*,]+)", str(pin.specifier))
        assert exact, f"{line} is no exact pin"
        found[name] = exact[1]
    return found


def test_every_dependency_is_pinned_within_its_range() -> None:
    for python in PYTHONS:
        pinned = pins(python)
        for wanted in requirements():
            if wanted.marker and not wanted.marker.evaluate({"python_version": python}):
                continue
            exact = pinned[canonicalize_name(wanted.name)]
            assert wanted.specifier.contains(exact, prereleases=True), f"{wanted} but {exact}"


def test_what_is_installed_here_is_what_was_tested() -> None:
    pinned = pins(f"{sys.version_info.major}.{sys.version_info.minor}")
    for wanted in requirements():
        if wanted.marker is None or wanted.marker.evaluate():
            assert version(wanted.name) == pinned[canonicalize_name(wanted.name)], wanted.name


def test_the_lock_file_is_that_of_the_manifest() -> None:
    manifest = json.loads((ROOT / "js/package.json").read_text("utf-8"))
    lock = json.loads((ROOT / "js/package-lock.json").read_text("utf-8"))
    for kind in ("dependencies", "devDependencies"):
        assert lock["packages"][""].get(kind) == manifest.get(kind)
    assert not any(
        "resolved" in entry and "registry.npmjs.org" not in entry["resolved"]
        for entry in lock["packages"].values()
    ), "the lock names a private registry"


def test_importing_the_converter_works_with_these_versions(tmp_path: Path) -> None:
    code = "import tensorflowjs.converters as c; print(c.convert_tf_saved_model.__name__)"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "convert_tf_saved_model"
