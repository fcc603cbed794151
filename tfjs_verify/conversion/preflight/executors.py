"""What TensorFlow.js does with an op: the parameters that it reads, and the kernels that it needs.

Read from the sources of the packages that will run, so that it ages with them. The converter
package has an executor per category of ops, with a case per op that reads parameters and calls
functions of the core package; a function of the core package runs kernels, or calls others.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tfjs_verify.errors import EnvironmentProblem

_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|^\s*//.*?$", re.DOTALL | re.MULTILINE)
_CASES = re.compile(r"(?:case '[^']+':\s*)+|\bdefault:")
_CASE = re.compile(r"case '([^']+)'")
_FUNCTION = re.compile(r"^(?:export )?function (\w+)\(", re.MULTILINE)
_TOP_LEVEL = re.compile(r"^(?:export|function|const) ", re.MULTILINE)
_READER = "getParamValue"
_PARAMETER = re.compile(rf"{_READER}\('(\w+)'")
_CORE_CALL = re.compile(r"\bops\.((?:\w+\.)?\w+)")
_EXPORT = re.compile(r"export (?:const|function|async function) (\w+)|export \{ ?(\w+_?) ?as (\w+)")
_KERNEL = re.compile(r"runKernel\('?(\w+)'?")
_IMPORT = re.compile(r"import \{([^}]*)\} from '(\./|\.\./)([\w/]+)'")
_FOR_COMPLEX = frozenset({"Complex", "ComplexAbs"})
"""Functions of the core package run these for complex numbers only, besides another kernel."""


@dataclass(frozen=True)
class Execution:
    """How one op is executed."""

    parameters: frozenset[str]
    """The names, in the op list's words, that the executor asks for."""
    kernels: frozenset[str]
    """Kernels without which the op cannot run; empty for what needs none."""
    takes_inputs_by_position: bool
    """Whether the executor also takes inputs without asking for them by name."""


class Executors:
    """The executors of the packages installed in a directory that holds `node_modules`."""

    def __init__(self, modules: Path) -> None:
        packages = modules / "node_modules" / "@tensorflow"
        self._operations = packages / "tfjs-converter" / "dist" / "operations"
        self._executors = self._operations / "executors"
        self._core = packages / "tfjs-core" / "dist"
        for directory in (self._executors, self._core / "ops"):
            if not directory.is_dir():
                raise EnvironmentProblem(
                    f"{directory} is not there, so it is not known what TensorFlow.js needs to run"
                    " an op; run `tfjs-verify setup`."
                )

    @cached_property
    def registered(self) -> frozenset[str]:
        """The op types that a model may hold; not all that have an executor are among them."""
        mapper = _code(self._operations / "operation_mapper.js")
        chosen = re.search(r"const ops = \[([^\]]*)\]", mapper)
        lists = dict(re.findall(r"import \* as (\w+) from '\./op_list/(\w+)'", mapper))
        wanted = [name.strip() for name in chosen.group(1).split(",")] if chosen else list(lists)
        return frozenset(
            op
            for name in wanted
            for op in re.findall(
                r"'tfOpName': '(\w+)'", _code(self._operations / "op_list" / f"{lists[name]}.js")
            )
        )

    @cached_property
    def by_op(self) -> Mapping[str, Execution]:
        """From op type to its execution; ops that the executors do not know are missing."""
        shared = dict(_functions(_code(self._executors / "utils.js")))
        del shared[_READER]
        result: dict[str, Execution] = {}
        for file in sorted(self._executors.glob("*_executor.js")):
            code = _code(file)
            helpers = {**shared, **dict(_functions(code))}
            for ops, body in _cases(code):
                text = _with_helpers(body, helpers)
                kernels = {k for call in _CORE_CALL.findall(text) for k in self._kernels(call)}
                for op in ops:
                    result[op] = Execution(
                        frozenset(_PARAMETER.findall(text)),
                        frozenset(kernels - _FOR_COMPLEX | kernels & {op}),
                        "inputNames" in text,
                    )
        return result

    @cached_property
    def _files(self) -> Mapping[str, Path]:
        """From the name of a core function to its file; fused ones as "fused.name"."""
        files = {}
        for file in sorted((self._core / "ops").rglob("*.js")):
            if file.stem.endswith("_test") or file.stem.startswith("ops"):
                continue
            prefix = "fused." if file.parent.name == "fused" else ""
            for plain, _, renamed in _EXPORT.findall(_code(file)):
                files[prefix + (plain or renamed)] = file
        return files

    @cached_property
    def _kernel_names(self) -> Mapping[str, str]:
        """From the constants of the core package to the kernels' names."""
        code = _code(self._core / "kernel_names.js")
        return dict(re.findall(r"export const (\w+) = '(\w+)'", code))

    def _kernels(self, call: str) -> frozenset[str]:
        namespace, _, name = call.rpartition(".")
        file = self._files.get(f"fused.{name}" if namespace == "fused" else name)
        return frozenset() if file is None else self._kernels_of(file, frozenset())

    def _kernels_of(self, file: Path, above: frozenset[Path]) -> frozenset[str]:
        """A file that runs kernels calls other functions for shapes and gradients only."""
        code = _code(file)
        constants = _KERNEL.findall(code)
        if constants:
            return frozenset(self._kernel_names.get(name, name) for name in constants)
        if file in above:
            return frozenset()
        called = (
            (file.parent / start / path).with_suffix(".js").resolve()
            for names, start, path in _IMPORT.findall(code)
            if any(re.search(rf"\b{re.escape(name)}\(", code) for name in _imported(names))
        )
        return frozenset(
            kernel
            for other in called
            if other.is_relative_to(self._core / "ops") and other.is_file()
            for kernel in self._kernels_of(other, above | {file})
        )


def _code(file: Path) -> str:
    text = _SOURCE_MAP.sub("", file.read_text(encoding="utf-8"))
    return _COMMENT.sub("", text)


def _cases(code: str) -> Iterator[tuple[list[str], str]]:
    """The ops of each group of `case` labels, with what is executed for them."""
    labels = list(_CASES.finditer(code))
    for label, following in itertools.pairwise(labels):
        ops = _CASE.findall(label.group())
        if ops:
            yield ops, code[label.end() : following.start()]


def _with_helpers(body: str, helpers: Mapping[str, str]) -> str:
    """The body of a case, followed by the functions that it calls, and those that they call."""
    text, missing = body, dict(helpers)
    while called := [name for name in missing if f"{name}(" in text]:
        text += "".join(missing.pop(name) for name in called)
    return text


def _functions(code: str) -> Iterator[tuple[str, str]]:
    """Top-level functions with their text."""
    for start in _FUNCTION.finditer(code):
        end = _TOP_LEVEL.search(code, start.end())
        yield start.group(1), code[start.end() : end.start() if end else len(code)]


def _imported(names: str) -> list[str]:
    """The local names of an import's braces."""
    return [part.split(" as ")[-1].strip() for part in names.split(",") if part.strip()]
