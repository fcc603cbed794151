"""Compiles tfjs-node's addon against the TensorFlow that pip installed.

npm's own way downloads libtensorflow 2.9.1 and a prebuilt addon from Google's storage. This one
needs a C++ compiler instead, works offline, and runs the very kernels of the TensorFlow that we
compare to.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tfjs_verify.bridge.installation.locate import TensorFlow, node_headers
from tfjs_verify.bridge.installation.packages import TFJS_NODE
from tfjs_verify.errors import ProvisioningError

_COMPILERS = ("g++", "c++", "clang++")
_SOURCES = ("tfjs_backend.cc", "tfjs_binding.cc")
_NAPI_VERSION = 8
_PATIENCE_S = 900.0
_QUOTED_LINES = 8


def addon_path(modules: Path) -> Path:
    """Where tfjs-node, installed in `modules / "node_modules"`, looks for its addon."""
    return _package(modules) / "lib" / f"napi-v{_NAPI_VERSION}" / "tfjs_binding.node"


def find_compiler() -> list[str] | None:
    """The command of a C++ compiler: what CXX names, else the first that PATH has, else None."""
    named = shlex.split(os.environ.get("CXX", ""))
    if named:
        return named if shutil.which(named[0]) else None
    return next(([found] for name in _COMPILERS if (found := shutil.which(name))), None)


def compiler_cure() -> str:
    """How to come by a compiler on this system, or to do without."""
    install = "`xcode-select --install`" if sys.platform == "darwin" else "`apt-get install g++`"
    return f"Install one ({install}), or do without the node backend: `-b wasm -b cpu`."


def require_toolchain(tensorflow: TensorFlow) -> list[str]:
    """The compiler's command, once it is known that nothing that compiling needs is missing.

    Raises ProvisioningError where there is no compiler, or where TensorFlow's libraries and headers
    are not where they are expected.
    """
    compiler = find_compiler()
    if compiler is None:
        named = os.environ.get("CXX")
        missing = (
            f"CXX names {named!r}, which is not there" if named else "there is no C++ compiler"
        )
        raise ProvisioningError(
            f"the node backend needs its addon compiled, and {missing}. {compiler_cure()}"
        )
    for needed in (*tensorflow.libraries, tensorflow.include):
        if not needed.exists():
            raise ProvisioningError(
                f"TensorFlow {tensorflow.version} has no {needed}, which the node backend needs. "
                "Reinstall it with `pip install --force-reinstall tensorflow`, or do without the "
                "node backend: `-b wasm -b cpu`."
            )
    return compiler


def compile_addon(modules: Path, tensorflow: TensorFlow) -> None:
    """Compile and link the addon in its place under `modules`.

    Raises ProvisioningError where something is missing, or where the compiler fails.
    """
    compiler = require_toolchain(tensorflow)
    addon = addon_path(modules)
    addon.parent.mkdir(parents=True, exist_ok=True)
    command = [*compiler, *_arguments(_package(modules) / "binding", tensorflow), "-o", str(addon)]
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=True,
            timeout=_PATIENCE_S,
        )
    except OSError as error:
        raise ProvisioningError(
            f"the C++ compiler {compiler[0]} cannot be started: {error.strerror}. {compiler_cure()}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ProvisioningError(
            f"{compiler[0]} did not end within {_PATIENCE_S / 60:g} minutes while it compiled the "
            f"addon of tfjs-node. {compiler_cure()}"
        ) from error
    except subprocess.CalledProcessError as error:
        lines = error.output.decode(errors="replace").splitlines()
        telling = [line for line in lines if "error" in line] or lines
        raise ProvisioningError(
            f"{shlex.join(compiler)} could not compile the addon of tfjs-node (exit status "
            f"{error.returncode}). {compiler_cure()}\n"
            + "\n".join(f"    {line}" for line in telling[:_QUOTED_LINES])
        ) from error


def _arguments(binding: Path, tensorflow: TensorFlow) -> list[str]:
    system = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    return [
        *("-std=c++17", "-O2", "-fPIC", "-shared", "-w", f"-DNAPI_VERSION={_NAPI_VERSION}"),
        *(f"-I{directory}" for directory in (binding, node_headers(), tensorflow.include)),
        *(str(binding / name) for name in _SOURCES),
        *(str(library) for library in tensorflow.libraries),
        f"-Wl,-rpath,{tensorflow.directory}",
        *system,
    ]


def _package(modules: Path) -> Path:
    return modules / "node_modules" / TFJS_NODE
