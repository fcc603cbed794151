"""Says what is installed, what of it works, and what to do about the rest; changes nothing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tfjs_verify.bridge.installation.addon import addon_path, compiler_cure, find_compiler
from tfjs_verify.bridge.installation.locate import (
    Node,
    TensorFlow,
    bundled_npm,
    cache_directory,
    find_node,
    find_tensorflow,
    node_sources,
)
from tfjs_verify.bridge.installation.provisioning import BACKENDS, Linkage, chosen_linkage, place_of
from tfjs_verify.errors import EnvironmentProblem

_DISTRIBUTIONS = (
    "keras",
    "tf_keras",
    "tensorflowjs",
    "tensorflow-decision-forests",
    "ydf",
    "tensorflow-hub",
    "numpy",
    "hypothesis",
    "pytest",
)
_PROBE_S = 60.0

# The shortest module that uses a SIMD instruction: (func (result v128) i32.const 0 i8x16.splat).
_SIMD = (
    "console.log(WebAssembly.validate(Uint8Array.of("
    "0,97,115,109,1,0,0,0,1,5,1,96,0,1,123,3,2,1,0,10,8,1,6,0,65,0,253,15,11)))"
)
_LOAD_ADDON = "console.log(JSON.stringify(require(process.argv[1]).TF_Version))"


@dataclass(frozen=True)
class Fact:
    """One line of a diagnosis; `problem` and `cure` are set where something is wrong."""

    name: str
    value: str
    problem: str | None = None
    cure: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was looked at, in the order in which one thing needs the other."""

    facts: tuple[Fact, ...]

    @property
    def problems(self) -> tuple[Fact, ...]:
        """The facts that are wrong."""
        return tuple(fact for fact in self.facts if fact.problem is not None)

    def to_json(self) -> dict[str, object]:
        """The diagnosis as plain data."""
        return {
            "schema": "tfjs-verify/doctor/1",
            "healthy": not self.problems,
            "facts": [
                {"name": f.name, "value": f.value, "problem": f.problem, "cure": f.cure}
                for f in self.facts
            ],
        }


def diagnose(*, tfjs_node: Linkage | None = None) -> Diagnosis:
    """Look at everything that verification needs, by default with the addon that runs would use.

    TensorFlow is not imported. What is merely not provisioned yet is no problem: first use does it.
    """
    return Diagnosis(facts=tuple(_facts(tfjs_node or chosen_linkage())))


def _facts(tfjs_node: Linkage) -> Iterator[Fact]:
    yield Fact("python", f"{platform.python_version()}, {sys.executable}, {platform.platform()}")
    yield Fact("tfjs-verify", f"{_version('tfjs-verify') or 'source'}, {Path(__file__).parents[2]}")
    tensorflow: TensorFlow | None = None
    try:
        tensorflow = find_tensorflow()
        yield Fact("tensorflow", f"{tensorflow.version}, {tensorflow.directory}")
    except EnvironmentProblem as problem:
        yield _missing("tensorflow", problem)
    for name in _DISTRIBUTIONS:
        yield _distribution(name)
    yield _compatibility()
    node: Node | None = None
    try:
        node = find_node()
        yield Fact("node", f"{node.version}, ABI {node.abi}, {node.path} (from {node.source})")
        yield _simd(node)
    except EnvironmentProblem as problem:
        yield _missing("node", problem)
    yield _npm()
    yield _cache()
    try:
        js = node_sources() / "js"
        yield Fact("node sources", str(js))
    except EnvironmentProblem as problem:
        yield _missing("node sources", problem)
        return
    if node is not None:
        yield from _backends(js, node, tensorflow, tfjs_node)


def _backends(
    js: Path, node: Node, tensorflow: TensorFlow | None, tfjs_node: Linkage
) -> Iterator[Fact]:
    places = {
        backend: place_of(backend, js, node, tensorflow, tfjs_node=tfjs_node)
        for backend in BACKENDS
    }
    compiles = tfjs_node == "linked" and not places["node"].is_dir()
    yield _compiler(needed=compiles)
    for backend, place in places.items():
        value = str(place) if place.is_dir() else "not provisioned; first use or `setup` does it"
        yield Fact(f"backend {backend}", value)
    if places["node"].is_dir():
        yield _addon(node, places["node"], tensorflow, tfjs_node)


