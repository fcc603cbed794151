"""Finds the files that provisioning works with, and loads none of them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from tfjs_verify.errors import EnvironmentProblem

NODE_VARIABLE = "TFJS_VERIFY_NODE"
OLDEST_NODE = 18
_ANSWER_S = 30.0
_DESCRIBE = (
    "const {node, modules} = process.versions;"
    "console.log(JSON.stringify({version: node, abi: modules}))"
)
_PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Node:
    """A Node binary that was started and answered.

    `abi` is Node's `process.versions.modules`; `source` is where the choice came from.
    """

    path: Path
    version: str
    abi: str
    source: str


@dataclass(frozen=True)
class TensorFlow:
    """The TensorFlow that pip installed: its directory, version, headers and the two libraries."""

    directory: Path
    version: str

    @property
    def include(self) -> Path:
        """The directory of the C headers."""
        return self.directory / "include"

    @property
    def libraries(self) -> tuple[Path, Path]:
        """The two shared libraries that hold the C API and the kernels."""
        names = (
            ("libtensorflow_cc.2.dylib", "libtensorflow_framework.2.dylib")
            if sys.platform == "darwin"
            else ("libtensorflow_cc.so.2", "libtensorflow_framework.so.2")
        )
        return self.directory / names[0], self.directory / names[1]


def node_sources() -> Path:
    """The directory that holds `bridge/` and `js/`: inside the wheel, or the source checkout.

    Raises EnvironmentProblem where this installation has neither.
    """
    for root in (_PACKAGE / "_node", _PACKAGE.parent):
        if (root / "bridge/contract.json").is_file() and (root / "js/package-lock.json").is_file():
            return root
    raise EnvironmentProblem(
        f"the Node side of tfjs-verify is missing: neither {_PACKAGE / '_node'} nor "
        f"{_PACKAGE.parent} has bridge/contract.json and js/package-lock.json. Reinstall with "
        "`pip install --force-reinstall --no-deps tfjs-verify`."
    )


def cache_directory() -> Path:
    """Where provisioned Node packages are kept for this user."""
    return user_cache_path("tfjs-verify")


def find_node() -> Node:
    """The Node to run: what TFJS_VERIFY_NODE names, else the one that nodejs-bin brought.

    Raises EnvironmentProblem where it does not start, or is older than Node 18.
    """
    named = os.environ.get(NODE_VARIABLE)
    path, source = (Path(named), NODE_VARIABLE) if named else (bundled_node(), "nodejs-bin")
    cure = (
        f"Set {NODE_VARIABLE} to a Node {OLDEST_NODE} or newer, or unset it to use the Node of "
        "the nodejs-bin package."
        if named
        else "Reinstall it with `pip install --force-reinstall nodejs-bin==18.4.0a4`, or set "
        f"{NODE_VARIABLE} to a Node {OLDEST_NODE} or newer."
    )
    try:
        answer = subprocess.run(
            [path, "-e", _DESCRIBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_ANSWER_S,
        ).stdout
        described = json.loads(answer)
        version, abi = str(described["version"]), str(described["abi"])
        major = int(version.partition(".")[0])
    except OSError as error:
        raise EnvironmentProblem(
            f"Node cannot be started as {path} (from {source}): {error.strerror}. {cure}"
        ) from error
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip().splitlines()
        raise EnvironmentProblem(
            f"{path} (from {source}) ended with exit status {error.returncode}"
            f"{': ' + words[-1] if words else ''}. {cure}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise EnvironmentProblem(
            f"{path} (from {source}) did not answer within {_ANSWER_S:g} s. {cure}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise EnvironmentProblem(f"{path} (from {source}) is not Node. {cure}") from error
    if major < OLDEST_NODE:
        raise EnvironmentProblem(
            f"{path} (from {source}) is Node {version}; {OLDEST_NODE} or newer is needed. {cure}"
        )
    return Node(path=path, version=version, abi=abi, source=source)


def bundled_node() -> Path:
    """The Node binary of the nodejs-bin package; it runs npm whichever Node runs the models."""
    return _nodejs_bin() / "bin" / "node"


def bundled_npm() -> Path:
    """The script of the npm that nodejs-bin brought."""
    return _nodejs_bin() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def node_headers() -> Path:
    """The headers of Node-API, which is the same in every Node that we run."""
    return _nodejs_bin() / "include" / "node"


def find_tensorflow() -> TensorFlow:
    """The TensorFlow of this Python, not imported; EnvironmentProblem where there is none."""
    directory = _package_directory("tensorflow")
    version = _version_of("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly")
    if directory is None or version is None:
        raise EnvironmentProblem(
            f"TensorFlow is not installed for {sys.executable}. "
            "Install it with `pip install tfjs-verify`."
        )
    return TensorFlow(directory=directory, version=version)


def _nodejs_bin() -> Path:
    directory = _package_directory("nodejs")
    if directory is None or not (directory / "bin" / "node").is_file():
        raise EnvironmentProblem(
            f"nodejs-bin, which brings Node and npm, is not installed for {sys.executable}. "
            "Install it with `pip install nodejs-bin==18.4.0a4`."
        )
    return directory


def _package_directory(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).resolve().parent


def _version_of(*distributions: str) -> str | None:
    for name in distributions:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
