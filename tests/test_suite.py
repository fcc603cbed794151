from __future__ import annotations

import pytest

from tfjs_verify.errors import RequestError
from tfjs_verify.measurements.readings import Reading
from tfjs_verify.suite import read_suite, verify_suite


def suite(tmp_path, text):
    file = tmp_path / "suite.toml"
    file.write_text(text)
    return file


def test_a_suite_says_per_model_what_the_command_line_says(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "one.npz").touch()
    entries = read_suite(
        suite(
            tmp_path,
            """
            [[model]]
            path = "saved_model"
            name = "digits"
            data = ["real/*.npz"]
            examples = 50
            backends = ["wasm", "cpu"]
            no_repair = true
            timeout = 7.5
            mutation_check = 25
            scores = { spam = "probability@0.3" }
            [model.inputs.tokens]
            domain = "int 0..999"
            [[model.expected_failure]]
            backend = "wasm"
            reason = "https://github.com/tensorflow/tfjs/issues/8406"

            [[model]]
            path = "other.keras"
            """,
        ),
        {"seed": 5},
    )
    first, second = entries
    assert first.request.model == str(tmp_path / "saved_model")
    assert first.request.name == "digits"
    assert first.request.data == (tmp_path / "real" / "one.npz",)
    assert (first.request.examples, first.request.timeout) == (50, 7.5)
    assert first.request.backends == ("wasm", "cpu")
    assert (first.request.mutation_check, second.request.mutation_check) == (25, 0)
    assert first.request.scores == {"spam": Reading("probability", 0.3)}
    assert first.request.repair is False
    assert str(first.request.inputs["tokens"]) == "int 0..999"
    assert first.expected_failures == {"wasm": "https://github.com/tensorflow/tfjs/issues/8406"}
    assert second.request.name == "other"
    assert first.request.seed == second.request.seed == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no \[\[model\]\]"),
        ("[[model", "no TOML"),
        ("[[model]]\nname = 'x'", "model 1: `path` is missing"),
        ("[[model]]\npath = 'a'\nexample = 3", "did you mean 'examples'"),
        ("[[model]]\npath = 'a'\nbackends = ['gpu']", "no backend 'gpu'"),
        ("[[model]]\npath = 'a'\nexamples = 0", "zero cases"),
        ("[[model]]\npath = 'a'\ndata = ['none/*.npz']", "no file matches"),
        ("[[model]]\npath = 'a'\ndata = 3", "list of texts"),
        ("[[model]]\npath = 'a'\n[model.inputs]\nx = 3", "model 1: input 'x': .*domain = "),
        ("[[model]]\npath = 'a'\ninputs = 'x'", "model 1: `inputs` wants a table"),
        ("[[model]]\npath = 'a'\nscores = {y = 'boxs'}", "model 1: 'boxs' is no kind of output"),
        ("[[model]]\npath = 'a'\nquantization_budget = 'x'", "model 1: a quantisation budget"),
        ("[[model]]\npath = 'a'\nquantization_budget = '1%'", "model 1: .* for what is quantised"),
        ("[[model]]\npath = 'b/a'\n[[model]]\npath = 'c/a'", "two models are called 'a'"),
        (
            "[[model]]\npath = 'a'\n[[model.expected_failure]]\nbackend = 'wasm'",
            "needs a `reason`",
        ),
        (
            "[[model]]\npath = 'a'\nbackends=['cpu']\n[[model.expected_failure]]\n"
            "backend = 'wasm'\nreason = 'r'",
            "not verified",
        ),
        ("[suite]", "no option 'suite'"),
        ("[[model]]\npath = 'a'\nexpected_failure = 1", "model 1: `expected_failure` wants tables"),
        ("[[model]]\npath = 3", "model 1: path must be a text"),
        ("[[model]]\npath = 'a'\nwork_dir = 3", "model 1: work_dir must be a text"),
        ("[[model]]\npath = 'a'\nexamples = '3'", "model 1: examples must be a whole number"),
        ("[[model]]\npath = 'a'\nno_repair = 'no'", "model 1: no_repair must be true or false"),
    ],
)
def test_a_suite_that_says_something_else_is_refused(tmp_path, text, message):
    with pytest.raises(RequestError, match=message):
        read_suite(suite(tmp_path, text))


def test_a_suite_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RequestError, match=r"nowhere\.toml"):
        read_suite(tmp_path / "nowhere.toml")


def test_expectations_turn_failures_into_passes_and_passes_into_failures(models, tmp_path):
    file = suite(
        tmp_path,
        f"""
        [[model]]
        path = "{models / "plain"}"
        backends = ["cpu"]
        examples = 2
        [[model.expected_failure]]
        backend = "cpu"
        reason = "long mended"

        [[model]]
        path = "{models / "plain"}"
        name = "strict"
        backends = ["cpu"]
        examples = 20
        atol = 0
        rtol = 0
        work_dir = "work"
        [[model.expected_failure]]
        backend = "cpu"
        reason = "rounding"
        """,
    )
    unexpected, expected = verify_suite(read_suite(file)).models
    assert unexpected.verdict == "fail"
    assert "long mended" in unexpected.backends[0].findings[-1].message
    assert expected.verdict == "pass"
    assert not any(finding.gates for finding in expected.backends[0].findings)
    assert (tmp_path / "work" / "strict" / "artifact" / "model.json").is_file()