def _addon(node: Node, modules: Path, tensorflow: TensorFlow | None, tfjs_node: Linkage) -> Fact:
    addon = addon_path(modules)
    cure = f"Remove {modules} and run `tfjs-verify setup --tfjs-node {tfjs_node}`."
    answer, problem = _ask(node, _LOAD_ADDON, str(addon))
    if problem is not None:
        return Fact("tfjs-node addon", str(addon), f"it does not load: {problem}", cure)
    version = json.loads(answer)
    value = f"{tfjs_node}, runs TensorFlow {version}"
    if tfjs_node == "linked" and tensorflow is not None and version != tensorflow.version:
        return Fact("tfjs-node addon", value, f"TensorFlow {tensorflow.version} is installed", cure)
    return Fact("tfjs-node addon", value)


def _simd(node: Node) -> Fact:
    answer, problem = _ask(node, _SIMD)
    if problem is not None or answer != "true":
        return Fact(
            "wasm simd",
            "no",
            problem or "this Node runs no WebAssembly SIMD, so wasm uses slower kernels",
            "Use a newer Node, or a CPU that has SSE4.1.",
        )
    return Fact("wasm simd", "yes")


def _compiler(*, needed: bool) -> Fact:
    compiler = find_compiler()
    if compiler is not None:
        return Fact("compiler", " ".join(compiler))
    if not needed:
        return Fact("compiler", "none, and none is needed any more")
    return Fact("compiler", "none", "the node backend's addon cannot be compiled", compiler_cure())


def _npm() -> Fact:
    try:
        manifest = json.loads((bundled_npm().parents[1] / "package.json").read_text("utf-8"))
    except EnvironmentProblem as problem:
        return _missing("npm", problem)
    except (OSError, ValueError) as error:
        return Fact(
            "npm",
            "broken",
            f"the npm of nodejs-bin cannot be read: {error}",
            "Reinstall it with `pip install --force-reinstall nodejs-bin==18.4.0a4`.",
        )
    return Fact("npm", f"{manifest['version']}, {bundled_npm()}")


def _cache() -> Fact:
    cache = cache_directory()
    nearest = next(place for place in (cache, *cache.parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        return Fact(
            "cache",
            str(cache),
            f"{nearest} cannot be written",
            "Set XDG_CACHE_HOME to a directory that can be written.",
        )
    return Fact("cache", str(cache))


def _compatibility() -> Fact:
    """What plain resolution gets wrong, so that tensorflowjs cannot be imported."""
    version = _version("ydf")
    if version is not None and tuple(int(n) for n in version.split(".")[:2]) >= (0, 14):
        return Fact(
            "converter",
            "broken",
            f"ydf {version} needs a newer protobuf than TensorFlow allows, so tensorflowjs cannot "
            "be imported",
            "Run `pip install 'ydf<0.14'`.",
        )
    if importlib.util.find_spec("pkg_resources") is None:
        return Fact(
            "converter",
            "broken",
            "tensorflowjs imports tensorflow_hub, and that pkg_resources, which is not installed",
            "Run `pip install 'setuptools<81'`.",
        )
    return Fact("converter", "its dependencies fit together")


def _distribution(name: str) -> Fact:
    version = _version(name)
    if version is None:
        return Fact(name, "missing", f"{name} is not installed", "Run `pip install tfjs-verify`.")
    return Fact(name, version)


def _missing(name: str, problem: EnvironmentProblem) -> Fact:
    return Fact(name, "missing", problem.message.rstrip("."))


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _ask(node: Node, code: str, *arguments: str) -> tuple[str, str | None]:
    """What Node printed, and what went wrong where something did."""
    try:
        answer = subprocess.run(
            [node.path, "-e", code, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    if answer.returncode != 0:
        telling = [line for line in answer.stderr.splitlines() if "Error" in line]
        return "", telling[0] if telling else f"Node ended with status {answer.returncode}"
    return answer.stdout.strip(), None
