from __future__ import annotations

import pytest

from tfjs_verify.errors import ModelError
from tfjs_verify.model import open_model
from tfjs_verify.runtimes import TensorFlow


@pytest.fixture(scope="session")
def refusal():
    """The message with which a source is refused."""

    def refused(source, **options) -> str:
        with pytest.raises(ModelError) as caught, open_model(source, **options):
            pass
        assert caught.value.exit_code == 2
        return caught.value.message

    return refused


@pytest.fixture(scope="session")
def answers():
    """What the reference runtime answers for a source, with its signature."""

    def answer(source, inputs, **options):
        with open_model(source, **options) as model, TensorFlow(model) as runtime:
            return model, runtime.run(inputs)

    return answer
