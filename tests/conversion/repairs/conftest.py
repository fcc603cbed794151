"""Two ways to try a repair: replayed in TensorFlow, and run on the backend that needs it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tfjs_verify.conversion import convert
from tfjs_verify.model import open_model
from tfjs_verify.runtimes.tfjs import TFJS, start_node


@dataclass(frozen=True)
class Replay:
    """A program before and after the repairs, both computed by TensorFlow."""

    repairs: tuple[str, ...]
    operations: set[str]
    before: list[np.ndarray]
    after: list[np.ndarray]


@pytest.fixture(scope="session")
def replayed():
    """Traces a function, repairs it, and lets TensorFlow compute both."""

    def replayed(function, *arguments, free=True) -> Replay:
        from tfjs_verify.conversion.inlining import inline_calls
        from tfjs_verify.conversion.repairs import RepairLog, repair

        program, inputs = _traced(function, arguments, free)
        before = _computed(program, inputs, arguments)
        log = RepairLog()
        inline_calls(program)
        repair(program, log)
        return Replay(
            log.names, program.operations(), before, _computed(program, inputs, arguments)
        )

    return replayed


def _traced(function, arguments, free):
    import tensorflow as tf

    from tfjs_verify.conversion.graph import Program
    from tfjs_verify.model.freezing import freeze_function

    concrete = tf.function(function, autograph=False).get_concrete_function(
        *_specs(arguments, free)
    )
    constant = freeze_function(concrete, lower_control_flow=False)
    results = [tensor.name for tensor in constant.outputs]
    program = Program.from_graph_def(constant.graph.as_graph_def(), results)
    return program, [tensor.name for tensor in constant.inputs]


def _computed(program, inputs, arguments):
    import tensorflow as tf

    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        tf.import_graph_def(program.to_graph_def(), name="")
        return session.run(program.main.results, dict(zip(inputs, arguments, strict=True)))


def _specs(arguments, free):
    import tensorflow as tf

    return [
        tf.TensorSpec([None, *a.shape[1:]] if free and a.ndim else a.shape, a.dtype, f"x{index}")
        for index, a in enumerate(arguments)
    ]


@pytest.fixture(scope="session")
def sessions():
    """One Node process per backend, replaced where a kernel broke it."""
    with ExitStack() as stack:
        started = {}

        def session(backend):
            if backend not in started or not started[backend].alive:
                started[backend] = stack.enter_context(start_node(backend))
            return started[backend]

        yield session


def _agree(given, expected):
    if given.shape != expected.shape:
        return False
    if expected.dtype.kind != "f":
        return given.dtype.kind != "f" and np.array_equal(given, expected)
    return np.allclose(given, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


@dataclass(frozen=True)
class Run:
    """What a backend answered, and what TensorFlow does."""

    repairs: tuple[str, ...]
    given: list[np.ndarray]
    expected: list[np.ndarray]
    operations: frozenset[str] = frozenset()
    """The op types that it became, where several were converted together."""

    @property
    def agrees(self) -> bool:
        return all(_agree(*pair) for pair in zip(self.given, self.expected, strict=True))


@pytest.fixture
def run_on(tmp_path, worker, sessions):
    """Converts a TensorFlow function and runs it on a backend."""
    import tensorflow as tf

    def run(backend, function, *arguments, repair=True, free=True, **options) -> Run:
        directory = tmp_path / ("repaired" if repair else "stock")
        module = tf.Module()
        module.serve = tf.function(
            autograph=False,
            func=lambda *a: _named(function(*a)),
            input_signature=_specs(arguments, free),
        )
        tf.saved_model.save(
            module, str(directory / "model"), signatures=module.serve.get_concrete_function()
        )
        expected = [value.numpy() for value in module.serve(*arguments).values()]
        with open_model(directory / "model") as model:
            artifact = convert(model, directory / "out", worker=worker, repair=repair, **options)
            names = sorted(spec.name for spec in model.signature.inputs)
        feed = {n: a for n, a in zip(names, arguments, strict=True) if n in artifact.inputs}
        session = sessions(backend)
        with TFJS(artifact, session=session, timeout=60) as runtime:
            try:
                given = runtime.run(feed)
            except Exception:
                session.close()  # a kernel that went out of bounds leaves the backend broken
                raise
        return Run(
            tuple(applied.name for applied in artifact.repairs),
            [given[f"y{index}"] for index in range(len(expected))],
            expected,
        )

    return run


@dataclass(frozen=True)
class Together:
    """Functions converted as one model, which is much faster than one by one."""

    directory: Path
    runs: dict[str, Run]
    """What a backend answered for each, and the repairs of its nodes."""


@pytest.fixture(scope="session")
def together(tmp_path_factory, worker, sessions):
    """Converts functions as one model and runs it on a backend."""
    import tensorflow as tf

    def together(backend, cases) -> Together:
        specs, places = [], {}
        for number, (key, (_, arguments, free)) in enumerate(cases.items()):
            places[key] = range(len(specs), len(specs) + len(arguments))
            for spec in _specs(arguments, free):
                specs.append(tf.TensorSpec(spec.shape, spec.dtype, f"i{number}_{len(specs)}"))

        def serve(*inputs):
            outputs = {}
            for number, (key, (function, _, _)) in enumerate(cases.items()):
                with tf.name_scope(f"case_{number}_"):
                    results = _named(function(*(inputs[place] for place in places[key])))
                outputs |= {f"c{number}_{name}": value for name, value in results.items()}
            return outputs

        module = tf.Module()
        module.serve = tf.function(serve, autograph=False, input_signature=specs)
        directory = tmp_path_factory.mktemp("together")
        concrete = module.serve.get_concrete_function()
        tf.saved_model.save(module, str(directory / "model"), signatures=concrete)
        values = [value for _, arguments, _ in cases.values() for value in arguments]
        expected = {k: v.numpy() for k, v in module.serve(*values).items()}
        with open_model(directory / "model") as model:
            artifact = convert(model, directory / "out", worker=worker)
        feed = {s.name: v for s, v in zip(specs, values, strict=True) if s.name in artifact.inputs}
        with TFJS(artifact, session=sessions(backend), timeout=120) as runtime:
            given = runtime.run(feed)
        nodes, runs = list(_nodes(artifact)), {}
        for number, key in enumerate(cases):
            names = [name for name in expected if name.startswith(f"c{number}_")]
            repairs = tuple(
                repair.name
                for repair in artifact.repairs
                if any(f"case_{number}_" in node for node in repair.nodes)
            )
            operations = frozenset(op for op, node in nodes if f"case_{number}_" in node)
            runs[key] = Run(
                repairs, [given[n] for n in names], [expected[n] for n in names], operations
            )
        return Together(directory, runs)

    return together


def _nodes(artifact):
    """Op type and name of every node, the names in functions behind the function's."""
    topology = json.loads(artifact.model_json.read_text())["modelTopology"]
    yield from ((node["op"], node["name"]) for node in topology["node"])
    for function in topology.get("library", {}).get("function", []):
        for node in function.get("nodeDef", []):
            yield node["op"], f"{function['signature']['name']}/{node['name']}"


def _named(result):
    if not isinstance(result, (list, tuple)):
        result = [result]
    return {f"y{index}": value for index, value in enumerate(result)}
