"""Puts the Node side together, once per user, and finds it there ever after."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tfjs_verify.bridge.installation.addon import compile_addon, require_toolchain
from tfjs_verify.bridge.installation.cache import obtain
from tfjs_verify.bridge.installation.locate import (
    Node,
    TensorFlow,
    cache_directory,
    find_node,
    find_tensorflow,
    node_sources,
)
from tfjs_verify.bridge.installation.packages import install_packages, run_install_script
from tfjs_verify.errors import ProvisioningError, RequestError

Linkage = Literal["linked", "stock"]
Progress = Callable[[str], None]

BACKENDS = ("node", "wasm", "cpu")
_CHOICE = "tfjs-node"


@dataclass(frozen=True)
class Installation:
    """A Node side that is ready to run.

    `modules` is the directory that holds `node_modules`, `main` the script to start. `tfjs_node`
    says which addon is there: "linked" to pip's TensorFlow, "stock" from npm, or None where no
    backend that was asked for needs one. `tensorflow` is what the linked one was linked to.
    """

    node: Path
    node_version: str
    modules: Path
    main: Path
    tfjs_node: Linkage | None
    tensorflow: TensorFlow | None


def provision(
    *,
    backends: Collection[str] = BACKENDS,
    tfjs_node: Linkage | None = None,
    progress: Progress | None = None,
) -> Installation:
    """The Node side for these backends; what is missing of it is built in the user's cache.

    The Node packages come from the npm registry once; the addon, which only the backend "node"
    needs, is compiled here ("linked") or downloaded by tfjs-node's own script ("stock"). When all
    is there, nothing is run but `node`, to ask its version, and the network is not used. `progress`
    is told in a line what is being done. Without `tfjs_node`, it is what `choose_linkage` was told,
    else "linked". Safe in several processes at once, and to kill.

    Raises EnvironmentProblem where Node or TensorFlow is not found, ProvisioningError where npm,
    the compiler or the disk refuses, RequestError for an unknown backend.
    """
    for backend in backends:
        if backend not in BACKENDS:
            raise RequestError(f"there is no backend {backend!r}; there are {', '.join(BACKENDS)}.")
    tell = progress or _say_nothing
    js = node_sources() / "js"
    node = find_node()
    linkage = (tfjs_node or chosen_linkage()) if "node" in backends else None
    tensorflow = find_tensorflow() if linkage == "linked" else None
    if tensorflow is not None:
        modules = _linked(js, node, tensorflow, tell)
    elif linkage == "stock":
        modules = _stock(js, node, tell)
    else:
        modules = _packages(js, tell)
    return Installation(
        node=node.path,
        node_version=node.version,
        modules=modules,
        main=js / "src" / "main.js",
        tfjs_node=linkage,
        tensorflow=tensorflow,
    )


def chosen_linkage() -> Linkage:
    """The addon that later runs use: what was chosen last, "linked" where nothing was."""
    try:
        stock = (cache_directory() / _CHOICE).read_text("utf-8").strip() == "stock"
    except OSError:
        return "linked"
    return "stock" if stock else "linked"


def choose_linkage(linkage: Linkage) -> None:
    """Remember which addon later runs of this user shall use."""
    place = cache_directory() / _CHOICE
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(linkage + "\n", "utf-8")
    except OSError as error:
        raise ProvisioningError(f"{place} cannot be written: {error.strerror}.") from error


def place_of(
    backend: str, js: Path, node: Node, tensorflow: TensorFlow | None, *, tfjs_node: Linkage
) -> Path:
    """Where `provision` puts the modules for one backend, whether they are there or not."""
    if backend != "node":
        name = _packages_name(js)
    elif tfjs_node == "stock" or tensorflow is None:
        name = _stock_name(js, node)
    else:
        name = _linked_name(js, node, tensorflow)
    return cache_directory() / name


def _packages(js: Path, tell: Progress) -> Path:
    def build(directory: Path) -> None:
        tell("Installing the TensorFlow.js packages from npm (about 320 MB, this once)")
        install_packages(js, directory)

    return _obtain(_packages_name(js), build, tell)


def _linked(js: Path, node: Node, tensorflow: TensorFlow, tell: Progress) -> Path:
    name = _linked_name(js, node, tensorflow)
    if (cache_directory() / name).is_dir():
        return cache_directory() / name
    require_toolchain(tensorflow)  # before anything is downloaded
    packages = _packages(js, tell)

    def build(directory: Path) -> None:
        # Hard links: the addon is the only file that is not the same as in `packages`.
        shutil.copytree(packages, directory, copy_function=_link, symlinks=True, dirs_exist_ok=True)
        tell(f"Compiling the addon of tfjs-node against TensorFlow {tensorflow.version}")
        compile_addon(directory, tensorflow)

    return _obtain(name, build, tell)


def _stock(js: Path, node: Node, tell: Progress) -> Path:
    name = _stock_name(js, node)
    if (cache_directory() / name).is_dir():
        return cache_directory() / name
    packages = _packages(js, tell)

    def build(directory: Path) -> None:
        # A real copy: nobody knows what a package's script writes to.
        shutil.copytree(packages, directory, symlinks=True, dirs_exist_ok=True)
        tell("Running tfjs-node's own installation, which downloads libtensorflow")
        run_install_script(directory, node.path)

    return _obtain(name, build, tell)


def _obtain(name: str, build: Callable[[Path], None], tell: Progress) -> Path:
    return obtain(
        cache_directory(),
        name,
        build,
        on_wait=lambda: tell("Waiting for another process that is installing the Node side"),
    )


def _packages_name(js: Path) -> str:
    lock = hashlib.sha256((js / "package-lock.json").read_bytes()).hexdigest()
    return f"packages-{lock[:12]}"


def _linked_name(js: Path, node: Node, tensorflow: TensorFlow) -> str:
    # The addon finds TensorFlow by its absolute path, so that two environments share no addon.
    where = hashlib.sha256(os.fsencode(tensorflow.directory)).hexdigest()
    return f"{_packages_name(js)}-abi{node.abi}-linked-{tensorflow.version}-{where[:8]}"


def _stock_name(js: Path, node: Node) -> str:
    return f"{_packages_name(js)}-abi{node.abi}-stock"


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def _say_nothing(_: str) -> None:
    pass
